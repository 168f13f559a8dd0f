/**
 * Places the boxes of an acyclic graph in layers, one below the other, so that lines lead down and cross seldom
 * (Sugiyama's method): layers by the longest way, order within a layer by the mean place of the neighbours, and places
 * as near to those means as the boxes' widths allow, which is an isotonic regression.
 */

export interface LayoutBox {
  readonly width: number;
  readonly height: number;
  /** In the last layer whatever it follows from, as a graph's results. */
  readonly isLast?: boolean;
}

/** Boxes by their index; a line leads down from the first to the second. */
export type LayoutLine = readonly [from: number, to: number];

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Upper left corners, by box. */
  readonly boxes: readonly Point[];
  /** For each line, the points that it passes, from the bottom of one box to the top of the other. */
  readonly lines: readonly (readonly Point[])[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface LayoutGaps {
  /** Between boxes of a layer. */
  readonly x: number;
  /** Between layers. */
  readonly y: number;
}

/** Sweeps down and up in search of an order. More change little. */
const ORDER_SWEEPS = 10;
/** Sweeps for the places. */
const PLACE_SWEEPS = 60;
/** A line that passes a layer needs room there. */
const LINE_WIDTH = 10;

/** A box, or the place where a line passes a layer. */
interface Item {
  readonly layer: number;
  readonly width: number;
  readonly height: number;
  readonly above: Item[];
  readonly below: Item[];
  /** Of its middle. */
  x: number;
}

/** @param lines must lead from boxes with lower indices to boxes with higher ones */
export function layOut(boxes: readonly LayoutBox[], lines: readonly LayoutLine[], gaps: LayoutGaps): Layout {
  const ranks = layersOf(boxes, lines);
  const items = boxes.map((box, i) => newItem(ranks[i] as number, box.width, box.height));
  const layers: Item[][] = Array.from({ length: Math.max(-1, ...ranks) + 1 }, () => []);
  for (const item of items) layers[item.layer]?.push(item);
  const routes = lines.map(([from, to]) => route(items[from] as Item, items[to] as Item, layers));
  order(layers);
  place(layers, gaps.x);
  return finish(items, routes, layers, gaps);
}

function newItem(layer: number, width: number, height: number): Item {
  return { layer, width, height, above: [], below: [], x: 0 };
}

function layersOf(boxes: readonly LayoutBox[], lines: readonly LayoutLine[]): number[] {
  const ranks = new Array<number>(boxes.length).fill(0);
  const sorted = [...lines].sort(([a], [b]) => a - b);
  for (const [from, to] of sorted) ranks[to] = Math.max(ranks[to] as number, (ranks[from] as number) + 1);
  // What nothing leads to is best just above what it leads to.
  const hasAbove = new Set(lines.map(([, to]) => to));
  boxes.forEach((_, i) => {
    const below = lines.filter(([from]) => from === i).map(([, to]) => ranks[to] as number);
    if (!hasAbove.has(i) && below.length > 0) ranks[i] = Math.min(...below) - 1;
  });
  const last = Math.max(0, ...ranks);
  return ranks.map((rank, i) => (boxes[i]?.isLast ? last : rank));
}

/** The items of a line, with one in each layer between its ends. */
function route(from: Item, to: Item, layers: Item[][]): Item[] {
  const items = [from];
  for (let layer = from.layer + 1; layer < to.layer; layer++) {
    const passing = newItem(layer, LINE_WIDTH, 0);
    layers[layer]?.push(passing);
    items.push(passing);
  }
  items.push(to);
  for (let i = 1; i < items.length; i++) {
    const [upper, lower] = [items[i - 1] as Item, items[i] as Item];
    upper.below.push(lower);
    lower.above.push(upper);
  }
  return items;
}

// ---- order ---------------------------------------------------------------------------------------------------

function order(layers: Item[][]): void {
  number(layers);
  let best = snapshot(layers);
  let fewest = crossings(layers);
  for (let sweep = 0; sweep < ORDER_SWEEPS && fewest > 0; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const layer of isDown ? layers : [...layers].reverse()) sortLayer(layer, isDown);
    const count = crossings(layers);
    if (count < fewest) {
      fewest = count;
      best = snapshot(layers);
    }
  }
  best.forEach((layer, i) => {
    layers[i] = layer;
  });
  number(layers);
}

function snapshot(layers: readonly Item[][]): Item[][] {
  return layers.map((layer) => [...layer]);
}

/** While the order is looked for, x is the position in the layer. */
function number(layers: readonly Item[][]): void {
  for (const layer of layers) {
    layer.forEach((item, i) => {
      item.x = i;
    });
  }
}

function sortLayer(layer: Item[], isDown: boolean): void {
  const wanted = new Map(layer.map((item) => [item, meanX(isDown ? item.above : item.below) ?? item.x]));
  layer.sort((a, b) => (wanted.get(a) as number) - (wanted.get(b) as number));
  layer.forEach((item, i) => {
    item.x = i;
  });
}

function meanX(items: readonly Item[]): number | undefined {
  if (items.length === 0) return undefined;
  return items.reduce((sum, { x }) => sum + x, 0) / items.length;
}

/** How many pairs of lines cross, by counting inversions between neighbouring layers. */
function crossings(layers: readonly Item[][]): number {
  return layers.reduce((sum, layer) => {
    const ends = layer.flatMap((item) => item.below.map(({ x }) => x).sort((a, b) => a - b));
    return sum + inversions(ends);
  }, 0);
}

