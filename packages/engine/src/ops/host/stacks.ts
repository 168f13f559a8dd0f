/**
 * Stacks: what TF1's gradients of loops remember from step to step. Each run of StackV2 makes a new one, which lives as
 * long as its handle. Behaviour: tensorflow/core/kernels/stack.cc.
 */
import { invalidArgument } from "@servable/formats";
import type { Resource, Value } from "../../values.js";
import type { HostTable, NodeFacts } from "../op-table.js";
import { ensure, integerOf } from "./kernel.js";
import { stateful } from "./stateful.js";

class Stack implements Resource {
  readonly kind = "Stack";
  readonly values: Value[] = [];
  closed = false;

  constructor(
    readonly name: string,
    /** Any number when negative. */
    readonly maxSize: number,
  ) {}
}

/** The open stack of a handle. */
function stackOf(handle: Value | undefined): Stack {
  if (handle?.dtype !== "resource" || !(handle.resource instanceof Stack)) {
    throw invalidArgument("expected the handle of a stack");
  }
  ensure(!handle.resource.closed, `Stack[${handle.resource.name}] has already been closed.`);
  return handle.resource;
}

function create(node: NodeFacts) {
  const name = node.attrs.string("stack_name") || node.name;
  return ([size]: readonly Value[]): Value[] => {
    const maxSize = integerOf(size, "Stack size");
    return [{ dtype: "resource", shape: [], resource: new Stack(name, maxSize) }];
  };
}

function push([handle, value]: readonly Value[]): Value[] {
  const stack = stackOf(handle);
  const { length } = stack.values;
  ensure(
    stack.maxSize < 0 || length < stack.maxSize,
    `Stack[${stack.name}] overflowed its max_size (${stack.maxSize})`,
  );
  stack.values.push(value as Value);
  return [value as Value];
}

function pop([handle]: readonly Value[]): Value[] {
  const stack = stackOf(handle);
  const value = stack.values.pop();
  if (value === undefined) throw invalidArgument(`Stack[${stack.name}] is empty when calling Pop().`);
  return [value];
}

function close([handle]: readonly Value[]): Value[] {
  const stack = stackOf(handle);
  stack.closed = true;
  stack.values.length = 0;
  return [];
}

export const stackKernels: HostTable = {
  StackV2: stateful(create),
  StackPushV2: stateful(() => push),
  StackPopV2: stateful(() => pop),
  StackCloseV2: stateful(() => close),
};
