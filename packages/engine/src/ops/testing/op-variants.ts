/**
 * Runs variants of single ops, as conformance/ops recorded them from TensorFlow, through the whole compiler.
 *
 * A variant is one node with inputs and TensorFlow's outputs. It is made into a model several times, with more or less
 * known when it is compiled: which inputs are constants, and how much of the shapes of the others is declared. Whatever
 * is known, the model gives TensorFlow's result; where TensorFlow fails, it fails with the same code.
 */
import { readFileSync } from "node:fs";
import { create, fromBinary, fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import {
  buildSignatureDef,
  DEFAULT_SERVING_SIGNATURE,
  dtypeNumber,
  PREDICT_METHOD,
  type Shape,
  StatusError,
  type Tensor,
  tensorToProto,
} from "@servable/formats";
import { AttrValueSchema } from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import {
  type FunctionDefLibrary,
  FunctionDefLibrarySchema,
} from "@servable/formats/protobuf/tensorflow/core/framework/function_pb";
import { GraphDefSchema } from "@servable/formats/protobuf/tensorflow/core/framework/graph_pb";
import {
  type NodeDef,
  NodeDefSchema,
} from "@servable/formats/protobuf/tensorflow/core/framework/node_def_pb";
import {
  MetaGraphDefSchema,
  type TensorInfo,
  TensorInfoSchema,
} from "@servable/formats/protobuf/tensorflow/core/protobuf/meta_graph_pb";
import {
  compareForm,
  compareTensor,
  decodeTensor,
  type GoldenTensor,
  type Tolerance,
} from "@servable/formats/testing";
import { type Model, modelOf } from "../../model.js";
import { Program } from "../../program.js";

/** One line of what conformance/ops/generate.py writes; oracle.py says what the fields are. */
export interface OpVariant extends Tolerance {
  readonly title: string;
  readonly op: string;
  /** A single op. */
  readonly node?: JsonValue;
  /** Or a small graph: its nodes, the tensors that are asked for, the declared shapes of its inputs. */
  readonly nodes?: readonly JsonValue[];
  readonly library?: JsonValue;
  readonly fetches?: readonly string[];
  readonly declared?: readonly (readonly (number | null)[])[];
  readonly inputs: readonly GoldenTensor[];
  readonly params: readonly number[];
  readonly shapes?: "full";
  readonly outputs?: readonly GoldenTensor[];
  readonly error?: { readonly code: string; readonly message: string };
  readonly check?: "shape";
}

/** What is known when the node is compiled. */
interface Knowledge {
  readonly name: string;
  readonly constants: "all" | "params" | "none";
  readonly shapes: "full" | "ranks" | "none";
}

const knowledge: readonly Knowledge[] = [
  { name: "constant parameters", constants: "params", shapes: "full" },
  { name: "constant parameters, unknown sizes", constants: "params", shapes: "ranks" },
  { name: "constant parameters, unknown ranks", constants: "params", shapes: "none" },
  { name: "nothing constant", constants: "none", shapes: "full" },
  { name: "nothing constant, unknown sizes", constants: "none", shapes: "ranks" },
  { name: "nothing constant, unknown ranks", constants: "none", shapes: "none" },
  { name: "all constant", constants: "all", shapes: "full" },
];

/** The variants of a file among the fixtures, one a line. */
export function readVariants(fixture: string): OpVariant[] {
  const file = new URL(`../../../src/fixtures/ops/${fixture}.jsonl`, import.meta.url);
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as OpVariant);
}

/** One line for each thing that is not as TensorFlow has it; none when all is. */
export function runVariant(variant: OpVariant): string[] {
  const seen = new Set<string>();
  return knowledge.flatMap((each) => {
    const inputs = variant.inputs.map(decodeTensor);
    const isConstant = inputs.map((_, i) => isConstantIn(each, variant, i));
    const shapes = inputs.map((_, i) => (isConstant[i] ? "" : declaredShape(variant, i, each)));
    if (variant.shapes === "full" && each.shapes !== "full") return [];
    const key = JSON.stringify([isConstant, shapes]);
    if (seen.has(key)) return [];
    seen.add(key);
    return runKnowing(variant, inputs, each).map((problem) => `${each.name}: ${problem}`);
  });
}

