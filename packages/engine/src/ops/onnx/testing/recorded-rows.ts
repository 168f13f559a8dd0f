/**
 * Runs the rows of this folder on the cases that conformance/rows recorded from TensorFlow.
 *
 * A case is one op. It is compiled as a model of one node and run, several times: with the parameters constant or not,
 * with shapes known in full, by rank, or not at all. Whatever the compiler knows, a row gives TensorFlow's result or
 * refuses; a case that fails in TensorFlow fails or is refused.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fromBinary, fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import {
  allocate,
  type DType,
  dtypeFromNumber,
  elementCount,
  fromFloat32,
  isSmallFloat,
  opDef,
  outputTypes,
  type Shape,
  StatusError,
  type Tensor,
} from "@servable/formats";
import {
  type AttrValue,
  AttrValueSchema,
} from "@servable/formats/protobuf/tensorflow/core/framework/attr_value_pb";
import { compareTensor } from "@servable/formats/testing";
import { Attrs } from "../../../graph/attrs.js";
import { constantOf } from "../../../graph/constant.js";
import { constantNode, feedNode, type Known, type Node } from "../../../graph/graph.js";
import { facts, knownConstant } from "../../../passes/analyze.js";
import { convert } from "../../../plan/convert.js";
import { fromCarrier, joinFragments, toCarrier } from "../../../plan/onnx-group.js";
import { OnnxSession } from "../../../runtime/session.js";
import { shapeRows } from "../../shape/index.js";

interface JsonTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  /** NaN, infinities, -0 and integers past 2^53 as strings. */
  readonly values: readonly (number | string)[];
}

