/** Networks of dense layers to load a server with, and requests of any number of rows for them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { tensor, tensorFromProto, tensorToProto } from "@servable/formats";
import {
  PredictRequestSchema,
  PredictResponseSchema,
} from "@servable/formats/protobuf/tensorflow_serving/apis/predict_pb";
import { writeDense } from "../endurance/models.mjs";

const FLOAT_BYTES = 4;

/**
 * A model of so many layers, `width` numbers in and out.
 * @typedef {{ name: string, width: number, layers: number }} Dense
 */

/**
 * Writes version 1, and returns the folder of the version folders.
 * @param {string} folder
 * @param {Dense} model
 */
export function writeDenseModel(folder, { name, width, layers }) {
  const own = join(folder, name);
  mkdirSync(join(own, name), { recursive: true });
  writeDense(join(own, name), 1, { megabytes: (layers * width * width * FLOAT_BYTES) / 1e6, width });
  return join(own, name);
}

/** @param {Dense} model @param {number} rows */
const inputOf = ({ width }, rows) =>
  tensor(
    "float32",
    [rows, width],
    Float32Array.from({ length: rows * width }, (_, i) => (i % 17) / 17),
  );

/** @param {Dense} model @returns {import("../server-process.mjs").Probe} */
export const denseProbe = (model) => ({
  model: model.name,
  inputs: { x: inputOf(model, 1) },
  isRight: (outputs) => outputs.get("y")?.shape[1] === model.width,
});

/**
 * A file with a Predict request of so many rows.
 * @param {string} folder
 * @param {Dense} model
 * @param {number} rows
 */
export function writeDenseRequest(folder, model, rows) {
  const file = join(folder, `${model.name}-${rows}.bin`);
  const x = tensorToProto(inputOf(model, rows), { asContent: true });
  const message = create(PredictRequestSchema, { modelSpec: { name: model.name }, inputs: { x } });
  writeFileSync(file, toBinary(PredictRequestSchema, message));
  return file;
}

/** @param {Dense} model @param {number} rows */
export const denseCheck =
  ({ width }, rows) =>
  (/** @type {Uint8Array} */ answer) => {
    const y = fromBinary(PredictResponseSchema, answer).outputs.y;
    const shape = y && tensorFromProto(y, 'output "y"').shape;
    if (shape?.join() !== [rows, width].join()) throw new Error(`an answer of ${rows} rows is [${shape}]`);
  };