/** Whether rows are claimed to be independent when the parameters are constants and no size is known. */
export function isClaimedIndependent(variant: OpVariant): boolean {
  const known = knowledge[1] as Knowledge;
  const model = modelOfVariant(variant, variant.inputs.map(decodeTensor), known);
  try {
    return model.rowIndependence(DEFAULT_SERVING_SIGNATURE).independent;
  } finally {
    model.close();
  }
}

function isConstantIn({ constants }: Knowledge, { params }: OpVariant, index: number): boolean {
  return constants === "all" || (constants === "params" && params.includes(index));
}

/** Of a graph never more than what it declares itself. */
function declaredShape(
  { inputs, declared }: OpVariant,
  index: number,
  { shapes }: Knowledge,
): readonly number[] | null {
  if (shapes === "none") return null;
  const shape: Shape = inputs[index]?.shape ?? [];
  if (shapes === "full") return declared?.[index]?.map((size) => size ?? -1) ?? shape;
  return shape.map(() => -1);
}

function runKnowing(variant: OpVariant, inputs: readonly Tensor[], known: Knowledge): string[] {
  let model: Model | undefined;
  try {
    model = modelOfVariant(variant, inputs, known);
    const feeds = new Map(
      inputs.flatMap((input, i) => (isConstantIn(known, variant, i) ? [] : [[`x${i}`, input] as const])),
    );
    const outputs = model.run(DEFAULT_SERVING_SIGNATURE, feeds);
    if (variant.error !== undefined) {
      return [`gives a result, should be ${variant.error.code}: ${variant.error.message}`];
    }
    return [
      ...(variant.outputs ?? []).flatMap((expected, i) =>
        compare(outputs.get(`y${i}`), expected, variant, i),
      ),
      ...compareRows(model, feeds, outputs, variant),
    ];
  } catch (error) {
    return wrongError(error, variant);
  } finally {
    model?.close();
  }
}

