/**
 * TypeScript for a model's signatures, printed from what the server says of them: one interface of inputs and one of
 * outputs per signature, for `client.model<Inputs, Outputs>(name)`.
 */
import { DEFAULT_SERVING_SIGNATURE, type Signature, shapeText, type TensorSpec } from "@servable/formats";

/** The text of a TypeScript module that declares the types of a model's signatures. */
export function typesOf(model: string, signatures: Iterable<Signature>): string {
  const sections = [...signatures].map((signature) => signatureTypes(model, signature));
  return [
    'import type { InputOf, TensorOf } from "@servable/client";\n',
    ...(sections.length > 0 ? sections : [`// Model ${JSON.stringify(model)} has no signature.\n`]),
  ].join("\n");
}

function signatureTypes(model: string, signature: Signature): string {
  const isDefault = signature.name === DEFAULT_SERVING_SIGNATURE;
  const name = typeName(isDefault ? model : `${model}_${signature.name}`);
  const about = `of model ${JSON.stringify(model)}, signature ${JSON.stringify(signature.name)}`;
  const inputs = [...signature.inputs].map(([key, spec]) =>
    property(key, spec, `InputOf<"${spec.dtype}">`, signature.defaults.has(key)),
  );
  const outputs = [...signature.outputs].map(([key, spec]) =>
    property(key, spec, `TensorOf<"${spec.dtype}">`, false),
  );
  return [
    declaration(`${name}Inputs`, `Inputs ${about}.`, inputs),
    declaration(`${name}Outputs`, `Outputs ${about}.`, outputs),
  ].join("\n");
}

function declaration(name: string, about: string, properties: readonly string[]): string {
  const body = properties.length > 0 ? `{\n${properties.join("")}}` : "{}";
  return `/** ${commentSafe(about)} */\nexport interface ${name} ${body}\n`;
}

/** An input with a default value may be left out. */
function property(key: string, spec: TensorSpec, type: string, optional: boolean): string {
  const name = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
  return `  /** Shape ${shapeText(spec.shape)}. */\n  readonly ${name}${optional ? "?" : ""}: ${type};\n`;
}

/** Names come from a server: they must not end the comment they stand in. */
const commentSafe = (text: string) => text.replaceAll("*/", "*\\/");

/** half_plus_two → HalfPlusTwo; what can't stand in an identifier separates words. */
function typeName(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return /^[A-Z]/.test(joined) ? joined : `Model${joined}`;
}
