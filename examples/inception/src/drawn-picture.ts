/**
 * Pictures drawn by code, for those who have none at hand, and for tests: waves of colour, encoded as JPEG by
 * TensorFlow's EncodeJpeg on our engine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadModel } from "@servable/engine";
import { GraphBuilder, predictSignatureDef, SavedModelBuilder, tensor } from "@servable/formats";

const CHANNELS = 3;

/** Levels of red, green and blue from 0 to 255, row by row; another seed is another picture. */
export function drawLevels(width: number, height: number, seed: number): Uint8Array {
  const levels = new Uint8Array(width * height * CHANNELS);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [u, v] = [x / 60, y / 60];
      const waves = [Math.sin(u + seed), Math.cos(v * (1 + (seed % 3))), Math.sin((u * v) / 3 + seed)];
      waves.forEach((wave, channel) => {
        levels[(y * width + x) * CHANNELS + channel] = 128 + 100 * wave;
      });
    }
  }
  return levels;
}

/** A picture as the bytes of a JPEG file. */
export function drawJpeg(width: number, height: number, seed: number): Uint8Array {
  const folder = mkdtempSync(path.join(tmpdir(), "encode-jpeg-"));
  try {
    const model = loadModel(exportEncoder(path.join(folder, "1")));
    const image = tensor("uint8", [height, width, CHANNELS], drawLevels(width, height, seed));
    const file = model.run("serving_default", new Map([["image", image]])).get("file");
    model.close();
    return file?.dtype === "string" ? (file.data[0] as Uint8Array) : new Uint8Array();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A model of one op: image, uint8 [height, width, 3] → file, string []. */
function exportEncoder(versionDir: string): string {
  const graph = new GraphBuilder();
  const image = graph.placeholder("uint8", [-1, -1, CHANNELS], { name: "image" });
  const file = graph.compute("EncodeJpeg", [image], { format: "rgb" });
  const builder = new SavedModelBuilder(versionDir);
  builder.addMetaGraphAndVariables(["serve"], {
    graph,
    variables: new Map(),
    signatures: { serving_default: predictSignatureDef({ image }, { file }) },
  });
  builder.save();
  return versionDir;
}