function compare(
  actual: Tensor | undefined,
  golden: GoldenTensor,
  variant: OpVariant,
  index: number,
): string[] {
  if (actual === undefined) return [`there is no output ${index}`];
  const expected = decodeTensor(golden);
  try {
    if (variant.check === "shape") compareForm(actual, expected, `output ${index}`);
    else compareTensor(actual, expected, variant, `output ${index}`);
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

/** Where independence of rows is claimed, each row alone gives what it gives in the batch. */
function compareRows(
  model: Model,
  feeds: ReadonlyMap<string, Tensor>,
  batch: ReadonlyMap<string, Tensor>,
  variant: OpVariant,
): string[] {
  const [size, ...others] = new Set([...feeds.values()].map(({ shape }) => shape[0]));
  if (size === undefined || others.length > 0 || variant.check === "shape") return [];
  if (!model.rowIndependence(DEFAULT_SERVING_SIGNATURE).independent) return [];
  return Array.from({ length: Math.min(size, 3) }, (_, row) => {
    try {
      const alone = new Map([...feeds].map(([name, value]) => [name, rowOf(value, row)]));
      const outputs = model.run(DEFAULT_SERVING_SIGNATURE, alone);
      for (const [name, value] of batch)
        compareTensor(outputs.get(name) as Tensor, rowOf(value, row), variant, `row ${row} of ${name} alone`);
      return [];
    } catch (error) {
      return [`row ${row} alone: ${(error as Error).message}`];
    }
  }).flat();
}

function rowOf(value: Tensor, row: number): Tensor {
  const size = value.data.length / (value.shape[0] as number);
  const data = value.data.slice(row * size, (row + 1) * size);
  return { ...value, shape: [1, ...value.shape.slice(1)], data } as Tensor;
}

function wrongError(error: unknown, { error: expected }: OpVariant): string[] {
  const status = StatusError.from(error);
  const defect = error instanceof StatusError ? "" : ` ${(error as Error).stack?.split("\n")[1]?.trim()}`;
  const text = `${status.codeName}: ${status.message.slice(0, 200)}${defect}`;
  if (expected === undefined) return [`fails with ${text}`];
  return status.codeName === expected.code
    ? []
    : [`fails with ${text}; should be ${expected.code}: ${expected.message}`];
}

// ---- the model -----------------------------------------------------------------------------------------------

function modelOfVariant(variant: OpVariant, inputs: readonly Tensor[], known: Knowledge): Model {
  const nodes = (variant.nodes ?? [variant.node as JsonValue]).map(nodeOfJson);
  const sources = inputs.map((input, i) =>
    isConstantIn(known, variant, i) ? constantNode(`x${i}`, input) : placeholderNode(`x${i}`, input),
  );
  const fed = inputs.flatMap((input, i) =>
    isConstantIn(known, variant, i)
      ? []
      : [[`x${i}`, tensorInfo(`x${i}:0`, input.dtype, declaredShape(variant, i, known))] as const],
  );
  const metaGraph = create(MetaGraphDefSchema, {
    graphDef: create(GraphDefSchema, {
      node: [...sources, ...nodes],
      versions: { producer: 2000 },
      ...(variant.library === undefined ? {} : { library: libraryOfJson(variant.library) }),
    }),
  });
  const program = new Program(metaGraph);
  const count = variant.outputs?.length ?? 1;
  const fetched = Array.from({ length: count }, (_, i) => {
    const name = variant.fetches?.[i] ?? `${nodes[0]?.name}:${i}`;
    const type = program.typeOf(name);
    if (type === "resource" || type === "variant") return [];
    return [[`y${i}`, tensorInfo(name, type, null)] as const];
  }).flat();
  metaGraph.signatureDef[DEFAULT_SERVING_SIGNATURE] = buildSignatureDef({
    inputs: Object.fromEntries(fed),
    outputs: Object.fromEntries(fetched),
    methodName: PREDICT_METHOD,
  });
  return modelOf({ program, metaGraph }, { intraOpThreads: 1 });
}

function libraryOfJson(json: JsonValue): FunctionDefLibrary {
  const schema = FunctionDefLibrarySchema;
  return fromBinary(schema, toBinary(schema, fromJson(schema, json)));
}

/** Through the bytes: floats of attributes are float32. */
function nodeOfJson(json: JsonValue): NodeDef {
  return fromBinary(NodeDefSchema, toBinary(NodeDefSchema, fromJson(NodeDefSchema, json)));
}

function placeholderNode(name: string, { dtype }: Tensor): NodeDef {
  return create(NodeDefSchema, {
    name,
    op: "Placeholder",
    attr: {
      dtype: typeAttr(dtype),
      shape: create(AttrValueSchema, { value: { case: "shape", value: { unknownRank: true } } }),
    },
  });
}

function constantNode(name: string, value: Tensor): NodeDef {
  return create(NodeDefSchema, {
    name,
    op: "Const",
    attr: {
      dtype: typeAttr(value.dtype),
      value: create(AttrValueSchema, { value: { case: "tensor", value: tensorToProto(value) } }),
    },
  });
}

function typeAttr(dtype: Tensor["dtype"]) {
  return create(AttrValueSchema, { value: { case: "type", value: dtypeNumber(dtype) } });
}

function tensorInfo(name: string, dtype: Tensor["dtype"], shape: readonly number[] | null): TensorInfo {
  return create(TensorInfoSchema, {
    encoding: { case: "name", value: name },
    dtype: dtypeNumber(dtype),
    tensorShape:
      shape === null ? { unknownRank: true } : { dim: shape.map((size) => ({ size: BigInt(size) })) },
  });
}
