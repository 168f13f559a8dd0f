/** Shapes of variables, tables, queues' siblings and parsed examples: what a node's attributes declare. */
import type { NodeAttrs } from "../../op-defs/node-types.js";
import type { PartialShape } from "../../shape.js";
import { knownSizes } from "./known-values.js";
import {
  intAttr,
  merged,
  type RuleTable,
  type ShapeRule,
  sameAs,
  shapeAttr,
  shapeList,
  shapeOf,
  UNKNOWN_SIZE,
} from "./rule.js";

/** The shape that the variable's handle was declared with. */
const handleShape = (inputs: Parameters<ShapeRule>[0]["inputs"]): PartialShape =>
  inputs[0] === undefined || inputs[0].operation.type !== "VarHandleOp"
    ? null
    : shapeAttr(inputs[0].operation.attrs, "shape");

const readVariable: ShapeRule = ({ inputs }) => [handleShape(inputs)];

const resourceGather: ShapeRule = ({ inputs, attrs }) => {
  const [params, indices] = [handleShape(inputs), shapeOf(inputs, 1)];
  const batch = intAttr(attrs, "batch_dims");
  return [
    params && indices && [...params.slice(0, batch), ...indices.slice(batch), ...params.slice(batch + 1)],
  ];
};

/** A reference, given another value. */
const assign: ShapeRule = ({ inputs }) => [merged(shapeOf(inputs, 0), shapeOf(inputs, 1))];

/** One value per key, unless the table is of a kind whose values may be vectors. */
const lookup: ShapeRule = ({ inputs }) => [
  /^(Mutable)?HashTable(V2)?$/.test(inputs[0]?.operation.type ?? "") ? shapeOf(inputs, 1) : null,
];

const scalar: ShapeRule = () => [[]];

function sparseShapes(batch: PartialShape, count: number): PartialShape[] {
  const rank = batch === null ? UNKNOWN_SIZE : batch.length + 1;
  return [[UNKNOWN_SIZE, rank], [UNKNOWN_SIZE], [rank]].flatMap((shape) =>
    new Array<PartialShape>(Math.max(count, 0)).fill(shape),
  );
}

function denseShapes(batch: PartialShape, attrs: NodeAttrs): PartialShape[] {
  return shapeList(attrs, "dense_shapes").map((shape) =>
    batch === null || shape === null ? null : [...batch, ...shape],
  );
}

/** Dense features of a batch of serialized examples; sparse and ragged ones depend on what the examples hold. */
const parseExample =
  (sparseAttr: string): ShapeRule =>
  ({ inputs, attrs, outputCount }) => {
    const batch = shapeOf(inputs, 0);
    const sparse = Math.min(intAttr(attrs, sparseAttr), outputCount);
    const shapes = [...sparseShapes(batch, sparse), ...denseShapes(batch, attrs)];
    // Ragged features: all their values, then where each row begins and the last ends.
    const ragged = Math.floor((outputCount - shapes.length) / 2);
    const rows = batch?.length === 1 && (batch[0] as number) >= 0 ? (batch[0] as number) + 1 : UNKNOWN_SIZE;
    const repeat = (size: number) => new Array<PartialShape>(ragged).fill([size]);
    return [...shapes, ...repeat(UNKNOWN_SIZE), ...repeat(rows)];
  };

const parseSingleExample: ShapeRule = ({ attrs, outputCount }) => {
  const sparse = Math.min(intAttr(attrs, "num_sparse"), outputCount);
  return [...sparseShapes([], sparse), ...denseShapes([], attrs)];
};

/** The shape that an input says elements have; a scalar -1 says that it is not known. */
const elementShape = (inputs: Parameters<ShapeRule>[0]["inputs"], i: number): PartialShape =>
  inputs[i]?.shape?.length === 1 ? (knownSizes(inputs, i) ?? null) : null;

const listElement: ShapeRule = ({ inputs }) => [elementShape(inputs, 2)];

/** As many elements as the node says, each of the shape that it is given. */
const listStack: ShapeRule = ({ inputs, attrs }) => {
  const element = elementShape(inputs, 1);
  return [element === null ? null : [intAttr(attrs, "num_elements") || UNKNOWN_SIZE, ...element]];
};

export const stateRules: RuleTable = [
  [({ attrs }) => [shapeAttr(attrs, "shape")], "VariableV2 TemporaryVariable"],
  [
    // The first variables wrote an unknown shape as a scalar's.
    ({ attrs }) => {
      const shape = shapeAttr(attrs, "shape");
      return [shape?.length === 0 ? null : shape];
    },
    "Variable",
  ],
  [assign, "Assign AssignAdd AssignSub"],
  [sameAs(0), "ScatterUpdate ScatterAdd ScatterSub ScatterMul ScatterDiv"],
  [readVariable, "ReadVariableOp"],
  [resourceGather, "ResourceGather"],
  [lookup, "LookupTableFindV2 LookupTableFind"],
  [
    scalar,
    `VarHandleOp HashTableV2 MutableHashTableV2 MutableDenseHashTableV2 MutableHashTableOfTensorsV2 AnonymousHashTable
     VarIsInitializedOp IsVariableInitialized LookupTableSizeV2 ReadFile ShardedFilename ShardedFilespec MergeSummary
     TensorListLength TensorArraySizeV3 LoopCond TensorListReserve TensorListFromTensor EmptyTensorList
     TensorListSetItem`,
  ],
  [listElement, "TensorListGetItem"],
  [listStack, "TensorListStack"],
  [parseExample("Nsparse"), "ParseExample"],
  [parseExample("num_sparse"), "ParseExampleV2"],
  [parseSingleExample, "ParseSingleExample"],
  [
    ({ attrs }) => shapeList(attrs, "output_shapes"),
    "If StatelessIf While StatelessWhile Case StatelessCase IteratorGetNext",
  ],
];
