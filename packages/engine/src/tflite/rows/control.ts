/** Subgraphs that operators run, and lookup tables. Tensors enter and leave a subgraph as they are stored. */
import type { Output } from "@servable/formats";
import { ints, type TfliteOp, type TfliteRow, type TfliteTable } from "../operator.js";

const storedInputs = (op: TfliteOp, from: number): Output[] =>
  Array.from({ length: op.inputCount - from }, (_, i) => op.stored(from + i));

const ifRow: TfliteRow = (op) => {
  const { first, second } = op.options("IfOptions");
  const [then, otherwise] = [op.scope.function(first), op.scope.function(second)];
  return op.g.op(
    then.stateful || otherwise.stateful ? "If" : "StatelessIf",
    [op.scalar(0), storedInputs(op, 1)],
    {
      Tout: then.resultTypes,
      then_branch: then.name,
      else_branch: otherwise.name,
    },
  ).outputs;
};

const whileRow: TfliteRow = (op) => {
  const { first, second } = op.options("WhileOptions");
  const [cond, body] = [op.scope.function(first), op.scope.function(second)];
  return op.g.op(cond.stateful || body.stateful ? "While" : "StatelessWhile", [storedInputs(op, 0)], {
    cond: cond.name,
    body: body.name,
  }).outputs;
};

/** What a composite operator stands for is a subgraph of the model. */
const composite: TfliteRow = (op) =>
  op.scope.inline(op.options("StableHLOCompositeOptions").decompositionSubgraph, storedInputs(op, 0));

/** A subgraph to run before all others: it fills tables. */
const callOnce: TfliteRow = (op) => {
  op.scope.inline(op.options("CallOnceOptions").subgraph, []);
  return [];
};

const hashTable: TfliteRow = (op) => {
  const { tableId, keyDtype, valueDtype } = op.options("HashtableOptions");
  return op.g.compute("HashTableV2", [], {
    key_dtype: keyDtype,
    value_dtype: valueDtype,
    shared_name: `table_${tableId}`,
  });
};

const importTable: TfliteRow = (op) => {
  op.scope.initialize(op.g.op("LookupTableImportV2", op.inputs()));
  return [];
};

/** Unknown keys are found as a value that is given. */
const findInTable: TfliteRow = (op) =>
  op.g.compute("LookupTableFindV2", [op.input(0), op.input(1), op.scalar(2)]);

export const controlRows: TfliteTable = {
  CALL_ONCE: callOnce,
  HASHTABLE: hashTable,
  HASHTABLE_FIND: findInTable,
  HASHTABLE_IMPORT: importTable,
  // A vector of one, where TensorFlow has a scalar.
  HASHTABLE_SIZE: (op) =>
    op.g.compute("Reshape", [op.g.compute("LookupTableSizeV2", [op.input(0)]), ints(1)]),
  IF: ifRow,
  STABLEHLO_COMPOSITE: composite,
  WHILE: whileRow,
};
