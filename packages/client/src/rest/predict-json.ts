/**
 * Predict over REST: the body and the tensors of the answer, in the columnar layout, the one that holds tensors of any
 * shape. JSON carries neither names of single tensors nor dtypes nor what follows an empty dimension; the signature
 * fills in what it can.
 */
import {
  elementCount,
  invalidArgument,
  jsonFromInputs,
  outputsFromJson,
  type PartialShape,
  type Shape,
  type Signature,
  shapeText,
  type Tensor,
} from "@servable/formats";

/**
 * The body of a request. Inputs that are left out get the default values that the signature has for them, as the REST
 * API has no other way to leave one out.
 * INVALID_ARGUMENT for inputs that the signature doesn't have or that are missing, as a lone input goes without its
 * name and would be taken for another; and for shapes that JSON has no form for.
 */
export function predictBody(
  inputs: ReadonlyMap<string, Tensor>,
  signature: Signature,
  signatureName: string | undefined,
): string {
  const complete = new Map([...signature.defaults, ...inputs]);
  requireInputs(complete, signature);
  for (const [name, { shape }] of complete) requireWritable(shape, name);
  return jsonFromInputs(complete, "columnar", signatureName);
}

/** The outputs of an answer, those of the filter if there is one. INVALID_ARGUMENT when it names others. */
export function predictOutputs(
  body: Uint8Array,
  signature: Signature,
  outputFilter: readonly string[],
): Map<string, Tensor> {
  const unknown = outputFilter.filter((name) => !signature.outputs.has(name));
  if (unknown.length > 0) {
    throw invalidArgument(
      `Signature "${signature.name}" has no output ${quoted(unknown)}; it has ${quoted(signature.outputs.keys())}`,
    );
  }
  const outputs = outputsFromJson(body, signature.outputs);
  const wanted = outputFilter.length === 0 ? [...outputs.keys()] : outputFilter;
  return new Map(
    wanted.map((name) => {
      const tensor = outputs.get(name) as Tensor;
      return [
        name,
        { ...tensor, shape: fullShape(tensor.shape, signature.outputs.get(name)?.shape ?? null) },
      ];
    }),
  );
}

function requireInputs(inputs: ReadonlyMap<string, Tensor>, signature: Signature): void {
  const extra = [...inputs.keys()].filter((name) => !signature.inputs.has(name));
  const missing = [...signature.inputs.keys()].filter((name) => !inputs.has(name));
  if (extra.length === 0 && missing.length === 0) return;
  const problems = [
    ...(extra.length > 0 ? [`it has no ${quoted(extra)}`] : []),
    ...(missing.length > 0 ? [`${quoted(missing)} missing`] : []),
  ];
  throw invalidArgument(`Inputs don't match signature "${signature.name}": ${problems.join(", ")}`);
}

/** After an empty dimension the JSON ends: [0,3] and [0] are both written []. */
function requireWritable(shape: Shape, name: string): void {
  const empty = shape.indexOf(0);
  if (empty >= 0 && empty < shape.length - 1) {
    throw invalidArgument(`input "${name}": JSON can't express the shape ${shapeText(shape)}; use gRPC`);
  }
}

/** The shape of an empty tensor with the dimensions that JSON has lost, as far as the signature declares them. */
function fullShape(shape: Shape, declared: PartialShape): Shape {
  if (elementCount(shape) > 0 || declared === null) return shape;
  return [...shape, ...declared.slice(shape.length).map((size) => Math.max(size, 0))];
}

const quoted = (names: Iterable<string>) => [...names].map((name) => `"${name}"`).join(", ");
