/**
 * From the names and tensors of a request to what a model is run with. What is checked, in which order, with which
 * code and words follows servables/tensorflow/predict_util.cc and TensorFlow's cc/saved_model/util.cc; the dtype
 * check stands for the one that a TensorFlow session makes.
 */
import { dtypeInfo, invalidArgument, type Signature, StatusError, type Tensor } from "@servable/formats";

/** A tensor of a request, decoded when it is asked for: a request that fails for its names is never decoded. */
export type LazyTensor = () => Tensor;
export type RequestInputs = ReadonlyMap<string, LazyTensor>;

/** The signature's inputs, from the request or by default. */
export function feedsOf(signature: Signature, inputs: RequestInputs): Map<string, Tensor> {
  if (!areExactly(inputs, signature)) {
    checkSize(signature, inputs);
    checkMissing(signature, inputs);
    checkUnknown(signature, inputs);
  }
  const feeds = new Map<string, Tensor>();
  for (const name of signature.inputs.keys()) {
    const input = inputs.get(name);
    feeds.set(name, input === undefined ? defaultOf(signature, name) : decode(name, input));
  }
  checkDtypes(signature, feeds);
  return feeds;
}

/** Whether the inputs are those of the signature, none by default and none too many, as nearly always. */
function areExactly(inputs: RequestInputs, signature: Signature): boolean {
  if (inputs.size !== signature.inputs.size) return false;
  for (const name of inputs.keys()) if (!signature.inputs.has(name)) return false;
  return true;
}

/** The outputs to compute: those of the filter, or all. */
export function fetchesOf(signature: Signature, outputFilter: readonly string[]): readonly string[] {
  if (outputFilter.length === 0) return [...signature.outputs.keys()];
  const seen = new Set<string>();
  for (const name of outputFilter) {
    if (!signature.outputs.has(name)) {
      throw invalidArgument(
        `output tensor alias not found in signature: ${name} Outputs expected to be in the set ` +
          `{${list(signature.outputs.keys())}}.`,
      );
    }
    if (seen.has(name)) throw invalidArgument(`duplicate output tensor alias: ${name}`);
    seen.add(name);
  }
  return outputFilter;
}

function checkSize(signature: Signature, inputs: RequestInputs): void {
  const expected = signature.inputs.size;
  const isTooFew = inputs.size < expected && signature.defaults.size === 0;
  if (inputs.size <= expected && !isTooFew) return;
  const extra = [...inputs.keys()].filter((name) => !signature.inputs.has(name));
  const missing = [...signature.inputs.keys()].filter((name) => !inputs.has(name));
  throw invalidArgument(
    `input size does not match signature: ${inputs.size}!=${expected} len({${list(inputs.keys())}}) != ` +
      `len({${list(signature.inputs.keys())}}). Sent extra: {${list(extra)}}. ` +
      `Missing but required: {${list(missing)}}.`,
  );
}

function checkMissing(signature: Signature, inputs: RequestInputs): void {
  const missing = [...signature.inputs].filter(
    ([name]) => !inputs.has(name) && !signature.defaults.has(name),
  );
  if (missing.length === 0) return;
  const aliases = missing.map(([name, spec]) => `${name}(feed name: ${spec.name})`).join(", ");
  throw invalidArgument(
    `Signature input alias: ${aliases} not found in request and no default value provided. Inputs expected to be ` +
      `in the request {${list(inputs.keys())}}, or default input alias set: ${list(signature.defaults.keys())}`,
  );
}

function checkUnknown(signature: Signature, inputs: RequestInputs): void {
  const used = [...inputs.keys()].filter((name) => signature.inputs.has(name));
  if (used.length === inputs.size) return;
  throw invalidArgument(
    `Inputs contains invalid name. Used request inputs: ${list(used)}, request input: ${list(inputs.keys())}`,
  );
}

function decode(name: string, input: LazyTensor): Tensor {
  try {
    return input();
  } catch (reason) {
    const { code, message } = StatusError.from(reason);
    throw new StatusError(code, `tensor parsing error: ${name}: ${message}`, { cause: reason });
  }
}

/** A copy, as running a model takes its inputs over. */
function defaultOf(signature: Signature, name: string): Tensor {
  const tensor = signature.defaults.get(name) as Tensor;
  return { ...tensor, data: tensor.data.slice() } as Tensor;
}

function checkDtypes(signature: Signature, feeds: ReadonlyMap<string, Tensor>): void {
  const wrong: string[] = [];
  for (const [name, { dtype }] of signature.inputs) {
    const given = feeds.get(name)?.dtype;
    if (given === undefined || given === dtype) continue;
    wrong.push(`Expects input "${name}" to be ${dtypeText(dtype)} but ${dtypeText(given)} is provided`);
  }
  if (wrong.length > 0) throw invalidArgument(wrong.join("; "));
}

function dtypeText(dtype: Tensor["dtype"]): string {
  return dtypeInfo(dtype).enumName.toLowerCase();
}

function list(names: Iterable<string>): string {
  return [...names].sort().join(",");
}
