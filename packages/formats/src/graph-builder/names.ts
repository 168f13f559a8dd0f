/**
 * Names of operations: unique within a graph without regard to case, made of scopes divided by slashes, as
 * tf.Graph.unique_name makes them ("dense/MatMul", "dense_1/MatMul").
 */
import { invalidArgument } from "../status.js";

const validName = /^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$/;

export class NameScopes {
  private readonly taken = new Set<string>();
  private scope = "";

  /** A name that nothing in the graph has yet: the current scope and `name`, with _1, _2 … if need be. */
  unique(name: string): string {
    const wanted = `${this.scope}${name}`;
    if (!validName.test(wanted)) {
      throw invalidArgument(
        `"${wanted}" is no name of an operation: letters, digits and . _ - > / \\ only, the first a letter, digit or .`,
      );
    }
    let unique = wanted;
    for (let i = 1; this.taken.has(unique.toLowerCase()); i++) unique = `${wanted}_${i}`;
    this.take(unique);
    return unique;
  }

  /** Keeps the name of an imported operation from being given away. */
  reserve(name: string): void {
    this.take(name);
  }

  /** Runs `body` with all new names below `scope`, a full name. */
  within<T>(scope: string, body: () => T): T {
    const outer = this.scope;
    this.scope = `${scope}/`;
    try {
      return body();
    } finally {
      this.scope = outer;
    }
  }

  /** The name and every scope that it lies in. */
  private take(name: string): void {
    const lower = name.toLowerCase();
    for (let end = lower.indexOf("/"); end !== -1; end = lower.indexOf("/", end + 1)) {
      this.taken.add(lower.slice(0, end));
    }
    this.taken.add(lower);
  }
}