function inversions(values: number[]): number {
  if (values.length < 2) return 0;
  const middle = values.length >> 1;
  const [left, right] = [values.slice(0, middle), values.slice(middle)];
  let count = inversions(left) + inversions(right);
  let i = 0;
  let j = 0;
  for (let at = 0; at < values.length; at++) {
    const takesLeft = j >= right.length || (i < left.length && (left[i] as number) <= (right[j] as number));
    if (!takesLeft) count += left.length - i;
    values[at] = (takesLeft ? left[i++] : right[j++]) as number;
  }
  return count;
}

// ---- places --------------------------------------------------------------------------------------------------

/**
 * Makes the lines as upright as the boxes' room allows: the squares of the ways that they go aside, summed up with their
 * weights, become less layer by layer. It begins with all layers in the middle.
 */
function place(layers: readonly Item[][], gap: number): void {
  for (const layer of layers) {
    const width = layer.reduce((sum, item) => sum + item.width + gap, -gap);
    let x = -width / 2;
    for (const item of layer) {
      item.x = x + item.width / 2;
      x += item.width + gap;
    }
  }
  for (let sweep = 0; sweep < PLACE_SWEEPS; sweep++) {
    for (const layer of sweep % 2 === 0 ? layers : [...layers].reverse()) settle(layer, gap);
  }
}

/** Places as near as possible to where the lines want them, in order and with room between them. */
function settle(layer: readonly Item[], gap: number): void {
  // With the room taken off, the order is all that is left to keep.
  const offsets: number[] = [];
  layer.forEach((item, i) => {
    const before = layer[i - 1];
    const distance = before === undefined ? 0 : (before.width + item.width) / 2 + gap;
    offsets.push((offsets[i - 1] ?? 0) + distance);
  });
  const pulls = layer.map(pullOn);
  const free = increasing(
    pulls.map(({ x }, i) => x - (offsets[i] as number)),
    pulls.map(({ weight }) => weight),
  );
  layer.forEach((item, i) => {
    item.x = (free[i] as number) + (offsets[i] as number);
  });
}

/** Long lines stay straight, and boxes make room. */
const LINE_WEIGHTS = [1, 3, 8] as const;
/** What no line pulls stays where it is, unless it is in the way. */
const ALONE = 0.01;

function pullOn(item: Item): { x: number; weight: number } {
  let [sum, weight] = [ALONE * item.x, ALONE];
  for (const other of [...item.above, ...item.below]) {
    const own = LINE_WEIGHTS[Number(isPassing(item)) + Number(isPassing(other))] as number;
    sum += own * other.x;
    weight += own;
  }
  return { x: sum / weight, weight };
}

function isPassing({ height }: Item): boolean {
  return height === 0;
}

/** The nearest numbers in the least squares that never decrease: neighbours out of order are joined at their mean. */
function increasing(values: readonly number[], weights: readonly number[]): number[] {
  const blocks: { sum: number; weight: number; count: number }[] = [];
  values.forEach((value, i) => {
    const weight = weights[i] as number;
    let block = { sum: value * weight, weight, count: 1 };
    for (let last = blocks.at(-1); last !== undefined; last = blocks.at(-1)) {
      if (last.sum / last.weight <= block.sum / block.weight) break;
      blocks.pop();
      block = {
        sum: last.sum + block.sum,
        weight: last.weight + block.weight,
        count: last.count + block.count,
      };
    }
    blocks.push(block);
  });
  return blocks.flatMap(({ sum, weight, count }) => new Array<number>(count).fill(sum / weight));
}

function finish(
  items: readonly Item[],
  routes: readonly (readonly Item[])[],
  layers: readonly Item[][],
  gaps: LayoutGaps,
): Layout {
  const all = layers.flat();
  const left = Math.min(0, ...all.map(({ x, width }) => x - width / 2));
  const right = Math.max(0, ...all.map(({ x, width }) => x + width / 2));
  const heights = layers.map((layer) => Math.max(0, ...layer.map(({ height }) => height)));
  const tops: number[] = [];
  heights.forEach((_, i) => {
    tops.push(i === 0 ? 0 : (tops[i - 1] as number) + (heights[i - 1] as number) + gaps.y);
  });
  // Boxes are in the middle of their layer.
  const top = ({ layer, height }: Item) =>
    (tops[layer] as number) + ((heights[layer] as number) - height) / 2;
  return {
    width: right - left,
    height: (tops.at(-1) ?? 0) + (heights.at(-1) ?? 0),
    boxes: items.map((item) => ({ x: item.x - item.width / 2 - left, y: top(item) })),
    lines: routes.map((route) =>
      route.flatMap((item, i): Point[] => {
        const x = item.x - left;
        const start = tops[item.layer] as number;
        const end = start + (heights[item.layer] as number);
        // Lines leave a layer before they turn aside, so as to pass the other boxes in it.
        if (i === 0) return distinct({ x, y: top(item) + item.height }, { x, y: end });
        if (i === route.length - 1) return distinct({ x, y: start }, { x, y: top(item) });
        return distinct({ x, y: start }, { x, y: end });
      }),
    ),
  };
}

function distinct(a: Point, b: Point): Point[] {
  return a.y === b.y ? [a] : [a, b];
}
