/**
 * tf.Examples as a model takes them: serialized, in one string tensor. Follows servables/tensorflow/util.cc. The
 * server never looks inside: parsing is the model's own business.
 */
import { invalidArgument, type StringTensor, tensor } from "@servable/formats";

export interface ExampleInput {
  /** Serialized tf.Examples. */
  readonly examples: readonly Uint8Array[];
  /** A serialized tf.Example whose features belong to each of them. */
  readonly context?: Uint8Array;
}

/**
 * The examples as a tensor of shape [n]. The context's bytes go before each example's: to concatenate serialized
 * messages is to merge them.
 */
export function exampleTensor({ examples, context }: ExampleInput): StringTensor {
  if (examples.length === 0) throw invalidArgument("Input is empty.");
  const merged = context === undefined ? [...examples] : examples.map((example) => concat(context, example));
  return tensor("string", [merged.length], merged);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
