/** How far two photographs are apart by a served network. */
import { type Client, tensor } from "@servable/client";
import { decodePicture } from "@servable/example-kit/pictures";
import { invalidArgument } from "@servable/formats";

const SIZE = 160;
const DEADLINE_MS = 10_000;

export interface FaceDistance {
  /** From 0, the same, to 2. */
  readonly distance: number;
  /** Of the model, that answered. */
  readonly version: bigint | undefined;
}

/**
 * Sends both photographs in one request and gives the distance of their points.
 *
 * @param photographs bytes of files: JPEG, PNG …
 * @throws INVALID_ARGUMENT for what is no picture, and for a model that gives no points; the server's errors
 */
export async function faceDistance(
  client: Client,
  model: string,
  photographs: readonly [Uint8Array, Uint8Array],
): Promise<FaceDistance> {
  const images = new Float32Array(2 * SIZE * SIZE * 3);
  photographs.forEach((file, i) => {
    images.set(decodePicture(file, SIZE), (i * images.length) / 2);
  });
  const result = await client.predict({
    model,
    inputs: {
      images: tensor("float32", [2, SIZE, SIZE, 3], images),
      is_training: tensor("bool", [], Uint8Array.of(0)),
    },
    deadlineMs: DEADLINE_MS,
  });
  const scores = result.outputs.get("scores");
  if (scores?.dtype !== "float32" || scores.shape.length !== 2 || scores.shape[0] !== 2) {
    throw invalidArgument(`Model "${model}" gives no "scores" of float32 [2, n]`);
  }
  const { data } = scores;
  const size = data.length / 2;
  let sum = 0;
  for (let i = 0; i < size; i++) sum += ((data[i] as number) - (data[size + i] as number)) ** 2;
  return { distance: Math.sqrt(sum), version: result.model.version };
}
