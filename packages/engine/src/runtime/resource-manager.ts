/** The resources of one loaded model, by container and name, as TensorFlow's ResourceMgr keeps them. */
import { failedPrecondition, notFound } from "@servable/formats";
import type { Resource } from "../values.js";

export class ResourceManager {
  private readonly resources = new Map<string, Resource>();

  /** The resource of that kind and name, made on first use. FAILED_PRECONDITION when the name holds another kind. */
  lookupOrCreate<R extends Resource>(kind: R["kind"], name: string, create: () => R): R {
    const found = this.resources.get(name);
    if (found === undefined) {
      const made = create();
      this.resources.set(name, made);
      return made;
    }
    return this.checked<R>(found, kind, name);
  }

  /** Undefined when there is none. */
  find<R extends Resource>(kind: R["kind"], name: string): R | undefined {
    const found = this.resources.get(name);
    return found === undefined ? undefined : this.checked<R>(found, kind, name);
  }

  /** NOT_FOUND when there is none. */
  lookup<R extends Resource>(kind: R["kind"], name: string): R {
    const found = this.resources.get(name);
    if (found === undefined) throw notFound(`${kind} "${name}" does not exist`);
    return this.checked<R>(found, kind, name);
  }

  delete(name: string): boolean {
    return this.resources.delete(name);
  }

  /** Closes all resources and forgets them. */
  close(): void {
    for (const resource of this.resources.values()) resource.close?.();
    this.resources.clear();
  }

  private checked<R extends Resource>(found: Resource, kind: R["kind"], name: string): R {
    if (found.kind !== kind) throw failedPrecondition(`"${name}" is a ${found.kind}, not a ${kind}`);
    return found as R;
  }
}
