/** The kinds of bodies that the REST API reads and writes, by their media types. */

/** What an answer is: JSON, as TensorFlow Serving has it; and, beyond it, binary forms. */
export type AnswerKind =
  | "json"
  /** A message of the gRPC API. */
  | "protobuf"
  /** One array, or several by name, as NumPy writes them. */
  | "npy"
  | "npz"
  /** One tensor's elements, or the bytes of one string. */
  | "bytes";

/** What a body is: as an answer, or a file of a kind that models take. */
export type BodyKind = AnswerKind | "image" | "audio";

const kinds: readonly (readonly [BodyKind, RegExp])[] = [
  ["protobuf", /^application\/(x-protobuf|protobuf|vnd\.google\.protobuf)$/],
  ["npy", /^application\/(x-npy|npy)$/],
  ["npz", /^application\/(x-npz|npz)$/],
  ["bytes", /^application\/octet-stream$/],
  ["image", /^image\/.+$/],
  ["audio", /^audio\/.+$/],
];

export const mediaTypes: Readonly<Record<AnswerKind, string>> = {
  json: "application/json",
  protobuf: "application/x-protobuf",
  npy: "application/x-npy",
  npz: "application/x-npz",
  bytes: "application/octet-stream",
};

/** What a body of this Content-Type is. JSON unless it is known for something else: curl calls JSON a form, fetch calls it plain text. */
export function bodyKind(contentType: string): BodyKind {
  // As nearly always.
  if (contentType === mediaTypes.json) return "json";
  return kindOf(contentType) ?? "json";
}

/** What an answer should be for a caller that accepts these types; undefined when it has no wish. */
export function acceptedKind(accept: string): AnswerKind | undefined {
  if (accept === "" || accept === "*/*") return undefined;
  for (const part of accept.split(",")) {
    const kind = /^\s*application\/json\b/.test(part) ? "json" : kindOf(part);
    if (kind !== undefined && kind !== "image" && kind !== "audio") return kind;
  }
  return undefined;
}

function kindOf(mediaType: string): BodyKind | undefined {
  const [type = ""] = mediaType.toLowerCase().split(";", 1);
  return kinds.find(([, pattern]) => pattern.test(type.trim()))?.[0];
}
