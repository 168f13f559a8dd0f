/**
 * A variable of a loaded model: a value that assignments replace. The value itself never changes, so whoever read it
 * keeps what he read; changing some rows costs a copy of all.
 */
import {
  type DType,
  failedPrecondition,
  internal,
  invalidArgument,
  shapeText,
  type Tensor,
} from "@servable/formats";
import type { Attrs } from "../graph/attrs.js";
import type { Resource, Value } from "../values.js";

export class Variable implements Resource {
  readonly kind = "Variable";
  /** Undefined until the first assignment. */
  value?: Tensor;

  constructor(
    readonly name: string,
    readonly dtype: DType,
  ) {}

  /** The current value. FAILED_PRECONDITION when nothing has been assigned. */
  read(): Tensor {
    if (this.value === undefined) {
      throw failedPrecondition(
        `Could not find variable ${this.name}. This could mean that the variable has been deleted. ` +
          "In TF1, it can also mean the variable is uninitialized.",
      );
    }
    return this.value;
  }

  /** Replaces the value. INVALID_ARGUMENT when the dtype is not the variable's. */
  assign(value: Tensor): void {
    if (value.dtype !== this.dtype) {
      throw invalidArgument(
        `Trying to assign variable ${this.name} with wrong dtype. Expected ${this.dtype} got ${value.dtype} ` +
          `of shape ${shapeText(value.shape)}`,
      );
    }
    this.value = value;
  }
}

/** The variable that a handle refers to; the importer has checked types, so anything else is a defect. */
export function variableOf(value: Value | undefined): Variable {
  if (value?.dtype !== "resource" || !(value.resource instanceof Variable)) {
    throw internal(
      `expected the handle of a variable, got ${value?.dtype === "resource" ? value.resource.kind : value?.dtype}`,
    );
  }
  return value.resource;
}

/**
 * The name under which a node's resource lives in the ResourceManager: its shared name, or its own name where it has
 * none. Containers are not told apart: TensorFlow's producers give every resource of a graph a name of its own.
 */
export function resourceName(node: { readonly name: string; readonly attrs: Attrs }): string {
  const shared = node.attrs.string("shared_name");
  return shared === "" ? node.name : shared;
}
