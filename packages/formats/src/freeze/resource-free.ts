/**
 * How operations on a variable's handle become operations on its value: as data. What is not here can't be frozen, for it
 * changes the variable or needs the handle itself.
 */

/** The op that takes the place of another, the handle being the value now. */
export interface FrozenForm {
  readonly op: string;
  /** Its attributes: a name of the old op's, or the value's type. Others are dropped. */
  readonly attrs: Readonly<Record<string, { readonly from: string } | "dtype">>;
  /** What its first output is called, inside of functions. */
  readonly output: string;
  /** Whether it takes the axis, an int32 scalar of `batch_dims`, as a last input. */
  readonly takesAxis?: boolean;
}

export const frozenForms: Readonly<Record<string, FrozenForm>> = {
  ReadVariableOp: { op: "Identity", attrs: { T: "dtype" }, output: "output" },
  ResourceGather: {
    op: "GatherV2",
    attrs: { Tparams: "dtype", Tindices: { from: "Tindices" }, batch_dims: { from: "batch_dims" } },
    output: "output",
    takesAxis: true,
  },
  ResourceGatherNd: {
    op: "GatherNd",
    attrs: { Tparams: "dtype", Tindices: { from: "Tindices" } },
    output: "output",
  },
  VariableShape: { op: "Shape", attrs: { T: "dtype", out_type: { from: "out_type" } }, output: "output" },
};

/** Ops that hand a handle on: their T becomes the value's type, and so do their outputs. */
export const passingOps: ReadonlySet<string> = new Set([
  "Identity",
  "Enter",
  "Exit",
  "Switch",
  "StopGradient",
  "Merge",
  "NextIteration",
]);

/** Ops with a list of inputs of any type, and the functions that they call. */
export const callingOps: Readonly<
  Record<string, { readonly types: string; readonly skip: number; readonly functions: readonly string[] }>
> = {
  PartitionedCall: { types: "Tin", skip: 0, functions: ["f"] },
  StatefulPartitionedCall: { types: "Tin", skip: 0, functions: ["f"] },
  If: { types: "Tin", skip: 1, functions: ["then_branch", "else_branch"] },
  StatelessIf: { types: "Tin", skip: 1, functions: ["then_branch", "else_branch"] },
  While: { types: "T", skip: 0, functions: ["cond", "body"] },
  StatelessWhile: { types: "T", skip: 0, functions: ["cond", "body"] },
  Case: { types: "Tin", skip: 1, functions: ["branches"] },
  StatelessCase: { types: "Tin", skip: 1, functions: ["branches"] },
};

/** Ops on references, and their forms on values. */
export const referenceOps: Readonly<Record<string, string>> = {
  RefIdentity: "Identity",
  RefEnter: "Enter",
  RefExit: "Exit",
  RefSwitch: "Switch",
  RefMerge: "Merge",
  RefNextIteration: "NextIteration",
};
