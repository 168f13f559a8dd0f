/**
 * A list whose every change makes a new list and leaves the old one as it was, at the cost of a few small arrays and
 * not of a copy: loops that write one element a step stay linear. A tree of blocks of 32; blocks nobody wrote are
 * absent, so a list of any length costs nothing until it is filled.
 */
const BITS = 5;
const WIDTH = 1 << BITS;

/** An inner block holds blocks, a leaf holds elements. */
type Block<T> = readonly (Block<T> | T | undefined)[];

export class PersistentList<T> {
  private constructor(
    readonly length: number,
    /** Levels of inner blocks above the leaves. */
    private readonly depth: number,
    private readonly root: Block<T> | undefined,
  ) {}

  /** A list of that many elements that are all undefined. */
  static ofLength<T>(length: number): PersistentList<T> {
    return new PersistentList<T>(length, depthFor(length), undefined);
  }

  static from<T>(elements: readonly T[]): PersistentList<T> {
    const depth = depthFor(elements.length);
    let blocks: Block<T>[] = inBlocks(elements);
    for (let level = 0; level < depth; level++) blocks = inBlocks(blocks) as Block<T>[];
    return new PersistentList<T>(elements.length, depth, blocks[0]);
  }

  /** The element, undefined where none was set. The index must be in range. */
  get(index: number): T | undefined {
    let block = this.root;
    for (let level = this.depth; level > 0 && block !== undefined; level--) {
      block = block[slotAt(index, level)] as Block<T> | undefined;
    }
    return block?.[index & (WIDTH - 1)] as T | undefined;
  }

  /** The list with another element. The index must be in range. */
  with(index: number, element: T | undefined): PersistentList<T> {
    return new PersistentList(this.length, this.depth, replaced(this.root, this.depth, index, element));
  }

  push(element: T): PersistentList<T> {
    return this.resized(this.length + 1).with(this.length, element);
  }

  /** The list cut off, or grown by elements that are undefined. */
  resized(length: number): PersistentList<T> {
    if (length < this.length) {
      // What is cut off must not come back when the list grows again.
      if (length === this.length - 1)
        return new PersistentList(length, this.depth, this.with(length, undefined).root);
      return PersistentList.from(Array.from({ length }, (_, i) => this.get(i))) as PersistentList<T>;
    }
    const depth = depthFor(length);
    let { root } = this;
    for (let level = this.depth; level < depth && root !== undefined; level++) root = [root];
    return new PersistentList(length, Math.max(depth, this.depth), root);
  }

  /** All elements in order. */
  *[Symbol.iterator](): Generator<T | undefined> {
    for (let i = 0; i < this.length; i++) yield this.get(i);
  }
}

function depthFor(length: number): number {
  let depth = 0;
  for (let held = WIDTH; held < length; held *= WIDTH) depth++;
  return depth;
}

/** Division, for lists may be longer than 32-bit shifts reach. */
function slotAt(index: number, level: number): number {
  return Math.floor(index / WIDTH ** level) % WIDTH;
}

function inBlocks<E>(elements: readonly E[]): E[][] {
  const blocks: E[][] = [];
  for (let i = 0; i < elements.length; i += WIDTH) blocks.push(elements.slice(i, i + WIDTH));
  return blocks;
}

function replaced<T>(
  block: Block<T> | undefined,
  level: number,
  index: number,
  element: T | undefined,
): Block<T> {
  const copy = block === undefined ? [] : block.slice();
  const slot = level === 0 ? index & (WIDTH - 1) : slotAt(index, level);
  copy[slot] =
    level === 0 ? element : replaced(copy[slot] as Block<T> | undefined, level - 1, index, element);
  return copy;
}
