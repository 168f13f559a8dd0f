/** Runs the calls of a recorded model case against the engine and says what differs from TensorFlow. */
import path from "node:path";
import { DEFAULT_SERVING_SIGNATURE, StatusError, stringTensor, type Tensor, tensor } from "@servable/formats";
import {
  compareForm,
  compareTensor,
  decodeBase64,
  decodeTensors,
  type GoldenCall,
  type GoldenCase,
  type GoldenError,
  type GoldenTensor,
  toleranceOf,
} from "@servable/formats/testing";
import { loadFrozenGraph } from "../frozen-graph.js";
import type { LoadOptions, Model } from "../model.js";
import { loadModel } from "../model-folder.js";

/** One line for each thing that is not as TensorFlow has it; none when all is. */
export function runCase(golden: GoldenCase, options: LoadOptions = {}): string[] {
  const loadError = golden.errors?.find((error) => error.stage === "load");
  let model: Model;
  try {
    model = load(golden, { intraOpThreads: 1, ...options });
  } catch (error) {
    return loadError === undefined ? [`load: ${describe(error)}`] : wrongCode(error, loadError);
  }
  if (loadError !== undefined) return [`loads, but should fail with ${loadError.code}`];
  try {
    const calls = (golden.calls ?? []).flatMap((call, i) => runCall(model, call, i));
    const errors = (golden.errors ?? []).flatMap((error, i) => runError(model, error, i));
    return [...calls, ...errors];
  } finally {
    model.close();
  }
}

function load(golden: GoldenCase, options: LoadOptions): Model {
  const file = path.join(golden.dir, golden.path ?? "model/1");
  if (golden.kind !== "frozen_graph") return loadModel(file, { ...options, tags: golden.tags ?? ["serve"] });
  return loadFrozenGraph(file, {
    ...options,
    inputs: namesOf(golden.feeds ?? {}),
    outputs: namesOf(golden.fetches ?? {}),
  });
}

function namesOf(infos: NonNullable<GoldenCase["feeds"]>): Record<string, string> {
  return Object.fromEntries(Object.entries(infos).map(([key, info]) => [key, info.name ?? ""]));
}

/** A frozen graph has one signature, and its calls don't name it. */
function signatureOf(call: GoldenCall): string {
  return call.signature ?? DEFAULT_SERVING_SIGNATURE;
}

function runCall(model: Model, call: GoldenCall, index: number): string[] {
  const where = `call ${index} ${call.signature ?? ""}`;
  try {
    if (call.method === "multi_inference") return [];
    if (call.method !== "predict") return runExamples(model, call, where);
    const outputs = model.run(signatureOf(call), decodeTensors(call.inputs ?? {}), call.output_filter);
    const expected = decodeTensors(call.outputs as Record<string, GoldenTensor>);
    const apart = call.check === "shape" ? [] : compareRows(model, call, outputs, where);
    const together = [...expected].flatMap(([name, value]) => {
      const actual = outputs.get(name);
      if (actual === undefined) return [`${where}: no output "${name}"`];
      return differences(() =>
        call.check === "shape"
          ? compareForm(actual, value, `${where} ${name}`)
          : compareTensor(actual, value, toleranceOf(call, name), `${where} ${name}`),
      );
    });
    return [...together, ...apart];
  } catch (error) {
    return [`${where}: ${describe(error)}`];
  }
}

/** Where independence is claimed, each row alone must give what it gives in the batch. */
function compareRows(
  model: Model,
  call: GoldenCall,
  batch: ReadonlyMap<string, Tensor>,
  where: string,
): string[] {
  const signature = signatureOf(call);
  const inputs = decodeTensors(call.inputs ?? {});
  const sizes = new Set([...inputs.values()].map((value) => value.shape[0]));
  const [size] = sizes;
  if (!model.rowIndependence(signature).independent || sizes.size !== 1 || size === undefined) return [];
  return Array.from({ length: Math.min(size, 4) }, (_, row) => {
    const alone = model.run(
      signature,
      new Map([...inputs].map(([name, value]) => [name, rowOf(value, row)])),
    );
    return [...batch].flatMap(([name, value]) =>
      differences(() =>
        compareTensor(
          alone.get(name) as Tensor,
          rowOf(value, row),
          toleranceOf(call, name),
          `${where} ${name} row ${row}`,
        ),
      ),
    );
  }).flat();
}

