/**
 * A classifier on the engine: a model that has been exported with classes and scores, asked with the bytes of one input.
 * No server is involved: this is how a program runs a SavedModel itself.
 */
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { loadModel, type Model } from "@servable/engine";
import {
  invalidArgument,
  notFound,
  type Signature,
  stringTensor,
  type Tensor,
  type TensorSpec,
  tensor,
} from "@servable/formats";

export interface NamedScore {
  readonly name: string;
  readonly score: number;
}

/** Makes the model's input, of one row, from bytes. INVALID_ARGUMENT for bytes that are none. */
type ReadInput = (bytes: Uint8Array) => Tensor;

export class Classifier {
  private constructor(
    /** Folder of the version that is asked. */
    readonly versionDir: string,
    private readonly model: Model,
    private readonly signature: string,
    private readonly inputName: string,
    private readonly readInput: ReadInput,
  ) {}

  /**
   * Loads an exported model.
   *
   * @param exportPath a version's folder, or the folder of the versions, of which the newest is taken
   * @throws NOT_FOUND when there is no version; INVALID_ARGUMENT when no signature has one input and both classes and
   *   scores; what loading throws
   */
  static open(exportPath: string): Classifier {
    const versionDir = newestVersion(exportPath);
    const model = loadModel(versionDir);
    for (const [name, signature] of model.signatures) {
      const input = classifierInput(signature);
      if (input !== undefined) return new Classifier(versionDir, model, name, input.name, input.read);
    }
    model.close();
    throw invalidArgument(
      `${versionDir} has no signature with one input of strings or float32 and outputs "classes" and "scores"`,
    );
  }

  /** The classes of one input, the best first. INVALID_ARGUMENT for an input that the model does not take. */
  classify(input: Uint8Array): NamedScore[] {
    const outputs = this.model.run(this.signature, new Map([[this.inputName, this.readInput(input)]]));
    const classes = outputs.get("classes");
    const scores = outputs.get("scores");
    if (classes?.dtype !== "string" || scores === undefined) return [];
    const decoder = new TextDecoder();
    return classes.data.map((name, i) => ({ name: decoder.decode(name), score: Number(scores.data[i]) }));
  }

  close(): void {
    this.model.close();
  }
}

/** The input of a signature for Predict that classifies, undefined for another signature. */
function classifierInput(signature: Signature): { name: string; read: ReadInput } | undefined {
  const [[name, spec] = []] = signature.inputs;
  if (name === undefined || spec === undefined || signature.inputs.size > 1) return undefined;
  // Examples are what Classify takes, and here inputs come bare.
  if (signature.methodName !== "tensorflow/serving/predict") return undefined;
  if (!signature.outputs.has("classes") || !signature.outputs.has("scores")) return undefined;
  const read = reader(spec);
  return read === undefined ? undefined : { name, read };
}

function reader({ dtype, shape }: TensorSpec): ReadInput | undefined {
  if (dtype === "string") return (bytes) => stringTensor([1], [bytes]);
  const width = shape?.at(-1) ?? -1;
  if (dtype !== "float32" || shape?.length !== 2 || width < 1) return undefined;
  return (bytes) => tensor("float32", [1, width], readFloats(bytes, width));
}

/** float32, little-endian. INVALID_ARGUMENT unless there are `count` of them. */
function readFloats(bytes: Uint8Array, count: number): Float32Array {
  const size = count * Float32Array.BYTES_PER_ELEMENT;
  if (bytes.length !== size) {
    throw invalidArgument(
      `The input must be ${count} float32 numbers, ${size} bytes, little-endian; got ${bytes.length}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, true));
}

/** The folder itself where it holds a model, else the version below it with the highest number. */
function newestVersion(exportPath: string): string {
  if (!existsSync(exportPath)) throw notFound(`There is no folder ${exportPath}`);
  const names = readdirSync(exportPath);
  if (names.some((name) => name === "saved_model.pb" || name === "export.meta")) return exportPath;
  const versions = names.filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(b) - Number(a));
  const [newest] = versions;
  if (newest === undefined) throw notFound(`There is no model and no version of one in ${exportPath}`);
  return path.join(exportPath, newest);
}
