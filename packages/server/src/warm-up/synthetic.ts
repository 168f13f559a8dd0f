/**
 * Warm-up of a model that brings no requests along: each signature is run on zeros of the shapes that it declares,
 * one row, before the version becomes available. TensorFlow Serving leaves such a model cold.
 *
 * Only signatures that leave everything as it was are run, and none that loop: zeros may be what a loop never ends
 * on. What a signature makes of zeros is its own affair: a run that fails changes nothing, and is told once.
 */
import { allocate, type Signature, StatusError, type Tensor } from "@servable/formats";
import type { InferenceOptions } from "../inference/inference-options.js";
import type { ServedModel } from "../servables/served-model.js";

/** Elements of one made-up tensor, at most. */
const MAX_ELEMENTS = 2 ** 22;
/** Signatures that have not had their turn by then do without. */
const MAX_MS = 5000;

/** What was done, for the log. */
export interface SyntheticWarmUp {
  /** Names of signatures. */
  readonly ran: readonly string[];
  /** Why a signature's run failed. */
  readonly failures: readonly string[];
}

/** Runs what can be run, each signature so many times. Rejects only when the options' signal is aborted. */
export async function warmUpWithZeros(
  model: ServedModel,
  iterations: number,
  { signal }: InferenceOptions,
): Promise<SyntheticWarmUp> {
  const start = performance.now();
  const ran: string[] = [];
  const failures: string[] = [];
  for (const [name, signature] of model.signatures) {
    if (!model.warmable.has(name) || zeros(signature) === undefined) continue;
    if (performance.now() - start > MAX_MS) break;
    try {
      for (let i = 0; i < iterations; i++) {
        const inputs = zeros(signature) as Map<string, Tensor>;
        await model.run(name, inputs, [...signature.outputs.keys()], signal === undefined ? {} : { signal });
      }
      ran.push(name);
    } catch (reason) {
      if (signal?.aborted === true) throw reason;
      failures.push(`signature "${name}": ${StatusError.from(reason).message}`);
    }
  }
  return { ran, failures };
}

/** One row of zeros for each input; undefined when one can't be made up. */
function zeros({ inputs, defaults }: Signature): Map<string, Tensor> | undefined {
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, shape }] of inputs) {
    const given = defaults.get(name);
    if (given !== undefined) {
      tensors.set(name, { ...given, data: given.data.slice() } as Tensor);
      continue;
    }
    if (shape === null) return undefined;
    const sizes = shape.map((size) => Math.max(1, size));
    const elements = sizes.reduce((product, size) => product * size, 1);
    if (elements > MAX_ELEMENTS) return undefined;
    tensors.set(name, { dtype, shape: sizes, data: allocate(dtype, elements) } as Tensor);
  }
  return tensors;
}