function rowOf(value: Tensor, row: number): Tensor {
  const size = value.data.length / (value.shape[0] as number);
  return {
    ...value,
    shape: [1, ...value.shape.slice(1)],
    data: value.data.slice(row * size, (row + 1) * size),
  } as Tensor;
}

interface ClassOutput {
  readonly label: string;
  readonly score: number;
}

function runExamples(model: Model, call: GoldenCall, where: string): string[] {
  const outputs = model.run(signatureOf(call), exampleInputs(model, call));
  if (call.method === "regress") {
    const expected = Float32Array.from(call.outputs.values as number[]);
    const actual = outputs.get("outputs") as Tensor;
    const flat = { ...actual, shape: [actual.data.length] } as Tensor;
    return differences(() =>
      compareTensor(flat, tensor("float32", [expected.length], expected), call, where),
    );
  }
  const classes = (call.outputs.classes as ClassOutput[][]).flat();
  const scores = outputs.get("scores");
  const labels = outputs.get("classes");
  const problems: string[] = [];
  if (scores !== undefined) {
    const expected = Float32Array.from(classes, ({ score }) => score);
    const flat = { ...scores, shape: [scores.data.length] } as Tensor;
    problems.push(
      ...differences(() =>
        compareTensor(flat, tensor("float32", [expected.length], expected), call, `${where} scores`),
      ),
    );
  }
  if (labels !== undefined) {
    const expected = stringTensor(
      [classes.length],
      classes.map(({ label }) => label),
    );
    const flat = { ...labels, shape: [labels.data.length] } as Tensor;
    problems.push(...differences(() => compareTensor(flat, expected, {}, `${where} classes`)));
  }
  return problems;
}

function exampleInputs(
  model: Model,
  call: Pick<GoldenCall, "signature" | "examples" | "context">,
): Map<string, Tensor> {
  const context = call.context === undefined ? [] : [decodeBase64(call.context)];
  const examples = (call.examples ?? []).map((example) => Buffer.concat([...context, decodeBase64(example)]));
  const input = [...(model.signatures.get(call.signature ?? "")?.inputs.keys() ?? [])][0] ?? "inputs";
  return new Map([[input, stringTensor([examples.length], examples)]]);
}

/** Only what the model itself refuses; what a server checks before is the server's to test. */
function runError(model: Model, error: GoldenError, index: number): string[] {
  const signature = model.signatures.get(error.signature ?? "");
  const inputs = decodeTensors(error.inputs ?? {});
  const isRun =
    (error.method ?? "predict") === "predict" &&
    error.message !== undefined &&
    error.output_filter === undefined;
  const isWhole = signature !== undefined && [...signature.inputs.keys()].every((name) => inputs.has(name));
  if (!isRun || !isWhole || inputs.size !== signature.inputs.size) return [];
  try {
    model.run(signature.name, inputs);
    return [`error ${index}: succeeds, but should fail with ${error.code}`];
  } catch (thrown) {
    return wrongCode(thrown, error).map((line) => `error ${index}: ${line}`);
  }
}

/**
 * A signature with several divisions by zero: TensorFlow reports the one that happened to run first, and some of its
 * divisions say INTERNAL, others INVALID_ARGUMENT.
 */
function isRaced(expected: GoldenError, status: StatusError): boolean {
  const isDivision = expected.message?.startsWith("Unexpected error in binary operator") ?? false;
  return isDivision && /division by zero/i.test(status.message);
}

function wrongCode(thrown: unknown, expected: GoldenError): string[] {
  const status = StatusError.from(thrown);
  if (isRaced(expected, status)) return [];
  return status.codeName === expected.code
    ? []
    : [`${describe(thrown)}, should be ${expected.code}: ${expected.message}`];
}

function differences(compare: () => void): string[] {
  try {
    compare();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

function describe(error: unknown): string {
  const status = StatusError.from(error);
  const defect = error instanceof StatusError ? "" : `\n${(error as Error).stack}`;
  return `${status.codeName}: ${status.message}${defect}`;
}
