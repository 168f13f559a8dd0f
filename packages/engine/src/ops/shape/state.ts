/** Variables, tables, iterators, lists, control flow and calls: what outlives a node or encloses others. */
import type { PartialShape } from "@servable/formats";
import type { ShapeContext, ShapeRule, ShapeTable } from "../op-table.js";
import { entriesOf, shapeFromInput, withEntries } from "./entries.js";
import {
  fixed,
  forAll,
  passThrough,
  sameAs,
  sameAsInput,
  scalars,
  shapeAttr,
  shapesAttr,
  unknown,
} from "./families.js";
import { commonShape, joined, mergeShapes, UNKNOWN, withSize } from "./partial-shape.js";
import { gathered, gatheredNd } from "./slicing.js";

/** No outputs. */
const nothing: ShapeRule = () => [];

// biome-ignore format: a list of names
const withoutOutputs = [
  "Assert", "AssignAddVariableOp", "AssignSubVariableOp", "AssignVariableOp", "ControlTrigger", "DestroyResourceOp",
  "DisableCopyOnRead", "InitializeTable", "InitializeTableFromTextFile", "InitializeTableFromTextFileV2",
  "InitializeTableV2", "LookupTableImport", "LookupTableImportV2", "LookupTableInsert", "LookupTableInsertV2",
  "LookupTableRemoveV2", "MakeIterator", "MergeV2Checkpoints", "NoOp", "PrintV2", "ResourceScatterAdd",
  "ResourceScatterDiv", "ResourceScatterMax", "ResourceScatterMin", "ResourceScatterMul", "ResourceScatterNdAdd",
  "ResourceScatterNdMax", "ResourceScatterNdMin", "ResourceScatterNdSub", "ResourceScatterNdUpdate",
  "ResourceScatterSub", "ResourceScatterUpdate", "ResourceStridedSliceAssign", "Save", "SaveSlices", "SaveV2",
  "StackCloseV2", "TensorArrayClose", "TensorArrayCloseV2", "TensorArrayCloseV3", "WriteFile",
];

/** Handles, one per node. */
// biome-ignore format: a list of names
const handles = [
  "AnonymousHashTable", "AnonymousIterator", "AnonymousIteratorV2", "AnonymousIteratorV3", "AnonymousMutableHashTable",
  "HashTableV2", "Iterator", "IteratorV2", "MutableDenseHashTableV2", "MutableHashTableOfTensorsV2",
  "MutableHashTableV2", "OneShotIterator", "StackV2",
];

/** TF1 tables are known by two strings: container and name. */
const stringHandles = ["HashTable", "MutableDenseHashTable", "MutableHashTable", "MutableHashTableOfTensors"];

/** What is known of the value behind handle 0, or of the elements of list 0. */
const elementOf = (node: ShapeContext): PartialShape => node.inputs[0]?.element ?? null;

// ---- variables -----------------------------------------------------------------------------------------------

const assigned: ShapeRule = (node) => [
  node.attrs.bool("validate_shape") ? mergeShapes(node.shape(0), node.shape(1)) : node.shape(1),
];

/** Rows of a variable whose shape the handle doesn't tell. */
const restored: ShapeRule = (node) => node.outputTypes.map(() => null);

// ---- tables --------------------------------------------------------------------------------------------------

/** Scalar values, one per key, when the default value is a scalar; else vectors like it. */
const found: ShapeRule = (node) => {
  const [keys, fallback] = [node.shape(1), node.shape(2)];
  return [fallback?.length === 0 ? keys : null];
};

// ---- lists ---------------------------------------------------------------------------------------------------

/** The shape that an input holds: scalar -1 is unknown. */
const shapeInput = (node: ShapeContext, input: number): PartialShape =>
  node.shape(input)?.length === 0 ? null : shapeFromInput(node, input);

/** What the elements of list 0 agree with, and with what this input says. */
const elementShape = (node: ShapeContext, input: number): PartialShape =>
  mergeShapes(shapeInput(node, input), elementOf(node));

/** A new list of elements of the shape that an input holds. */
const listWith =
  (input: number): ShapeRule =>
  (node) => [{ shape: [], element: shapeInput(node, input) }];

/** A list like list 0. */
const sameList: ShapeRule = (node) => [{ shape: [], element: elementOf(node) }];

const listItem: ShapeRule = (node) => [elementShape(node, 2)];

const listStack: ShapeRule = (node) => {
  const count = node.attrs.int("num_elements");
  return [joined([count < 0 ? UNKNOWN : count], elementShape(node, 1))];
};

const listGather: ShapeRule = (node) => [joined(node.shape(1), elementShape(node, 2))];

/** Elements joined along their first axis, and the length of each. */
const listConcat: ShapeRule = (node) => {
  const element =
    node.inputs.length > 1
      ? elementShape(node, 1)
      : mergeShapes(node.attrs.shape("element_shape"), elementOf(node));
  return [element === null || element.length === 0 ? null : withSize(element, 0, UNKNOWN), [UNKNOWN]];
};

const arrayGather: ShapeRule = (node) => [joined(node.shape(1), node.attrs.shape("element_shape"))];

const arrayConcat: ShapeRule = (node) => [
  joined([UNKNOWN], node.attrs.shape("element_shape_except0")),
  [UNKNOWN],
];

// ---- control flow --------------------------------------------------------------------------------------------

const switched: ShapeRule = (node) =>
  node.outputTypes.map((type) => withEntries(type, node.shape(0), node.entries(0)));

