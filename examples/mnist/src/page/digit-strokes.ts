/** The ten digits as strokes of a pen: for the page, which draws them before one's eyes, and for drawn-digit.ts. */

/** A point: x to the right and y down, both from 0 to 1 over the digit's height. */
export type Point = readonly [x: number, y: number];
export type Stroke = readonly Point[];

const ARC_STEPS = 24;

/** Part of an ellipse; angles in degrees, 0 to the right, 90 down. */
function arc(center: Point, radii: Point, from: number, to: number): Stroke {
  return Array.from({ length: ARC_STEPS + 1 }, (_, i): Point => {
    const angle = ((from + ((to - from) * i) / ARC_STEPS) * Math.PI) / 180;
    return [center[0] + radii[0] * Math.cos(angle), center[1] + radii[1] * Math.sin(angle)];
  });
}

/** By digit. */
export const digitStrokes: readonly (readonly Stroke[])[] = [
  [arc([0.5, 0.5], [0.34, 0.48], 0, 360)],
  [
    [
      [0.5, 0.02],
      [0.5, 0.98],
    ],
  ],
  [[...arc([0.48, 0.28], [0.3, 0.26], 200, 390), [0.16, 0.95], [0.86, 0.95]]],
  [arc([0.44, 0.26], [0.3, 0.24], 210, 450), arc([0.44, 0.74], [0.34, 0.24], 270, 510)],
  [
    [
      [0.22, 0.04],
      [0.16, 0.5],
      [0.78, 0.5],
    ],
    [
      [0.76, 0.08],
      [0.68, 0.98],
    ],
  ],
  [[[0.8, 0.04], [0.3, 0.06], [0.24, 0.46], ...arc([0.42, 0.7], [0.34, 0.27], 240, 500)]],
  [[[0.66, 0.02], [0.3, 0.4], ...arc([0.5, 0.72], [0.28, 0.25], 180, 540)]],
  [
    [
      [0.14, 0.06],
      [0.82, 0.06],
      [0.4, 0.98],
    ],
  ],
  [arc([0.56, 0.26], [0.2, 0.22], 0, 360), arc([0.46, 0.73], [0.21, 0.25], 0, 360)],
  [
    arc([0.48, 0.3], [0.27, 0.26], 0, 360),
    [
      [0.75, 0.3],
      [0.66, 0.98],
    ],
  ],
];
