/** UnicodeDecode, UnicodeEncode, UnicodeTranscode and UnicodeScript (tensorflow/core/kernels/unicode_ops.cc). */
import { invalidArgument, type Tensor } from "@servable/formats";
import type { HostTable, NodeFacts } from "../../op-table.js";
import { tensorOver } from "../element-memory.js";
import { indexData, indexTensor, int64Tensor } from "../index-data.js";
import { compute, type TensorFunction } from "../kernel.js";
import { decoderFor, encodeCodePoints, isCharacter, MALFORMED, type OutputEncoding } from "./code-points.js";
import { mapStrings, stringsOf } from "./map-strings.js";
import { scriptOf } from "./scripts.js";

/** What becomes of malformed input. */
interface ErrorPolicy {
  readonly errors: "strict" | "replace" | "ignore";
  readonly replacement: number;
  /** Characters up to U+001F count as malformed too. */
  readonly replaceControls: boolean;
}

function errorPolicy({ attrs }: NodeFacts): ErrorPolicy {
  const replacement = attrs.int("replacement_char");
  if (replacement < 0 || replacement > 0x10ffff) {
    throw invalidArgument("replacement_char out of unicode codepoint range");
  }
  return {
    errors: attrs.string("errors") as ErrorPolicy["errors"],
    replacement,
    replaceControls: attrs.raw("replace_control_characters")?.value.value === true,
  };
}

function mustReplace(codePoint: number, { replaceControls }: ErrorPolicy): boolean {
  return codePoint === MALFORMED || (replaceControls && codePoint <= LAST_CONTROL);
}

const LAST_CONTROL = 0x1f;

function malformed(): Error {
  return invalidArgument("Invalid formatting on input string");
}

// ---- decode --------------------------------------------------------------------------------------------------

/** Row splits, code points and, for the second op, the byte at which each character begins. */
function unicodeDecode(node: NodeFacts): TensorFunction {
  const decode = decoderFor(node.attrs.string("input_encoding"));
  const policy = errorPolicy(node);
  const splitsDtype = node.outputTypes[0] as "int32" | "int64";
  return (input) => {
    const splits = [0];
    const points: number[] = [];
    const starts: number[] = [];
    for (const text of stringsOf(input).data) {
      let at = 0;
      decode(text, (codePoint, length) => {
        const start = at;
        at += length;
        if (codePoint === MALFORMED && policy.errors === "strict") throw malformed();
        const isBad = mustReplace(codePoint, policy);
        if (isBad && policy.errors === "ignore") return;
        points.push(isBad ? policy.replacement : codePoint);
        starts.push(start);
      });
      splits.push(points.length);
    }
    const outputs: Tensor[] = [
      indexTensor(splitsDtype, [splits.length], splits),
      tensorOver("int32", [points.length], Int32Array.from(points)),
    ];
    return node.outputTypes.length > 2 ? [...outputs, int64Tensor([starts.length], starts)] : outputs;
  };
}

// ---- transcode -----------------------------------------------------------------------------------------------

function unicodeTranscode(node: NodeFacts): (text: Uint8Array) => Uint8Array {
  const decode = decoderFor(node.attrs.string("input_encoding"));
  const encoding = node.attrs.string("output_encoding") as OutputEncoding;
  const policy = errorPolicy(node);
  return (text) => {
    const points: number[] = [];
    decode(text, (codePoint) => {
      const isBad = mustReplace(codePoint, policy);
      if (isBad && policy.errors === "strict") throw malformed();
      if (isBad && policy.errors === "ignore") return;
      points.push(isBad ? policy.replacement : codePoint);
    });
    return encodeCodePoints(points, encoding);
  };
}

// ---- encode --------------------------------------------------------------------------------------------------

function unicodeEncode(node: NodeFacts): TensorFunction {
  const encoding = node.attrs.string("output_encoding") as OutputEncoding;
  const policy = errorPolicy(node);
  return (values, splitsInput) => {
    const points = indexData(values);
    const splits = indexData(splitsInput);
    checkSplits(splits, points.length);
    const texts = Array.from({ length: splits.length - 1 }, (_, i) => {
      const row = points.subarray(splits[i], splits[i + 1]);
      return encodeCodePoints(charactersOf(row, policy), encoding);
    });
    return tensorOver("string", [texts.length], texts);
  };
}

function charactersOf(points: Iterable<number>, { errors, replacement }: ErrorPolicy): number[] {
  const characters: number[] = [];
  for (const point of points) {
    if (isCharacter(point)) characters.push(point);
    else if (errors === "strict") {
      throw invalidArgument("Code point is out of range for Unicode, or is a surrogate.");
    } else if (errors === "replace") characters.push(replacement);
  }
  return characters;
}

function checkSplits(splits: ArrayLike<number>, count: number): void {
  if (splits.length === 0) throw invalidArgument("input_splits should contain elements, but has none");
  if (splits[0] !== 0) throw invalidArgument(`First value in input_splits must be zero, got ${splits[0]}.`);
  for (let i = 1; i < splits.length; i++) {
    if ((splits[i] as number) < (splits[i - 1] as number)) {
      throw invalidArgument("Values in input_splits must be equal or in ascending order.");
    }
  }
  if (splits[splits.length - 1] !== count) {
    throw invalidArgument(
      `Last value in input_splits must be equal to length of input_tensor: expected ${count}, got ${splits[splits.length - 1]}.`,
    );
  }
}

const unicodeScript: TensorFunction = (input) =>
  tensorOver("int32", (input as Tensor).shape, Int32Array.from(indexData(input), scriptOf));

export const unicodeKernels: HostTable = {
  UnicodeDecode: compute(unicodeDecode),
  UnicodeDecodeWithOffsets: compute(unicodeDecode),
  UnicodeTranscode: mapStrings(unicodeTranscode),
  UnicodeEncode: compute(unicodeEncode),
  UnicodeScript: compute(() => unicodeScript),
};