/** What holds whichever input arrives, and which one it was. */
const merged: ShapeRule = (node) => {
  const all = node.inputs.map((_, i) => node.shape(i));
  return [all.reduce((a, b) => commonShape(a, b)) ?? null, []];
};

/** Loop variables keep their shapes unless output_shapes says otherwise. */
const whileLoop: ShapeRule = (node) => {
  const declared = node.attrs.has("output_shapes") ? node.attrs.shapes("output_shapes") : [];
  return node.outputTypes.map((_, i) => declared[i] ?? null);
};

export const stateShapes: ShapeTable = {
  ...forAll(withoutOutputs, nothing),
  ...forAll(handles, scalars),
  ...forAll(stringHandles, fixed([2])),

  ...forAll(["Variable", "VariableV2", "TemporaryVariable"], shapeAttr("shape")),
  ...forAll(["Assign"], assigned),
  ...forAll(["AssignAdd", "AssignSub"], (node) => [mergeShapes(node.shape(0), node.shape(1))]),
  // biome-ignore format: a list of names
  ...forAll([
    "ScatterAdd", "ScatterDiv", "ScatterMax", "ScatterMin", "ScatterMul", "ScatterNdAdd", "ScatterNdSub",
    "ScatterNdUpdate", "ScatterSub", "ScatterUpdate", "StridedSliceAssign",
  ], sameAsInput),
  ...forAll(["IsVariableInitialized", "VarIsInitializedOp"], scalars),
  VarHandleOp: (node) => [{ shape: [], element: node.attrs.shape("shape") }],
  ReadVariableOp: (node) => [elementOf(node)],
  ResourceGather: (node) => [gathered(elementOf(node), node.shape(1), 0, node.attrs.int("batch_dims"))],
  ResourceGatherNd: (node) => [gatheredNd(elementOf(node), node.shape(1))],
  VariableShape: (node) => {
    const shape = elementOf(node);
    return [shape === null ? [UNKNOWN] : withEntries(node.outputTypes[0], [shape.length], entriesOf(shape))];
  },
  ...forAll(["Restore", "RestoreSlice", "RestoreV2"], restored),

  ...forAll(["LookupTableFind", "LookupTableFindV2"], found),
  ...forAll(["LookupTableSize", "LookupTableSizeV2"], scalars),
  ...forAll(["LookupTableExport", "LookupTableExportV2"], fixed([UNKNOWN], null)),
  ...forAll(["IteratorGetNext", "IteratorGetNextSync"], shapesAttr("output_shapes")),

  ...forAll(["AudioSummary", "AudioSummaryV2", "HistogramSummary", "ImageSummary"], scalars),
  ...forAll(["MergeSummary", "ScalarSummary", "TensorSummary", "TensorSummaryV2"], scalars),

  Const: (node) => [node.attrs.tensor("value").shape],
  Placeholder: shapeAttr("shape"),
  PlaceholderV2: shapeAttr("shape"),
  PlaceholderWithDefault: shapeAttr("shape"),

  ...forAll(["EmptyTensorList", "TensorListReserve"], listWith(0)),
  ...forAll(["TensorListFromTensor", "TensorListSplit"], listWith(1)),
  ...forAll(["TensorListScatter", "TensorListScatterV2"], listWith(2)),
  // biome-ignore format: a list of names
  ...forAll([
    "TensorListConcatLists", "TensorListPushBack", "TensorListResize", "TensorListScatterIntoExistingList",
    "TensorListSetItem",
  ], sameList),
  TensorListLength: scalars,
  TensorListPushBackBatch: sameAsInput,
  TensorListElementShape: () => [null],
  TensorListGetItem: listItem,
  TensorListPopBack: (node) => [{ shape: [], element: elementOf(node) }, elementShape(node, 1)],
  TensorListStack: listStack,
  TensorListGather: listGather,
  ...forAll(["TensorListConcat", "TensorListConcatV2"], listConcat),
  ...forAll(["TensorArrayV2", "TensorArray"], fixed([2])),
  TensorArrayV3: fixed([], []),
  // biome-ignore format: a list of names
  ...forAll([
    "TensorArrayWriteV2", "TensorArrayWriteV3", "TensorArrayScatterV2", "TensorArrayScatterV3", "TensorArraySizeV2",
    "TensorArraySizeV3", "TensorArraySplitV2", "TensorArraySplitV3",
  ], scalars),
  ...forAll(["TensorArrayReadV2", "TensorArrayReadV3"], unknown),
  ...forAll(["TensorArrayGatherV2", "TensorArrayGatherV3"], arrayGather),
  ...forAll(["TensorArrayConcatV2", "TensorArrayConcatV3"], arrayConcat),
  StackPushV2: sameAs(1),
  StackPopV2: unknown,

  ...forAll(["Switch", "RefSwitch"], switched),
  _SwitchN: (node) => node.outputTypes.map(() => node.shape(0)),
  ...forAll(["Merge", "RefMerge"], merged),
  ...forAll(["Enter", "RefEnter", "Exit", "RefExit", "LoopCond"], passThrough),
  ...forAll(["NextIteration", "RefNextIteration"], unknown),
  ...forAll(["If", "StatelessIf", "Case", "StatelessCase"], shapesAttr("output_shapes")),
  ...forAll(["While", "StatelessWhile"], whileLoop),
  ...forAll(["PartitionedCall", "StatefulPartitionedCall", "SymbolicGradient", "RemoteCall"], unknown),
  Abort: nothing,
  Print: sameAsInput,
  Timestamp: scalars,
};