interface RecordedRow {
  readonly title: string;
  readonly op: string;
  readonly attrs?: Readonly<Record<string, JsonValue>>;
  readonly rtol?: number;
  readonly atol?: number;
  readonly inputs: readonly JsonTensor[];
  readonly outputs?: readonly JsonTensor[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** What the compiler knows of the inputs. */
interface Knowledge {
  readonly name: string;
  readonly constants: boolean;
  readonly shapes: "full" | "ranks" | "none";
}

/** The first is what models have most: it must be expressible, the others may be refused. */
const knowledge: readonly Knowledge[] = [
  { name: "constant parameters", constants: true, shapes: "full" },
  { name: "constant parameters, unknown sizes", constants: true, shapes: "ranks" },
  { name: "constant parameters, unknown ranks", constants: true, shapes: "none" },
  { name: "computed parameters", constants: false, shapes: "full" },
  { name: "computed parameters, unknown sizes", constants: false, shapes: "ranks" },
  { name: "computed parameters, unknown ranks", constants: false, shapes: "none" },
];

/** The input that is never a parameter, where it is not the first. */
const dataInput: Readonly<Record<string, number>> = {
  Split: 1,
  Concat: 1,
  Fill: 1,
  ScatterNd: 1,
  OneHot: 0,
  Conv2DBackpropInput: 2,
  Conv3DBackpropInputV2: 2,
  DepthwiseConv2dNativeBackpropInput: 2,
};

/** What is special about some cases of a fixture, by their titles; each pattern must match one. */
export interface Exceptions {
  /** Left to the host even when all parameters are constant. */
  readonly refused?: readonly RegExp[];
  /** Only right when all sizes are known: fails where TensorFlow does not, or the other way round. */
  readonly lenient?: readonly RegExp[];
  /** Ops that, given inputs without elements, give something where TensorFlow refuses. */
  readonly indulgent?: readonly string[];
}

/** Declares the tests of a fixture file: its cases, and that none of them brings the process down when inputs are empty. */
export function describeRows(
  fixture: string,
  { refused = [], lenient = [], indulgent = [] }: Exceptions = {},
): void {
  const file = new URL(`../../../../src/ops/onnx/fixtures/${fixture}.json`, import.meta.url);
  const cases = JSON.parse(readFileSync(file, "utf8")) as RecordedRow[];
  describe(`${fixture}: the rows, as TensorFlow computes`, () => {
    for (const recorded of cases) {
      const isOneOf = (patterns: readonly RegExp[]) =>
        patterns.some((pattern) => pattern.test(recorded.title));
      it(recorded.title, () => runCase(recorded, isOneOf(refused), isOneOf(lenient)));
    }
  });
  describe(`${fixture}: inputs without elements`, () => {
    for (const op of new Set(cases.map((each) => each.op))) {
      const ofOp = cases.filter((each) => each.op === op);
      it(`${op} gives a result or an error`, () => {
        for (const each of ofOp) runEmptied(each, !indulgent.includes(op));
      });
    }
  });
  describe(`${fixture}: exceptions`, () => {
    for (const pattern of lenient) {
      it(`${pattern} is checked with known sizes alone`, () => {
        assert.ok(
          cases.some(({ title }) => pattern.test(title)),
          "no case matches",
        );
      });
    }
    for (const pattern of refused) {
      it(`${pattern} is left to the host`, () => {
        const matching = cases.filter(({ title }) => pattern.test(title));
        assert.ok(matching.length > 0, "no case matches");
        for (const recorded of matching) assert.ok(refusal(recorded), `${recorded.title} is expressed`);
      });
    }
  });
}

function refusal(recorded: RecordedRow): boolean {
  const { node, known } = oneNode(recorded, knowledge[0] as Knowledge);
  return "refusal" in convert(node, known);
}

/**
 * The case again with each size of each fed input set to 0: kernels must survive it, whatever they answer. Requests
 * without rows are legal.
 */
function runEmptied(recorded: RecordedRow, checksShapes: boolean): void {
  for (const each of [knowledge[1], knowledge[4]] as Knowledge[]) {
    const { node, known, feeds } = oneNode(recorded, each);
    const fragment = convert(node, known);
    if ("refusal" in fragment) continue;
    const outputs = node.outputTypes.map((_, index) => ({ node, index }));
    const { graph, inputs } = joinFragments("row", [node], outputs, new Map([[node, fragment]]), known);
    const session = OnnxSession.create(graph, { intraOpThreads: 1 });
    const whole = inputs.map((edge) => toCarrier(feeds.get(edge.node) as Tensor));
    for (const [i, tensor] of whole.entries()) {
      for (let axis = 0; axis < tensor.shape.length; axis++) {
        const one = whole.with(i, emptied(tensor, axis));
        const all = whole.map((other) => (other.shape.length > axis ? emptied(other, axis) : other));
        for (const some of [one, all]) {
          const shapes = runWhateverComes(session, some);
          const values = new Map(inputs.map((edge, k) => [edge.node, some[k] as Tensor]));
          if (checksShapes && shapes !== undefined) compareShapes(recorded, node, values, feeds, shapes);
        }
      }
    }
    session.dispose();
  }
}

function emptied(tensor: Tensor, axis: number): Tensor {
  return { ...tensor, shape: tensor.shape.with(axis, 0), data: tensor.data.slice(0, 0) } as Tensor;
}

/** The shapes of the results, or undefined when there are none. */
function runWhateverComes(session: OnnxSession, feeds: readonly Tensor[]): Shape[] | undefined {
  try {
    return session.run(feeds).map(({ shape }) => shape);
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error));
    return undefined;
  }
}

/** What comes must have the shape that the op's shape rule foretells, where it foretells one. */
function compareShapes(
  recorded: RecordedRow,
  node: Node,
  fed: ReadonlyMap<Node, Tensor>,
  recordedFeeds: ReadonlyMap<Node, Tensor>,
  shapes: readonly Shape[],
): void {
  const inputs = node.inputs.map((edge) =>
    knownConstant(constantOf((fed.get(edge.node) ?? recordedFeeds.get(edge.node)) as Tensor)),
  );
  const inferred = shapeRows[node.op]?.({
    ...facts(node),
    inputs,
    shape: (i) => inputs[i]?.shape ?? null,
    tensor: (i) => inputs[i]?.constant?.read(),
    entries: (i) => inputs[i]?.partial,
  });
  for (const [i, shape] of shapes.entries()) {
    const expected = inferred?.[i] ?? null;
    const sizes = expected === null || "shape" in expected ? expected?.shape : expected;
    if (!sizes?.every((size) => size >= 0)) continue;
    const fedShapes = inputs.map((input) => `[${input.shape}]`).join(" ");
    assert.deepEqual(
      [...shape],
      [...sizes],
      `${recorded.title}: output ${i} for inputs of shapes ${fedShapes}`,
    );
  }
}

