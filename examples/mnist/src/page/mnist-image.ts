/**
 * Turns a drawing into an image as MNIST has them: the digit fitted into 20×20 pixels without distortion, its center of
 * mass in the middle of 28×28, 0 for paper and 1 for ink (LeCun et al., "The MNIST database").
 */

/** Height and width of the image. */
export const IMAGE_SIZE = 28;
/** What the longer side of the digit is scaled to. */
const DIGIT_SIZE = 20;

/** Ink by pixel, row by row, from 0 to 255. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly ink: ArrayLike<number>;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The drawing as [28 × 28] numbers from 0 to 1, undefined when nothing is drawn. */
export function mnistImage(drawing: Drawing): Float32Array | undefined {
  const box = inkBox(drawing);
  if (box === undefined) return undefined;
  const scale = Math.max(box.right - box.left, box.bottom - box.top) / DIGIT_SIZE;
  const [massX, massY] = centerOfMass(drawing);
  const middle = IMAGE_SIZE / 2;
  const image = new Float32Array(IMAGE_SIZE * IMAGE_SIZE);
  for (let y = 0; y < IMAGE_SIZE; y++) {
    for (let x = 0; x < IMAGE_SIZE; x++) {
      const left = massX + (x - middle) * scale;
      const top = massY + (y - middle) * scale;
      image[y * IMAGE_SIZE + x] = meanInk(drawing, { left, top, right: left + scale, bottom: top + scale });
    }
  }
  return image;
}

/** The smallest box around all ink, in pixels. */
function inkBox({ width, height, ink }: Drawing): Box | undefined {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!ink[y * width + x]) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
  }
  return right === 0 ? undefined : { left, top, right, bottom };
}

function centerOfMass({ width, height, ink }: Drawing): [x: number, y: number] {
  let [mass, massX, massY] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = ink[y * width + x] ?? 0;
      mass += value;
      massX += value * (x + 0.5);
      massY += value * (y + 0.5);
    }
  }
  return [massX / mass, massY / mass];
}

/** The mean ink of an area from 0 to 1, pixels at its edges counted by the part that lies inside. */
function meanInk({ width, height, ink }: Drawing, { left, top, right, bottom }: Box): number {
  let sum = 0;
  for (let y = Math.max(0, Math.floor(top)); y < Math.min(height, bottom); y++) {
    const rowPart = Math.min(y + 1, bottom) - Math.max(y, top);
    for (let x = Math.max(0, Math.floor(left)); x < Math.min(width, right); x++) {
      const columnPart = Math.min(x + 1, right) - Math.max(x, left);
      sum += rowPart * columnPart * (ink[y * width + x] ?? 0);
    }
  }
  return sum / ((right - left) * (bottom - top)) / 255;
}
