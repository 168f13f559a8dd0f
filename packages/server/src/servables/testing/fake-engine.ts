/**
 * An engine for tests of what is around it: half plus two, on strings an echo, and the mishaps that a model can have.
 * A folder that holds a file `fail` is refused, with what the file says as the message; one with a file `slow` takes
 * longer than anyone waits without a word; one with a file `constant` holds a model that no run changes.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import {
  type DType,
  dataLoss,
  dtypeNumber,
  internal,
  invalidArgument,
  notFound,
  type PartialShape,
  type Signature,
  type Tensor,
  type TensorSpec,
  tensor,
  unimplemented,
} from "@servable/formats";
import { SignatureDefMapSchema } from "@servable/formats/protobuf/tensorflow_serving/apis/get_model_metadata_pb";
import type { LoadListeners, LoadOptions, Model } from "../engine-contract.js";

type Values = ReadonlyMap<string, Tensor>;

interface FakeSignature {
  readonly method: string;
  readonly inputs: Readonly<Record<string, DType>>;
  readonly outputs: Readonly<Record<string, DType>>;
  readonly defaults?: Readonly<Record<string, Tensor>>;
  readonly run: (inputs: Values, options: LoadOptions | undefined) => Readonly<Record<string, Tensor>>;
}

const predict = "tensorflow/serving/predict";

function halfPlusTwo(inputs: Values): Tensor {
  const x = inputs.get("x") as Tensor;
  if (x.dtype !== "float32") throw internal("checked before");
  return tensor(
    "float32",
    x.shape,
    x.data.map((value) => 0.5 * value + 2),
  );
}

/** Each example is the decimal text of x, so that no tf.Example parser is needed. */
function examples(inputs: Values): Float32Array {
  const serialized = inputs.get("inputs") as Tensor;
  if (serialized.dtype !== "string") throw internal("checked before");
  return Float32Array.from(serialized.data, (bytes) => {
    const x = Number(new TextDecoder().decode(bytes));
    if (Number.isNaN(x)) throw invalidArgument("Could not parse example input");
    return 0.5 * x + 2;
  });
}

const signatures: Readonly<Record<string, FakeSignature>> = {
  serving_default: {
    method: predict,
    inputs: { x: "float32" },
    outputs: { y: "float32" },
    run: (inputs) => ({ y: halfPlusTwo(inputs) }),
  },
  sum: {
    method: predict,
    inputs: { a: "int64", b: "int64" },
    outputs: { sum: "int64", difference: "int64" },
    defaults: { b: tensor("int64", [], BigInt64Array.of(10n)) },
    run: (inputs) => {
      const [a, b] = [inputs.get("a"), inputs.get("b")];
      if (a?.dtype !== "int64" || b?.dtype !== "int64") throw internal("checked before");
      const each = (f: (a: bigint, b: bigint) => bigint) =>
        tensor(
          "int64",
          a.shape,
          a.data.map((value, i) => f(value, b.data[b.data.length === 1 ? 0 : i] as bigint)),
        );
      return { sum: each((x, y) => x + y), difference: each((x, y) => x - y) };
    },
  },
  echo: {
    method: predict,
    inputs: { text: "string" },
    outputs: { text: "string", text_bytes: "string" },
    run: (inputs) => ({ text: inputs.get("text") as Tensor, text_bytes: inputs.get("text") as Tensor }),
  },
  classify: {
    method: "tensorflow/serving/classify",
    inputs: { inputs: "string" },
    outputs: { classes: "string", scores: "float32" },
    run: (inputs) => {
      const scores = examples(inputs);
      const label = new TextEncoder().encode("half plus two");
      return {
        classes: tensor(
          "string",
          [scores.length, 1],
          Array.from(scores, () => label),
        ),
        scores: tensor("float32", [scores.length, 1], scores),
      };
    },
  },
  regress: {
    method: "tensorflow/serving/regress",
    inputs: { inputs: "string" },
    outputs: { outputs: "float32" },
    run: (inputs) => {
      const values = examples(inputs);
      return { outputs: tensor("float32", [values.length, 1], values) };
    },
  },
  /** Keeps its thread busy for so many milliseconds. */
  sleep: {
    method: predict,
    inputs: { ms: "int32" },
    outputs: { ms: "int32" },
    run: (inputs) => {
      const ms = inputs.get("ms") as Tensor;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms.data[0]));
      return { ms };
    },
  },
  /** How many threads the model was to have for an operator. */
  threads: {
    method: predict,
    inputs: {},
    outputs: { count: "int32" },
    run: (_, options) => ({ count: tensor("int32", [], Int32Array.of(options?.intraOpThreads ?? 0)) }),
  },
  /** Ends its thread. */
  crash: {
    method: predict,
    inputs: {},
    outputs: { never: "float32" },
    run: () => process.exit(1),
  },
};

/** Signatures of which nothing is known that would let them run by themselves, together, or on the main thread. */
const unproven: ReadonlySet<string> = new Set(["sleep", "threads", "crash"]);

const unknownShape: PartialShape = null;

function specsOf(dtypes: Readonly<Record<string, DType>>): Map<string, TensorSpec> {
  return new Map(
    Object.entries(dtypes).map(([name, dtype]) => [name, { name: `${name}:0`, dtype, shape: unknownShape }]),
  );
}

function signatureOf(name: string, { method, inputs, outputs, defaults = {} }: FakeSignature): Signature {
  return {
    name,
    methodName: method,
    inputs: specsOf(inputs),
    outputs: specsOf(outputs),
    defaults: new Map(Object.entries(defaults)),
  };
}

function infoOf(dtypes: Readonly<Record<string, DType>>) {
  return Object.fromEntries(
    Object.entries(dtypes).map(([name, dtype]) => [
      name,
      {
        encoding: { case: "name" as const, value: `${name}:0` },
        dtype: dtypeNumber(dtype),
        tensorShape: { unknownRank: true },
      },
    ]),
  );
}

function loadSlowly(listeners: LoadListeners | undefined): void {
  for (const bytes of [1e6, 2e6]) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1100);
    listeners?.onProgress?.({ stage: "weights", bytes });
    // Too soon after the last to be told.
    listeners?.onProgress?.({ stage: "weights", bytes: bytes + 1 });
  }
}

export function loadModel(path: string, options?: LoadOptions & LoadListeners): Model {
  if (existsSync(join(path, "slow"))) loadSlowly(options);
  if (existsSync(join(path, "fail"))) throw dataLoss(readFileSync(join(path, "fail"), "utf8"));
  if (!existsSync(join(path, "saved_model.pb"))) throw notFound(`${path} holds no SavedModel`);
  const isConstant = existsSync(join(path, "constant"));
  return {
    signatures: new Map(Object.entries(signatures).map(([name, one]) => [name, signatureOf(name, one)])),
    signatureDefs: create(SignatureDefMapSchema, {
      signatureDef: Object.fromEntries(
        Object.entries(signatures).map(([name, { method, inputs, outputs }]) => [
          name,
          { methodName: method, inputs: infoOf(inputs), outputs: infoOf(outputs) },
        ]),
      ),
    }),
    run(name, inputs, outputs) {
      const results = Object.entries((signatures[name] as FakeSignature).run(inputs, options));
      return new Map(results.filter(([output]) => outputs === undefined || outputs.includes(output)));
    },
    rowIndependence: (name) => ({ independent: !unproven.has(name) }),
    hasBoundedWork: (name) => !unproven.has(name),
    hasLoops: () => false,
    leavesNoTrace: (name) => isConstant || !unproven.has(name),
    runTensors() {
      throw unimplemented("the fake engine has no graph");
    },
    close() {},
  };
}
