/** Pictures drawn by code, for those who have none at hand, and for tests: waves of colour. */
import { encodeJpeg } from "@servable/example-kit/pictures";

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
  return encodeJpeg(drawLevels(width, height, seed), width, height);
}
