/** Faces drawn by code: a person has features of their own, and the same person can be seen in different light. */
import { encodeJpeg } from "@servable/example-kit/pictures";
import { uniform } from "@servable/example-kit/random";

const SIZE = 240;

type Color = readonly [red: number, green: number, blue: number];

/** Lengths in parts of the picture's size. */
interface Features {
  readonly face: { readonly width: number; readonly height: number; readonly skin: Color };
  readonly eyes: {
    readonly apart: number;
    readonly height: number;
    readonly size: number;
    readonly iris: Color;
  };
  readonly brows: { readonly length: number; readonly thickness: number; readonly tilt: number };
  readonly nose: number;
  readonly mouth: { readonly width: number; readonly thickness: number; readonly bend: number };
  readonly hair: { readonly height: number; readonly color: Color };
}

/**
 * A photograph of a person as a JPEG file.
 *
 * @param person another number is another person
 * @param light 1 is daylight; less is darker
 */
export function drawFace(person: number, light: number): Uint8Array {
  const features = featuresOf(person);
  const levels = new Uint8Array(SIZE * SIZE * 3);
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const [u, v] = [(x + 0.5) / SIZE - 0.5, (y + 0.5) / SIZE - 0.5];
      colorAt(features, u, v).forEach((level, channel) => {
        levels[3 * (y * SIZE + x) + channel] = Math.min(255, level * light);
      });
    }
  }
  return encodeJpeg(levels, SIZE, SIZE);
}

function featuresOf(person: number): Features {
  const random = uniform(7919 * person);
  const between = (from: number, to: number) => from + (to - from) * random();
  const tone = between(0.55, 1);
  const hairTone = between(0.15, 0.75);
  return {
    face: {
      width: between(0.24, 0.36),
      height: between(0.36, 0.45),
      skin: [240 * tone, 200 * tone, 172 * tone],
    },
    eyes: {
      apart: between(0.09, 0.16),
      height: between(-0.1, -0.02),
      size: between(0.022, 0.042),
      iris: [between(20, 110), between(40, 120), between(40, 160)],
    },
    brows: { length: between(0.05, 0.1), thickness: between(0.008, 0.022), tilt: between(-0.3, 0.3) },
    nose: between(0.06, 0.15),
    mouth: { width: between(0.07, 0.15), thickness: between(0.012, 0.03), bend: between(-2, 4) },
    hair: { height: between(-0.3, -0.16), color: [220 * hairTone, 160 * hairTone, 90 * hairTone] },
  };
}

const BACKGROUND: Color = [150, 170, 185];
const WHITE: Color = [245, 245, 245];
const LIPS: Color = [170, 70, 75];

/** @param u to the right and v down, from the middle, -0.5 to 0.5 */
function colorAt({ face, eyes, brows, nose, mouth, hair }: Features, u: number, v: number): Color {
  const side = Math.abs(u);
  const inFace = (u / face.width) ** 2 + (v / face.height) ** 2;
  if (inFace > 1.25) return BACKGROUND;
  if (inFace > 1 || v < hair.height) return v < 0.05 || inFace < 1 ? hair.color : BACKGROUND;
  const eye = Math.hypot(side - eyes.apart, 1.4 * (v - eyes.height));
  if (eye < eyes.size * 0.5) return eyes.iris;
  if (eye < eyes.size) return WHITE;
  const brow = v - (eyes.height - 2 * eyes.size) - brows.tilt * (side - eyes.apart);
  if (Math.abs(brow) < brows.thickness && Math.abs(side - eyes.apart) < brows.length) return hair.color;
  if (side < 0.018 && v > eyes.height + 0.02 && v < eyes.height + 0.02 + nose) return shaded(face.skin, 0.82);
  const lip = v - 0.2 + mouth.bend * u * u;
  if (side < mouth.width && Math.abs(lip) < mouth.thickness) return LIPS;
  return shaded(face.skin, 1.06 - 0.25 * inFace);
}

function shaded([red, green, blue]: Color, factor: number): Color {
  return [red * factor, green * factor, blue * factor];
}
