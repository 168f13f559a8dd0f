/** The model that the cold start is measured with: the example's MNIST classifier, and a digit whose answer is known. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { REPOSITORY } from "./machine.mjs";

export const MNIST = { name: "mnist", folder: join(REPOSITORY, "examples", "mnist", "model") };

/** Whether the trained model is there. */
export const hasMnist = existsSync(MNIST.folder);

/** The first image of the MNIST test set, a seven: 28 × 28 bytes, compressed with zlib. */
const SEVEN = [
  "eNpjYBguIGTn/Ok2Ktjl7v0Dgo/HoGCVCbKcc5FH0eLH/x4CVfx6+u9fD4ZmQSc+Z2dna9E3/7Jw2R3896IQDimxl/+DcWlr",
  "/PdOB4eU9c9/dri0tf7bzYpDivPsDytc2ur+bcMl5f37gyUOKeG7/5bhkGI+/e+2Mg45tX//fHFIyT/4V8yI02v/THBI2X7C",
  "LVf5799tDZxy54WIT0UAWodIFw==",
].join("");
const LABEL = 7;

/** A prediction for the seven. @type {import("./server-process.mjs").Probe} */
export const mnistProbe = {
  model: MNIST.name,
  signature: "predict_images",
  inputs: { images: { dtype: "float32", shape: [1, 784], data: pixels() } },
  isRight(outputs) {
    const scores = /** @type {Float32Array} */ (outputs.get("scores")?.data);
    return scores.indexOf(Math.max(...scores)) === LABEL;
  },
};

/** The image as the model takes it: from 0 to 1. */
function pixels() {
  return Float32Array.from(inflateSync(Buffer.from(SEVEN, "base64")), (level) => level / 255);
}
