import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Layout, type LayoutBox, type LayoutLine, layOut } from "./layered-layout.js";

const gaps = { x: 20, y: 30 };
const box = (width = 100, height = 40): LayoutBox => ({ width, height });
const middleOf = ({ boxes }: Layout, sizes: readonly LayoutBox[], i: number): number =>
  (boxes[i]?.x ?? 0) + (sizes[i]?.width ?? 0) / 2;

/** Random acyclic graphs, the same on every run. */
function randomGraph(seed: number): { boxes: LayoutBox[]; lines: LayoutLine[] } {
  let state = seed;
  const random = (limit: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % limit;
  };
  const boxes = Array.from({ length: 40 }, () => box(40 + random(160), 20 + random(60)));
  const lines = boxes.flatMap((_, to) =>
    to === 0 ? [] : Array.from({ length: 1 + random(3) }, (): LayoutLine => [random(to), to]),
  );
  return { boxes, lines };
}

describe("Boxes in layers", () => {
  it("of a chain stand below each other", () => {
    const boxes = [box(200), box(50), box(120)];
    const layout = layOut(
      boxes,
      [
        [0, 1],
        [1, 2],
      ],
      gaps,
    );
    assert.deepEqual(
      layout.boxes.map(({ y }) => y),
      [0, 70, 140],
    );
    for (const i of [1, 2])
      assert.ok(Math.abs(middleOf(layout, boxes, i) - middleOf(layout, boxes, 0)) < 0.5);
    assert.deepEqual([layout.width, layout.height], [200, 180]);
  });

  it("are ordered so that lines need not cross", () => {
    const boxes = [box(), box(), box(), box()];
    const layout = layOut(
      boxes,
      [
        [0, 3],
        [1, 2],
      ],
      gaps,
    );
    const x = layout.boxes.map((at) => at.x);
    assert.equal(
      Math.sign((x[0] as number) - (x[1] as number)),
      Math.sign((x[3] as number) - (x[2] as number)),
    );
  });

  it("of results are in the last layer", () => {
    const boxes = [box(), box(), box(), { ...box(), isLast: true }];
    const { boxes: places } = layOut(
      boxes,
      [
        [0, 1],
        [1, 2],
        [0, 3],
      ],
      gaps,
    );
    assert.equal(places[3]?.y, places[2]?.y);
  });

  it("of sources stand just above what reads them", () => {
    const boxes = [box(), box(), box(), box()];
    const { boxes: places } = layOut(
      boxes,
      [
        [0, 1],
        [1, 3],
        [2, 3],
      ],
      gaps,
    );
    assert.equal(places[2]?.y, places[1]?.y);
  });

  it("may be none", () => {
    assert.deepEqual(layOut([], [], gaps), { width: 0, height: 0, boxes: [], lines: [] });
  });

  for (const seed of [1, 2, 3, 4]) {
    it(`never overlap, and lines lead down (graph ${seed})`, () => {
      const { boxes, lines } = randomGraph(seed);
      const layout = layOut(boxes, lines, gaps);
      const places = layout.boxes.map((at, i) => ({ ...at, ...(boxes[i] as LayoutBox) }));
      for (const [i, a] of places.entries()) {
        assert.ok(a.x >= -0.01 && a.x + a.width <= layout.width + 0.01, `box ${i} is inside`);
        for (const b of places.slice(i + 1)) {
          const apart =
            a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
          assert.ok(apart, "boxes overlap");
        }
      }
      for (const [i, points] of layout.lines.entries()) {
        const [from, to] = lines[i] as LayoutLine;
        assert.ok(Math.abs((points[0]?.x ?? 0) - middleOf(layout, boxes, from)) < 0.01);
        assert.ok(Math.abs((points.at(-1)?.x ?? 0) - middleOf(layout, boxes, to)) < 0.01);
        assert.ok(
          points.every(({ y }, k) => k === 0 || y >= (points[k - 1]?.y ?? 0)),
          "a line leads up",
        );
      }
    });
  }
});