function runCase(recorded: RecordedRow, mayRefuse: boolean, lenient: boolean): void {
  const seen = new Set<string>();
  for (const [i, each] of knowledge.entries()) {
    if (lenient && i > 0) continue;
    const { node, known, feeds } = oneNode(recorded, each);
    const fragment = convert(node, known);
    if ("refusal" in fragment) {
      const expected = i > 0 || mayRefuse || recorded.error !== undefined;
      assert.ok(expected, `${each.name}: refused: ${fragment.refusal}`);
      continue;
    }
    const outputs = node.outputTypes.map((_, index) => ({ node, index }));
    const { graph, inputs } = joinFragments("row", [node], outputs, new Map([[node, fragment]]), known);
    const text = JSON.stringify([graph.ops, graph.inputs]);
    if (seen.has(text)) continue;
    seen.add(text);
    const run = () => {
      const session = OnnxSession.create(graph, { intraOpThreads: 1 });
      try {
        return session.run(inputs.map((edge) => toCarrier(feeds.get(edge.node) as Tensor)));
      } finally {
        session.dispose();
      }
    };
    if (recorded.error !== undefined) {
      assert.throws(run, `${each.name}: TensorFlow fails with ${recorded.error.message}`);
      continue;
    }
    const results = run();
    for (const [k, json] of (recorded.outputs ?? []).entries()) {
      const actual = fromCarrier(results[k] as Tensor, json.dtype);
      const { rtol = 0, atol = 0 } = recorded;
      compareTensor(actual, tensorOf(json), { rtol, atol }, `${each.name}: output ${k}`);
    }
  }
}

/** The graph of one node, with what the compiler would know about it. */
function oneNode(recorded: RecordedRow, { constants, shapes }: Knowledge) {
  const def = opDef(recorded.op);
  assert.ok(def, `TensorFlow has an op ${recorded.op}`);
  const known = new Map<Node, readonly Known[]>();
  const feeds = new Map<Node, Tensor>();
  const shapeKnown = (shape: Shape) =>
    shapes === "none" ? null : shapes === "ranks" ? shape.map(() => -1) : shape;
  const inputs = recorded.inputs.map((json, i) => {
    const tensor = tensorOf(json);
    const isData = i === (dataInput[recorded.op] ?? 0);
    const node =
      constants && !isData
        ? constantNode(`in${i}`, constantOf(tensor))
        : feedNode(`in${i}`, tensor.dtype, shapeKnown(tensor.shape));
    const facts =
      node.constant === undefined
        ? { type: tensor.dtype, shape: shapeKnown(tensor.shape) }
        : knownConstant(node.constant);
    known.set(node, [facts]);
    feeds.set(node, tensor);
    return { node, index: 0 };
  });
  const values = Object.fromEntries(
    Object.entries(recorded.attrs ?? {}).map(([key, json]) => [key, attrOf(json)]),
  );
  const types = outputTypes(def, values).map((number) => dtypeFromNumber(number) as DType);
  const node: Node = {
    name: "node",
    op: recorded.op,
    inputs,
    controls: [],
    attrs: new Attrs(`${recorded.op} node "node"`, values, def),
    outputTypes: types,
  };
  known.set(
    node,
    types.map((type, i) => ({ type, shape: shapeKnown(recorded.outputs?.[i]?.shape ?? []) })),
  );
  return { node, known, feeds };
}

/** By way of bytes, which round floats to 32 bits as a file does. */
function attrOf(json: JsonValue): AttrValue {
  return fromBinary(AttrValueSchema, toBinary(AttrValueSchema, fromJson(AttrValueSchema, json)));
}

function tensorOf(json: JsonTensor): Tensor {
  if (isSmallFloat(json.dtype)) {
    const data = fromFloat32(json.dtype, Float32Array.from(json.values, Number));
    return { dtype: json.dtype, shape: json.shape, data } as Tensor;
  }
  const data = allocate(json.dtype, elementCount(json.shape)) as unknown as (number | bigint)[];
  const big = json.dtype === "int64" || json.dtype === "uint64";
  for (const [i, value] of json.values.entries()) data[i] = big ? BigInt(value) : Number(value);
  return { dtype: json.dtype, shape: json.shape, data } as unknown as Tensor;
}
