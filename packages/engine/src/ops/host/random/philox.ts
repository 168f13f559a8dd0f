/**
 * Philox 4×32-10, the counter-based generator of random bits that TensorFlow uses everywhere on CPUs (Salmon et al.,
 * "Parallel random numbers: as easy as 1, 2, 3", 2011; tensorflow/core/lib/random/philox_random.h).
 *
 * A key names a sequence, a counter of 128 bits the place in it. One block is four words of 32 bits.
 */

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
const KEY_STEPS = [0x9e3779b9, 0xbb67ae85] as const;
const ROUNDS = 10;

/** Four unsigned 32-bit words. */
export type Block = readonly [number, number, number, number];

export class Philox {
  private readonly key: [number, number];
  /** Least significant word first. */
  private readonly counter: [number, number, number, number];

  constructor(key: readonly [number, number], counter: Block) {
    this.key = [key[0] >>> 0, key[1] >>> 0];
    this.counter = [counter[0] >>> 0, counter[1] >>> 0, counter[2] >>> 0, counter[3] >>> 0];
  }

  /** From 64-bit words, as state tensors hold them: key, low and high half of the counter. */
  static ofWords(key: bigint, low: bigint, high: bigint): Philox {
    const [k, c, d] = [halves(key), halves(low), halves(high)];
    return new Philox(k, [...c, ...d]);
  }

  /** A generator at the same place, that moves on its own. */
  fork(): Philox {
    return new Philox(this.key, this.counter);
  }

  /** The counter's two 64-bit halves, low first. */
  counterWords(): [bigint, bigint] {
    const [a, b, c, d] = this.counter;
    return [joined(a, b), joined(c, d)];
  }

  keyWord(): bigint {
    return joined(...this.key);
  }

  /** Leaves out so many blocks. */
  skip(blocks: number): this {
    const counted = BigInt(blocks) + joined(this.counter[0], this.counter[1]);
    const [low, high] = halves(BigInt.asUintN(64, counted));
    const carried = joined(this.counter[2], this.counter[3]) + (counted >> 64n);
    const [upperLow, upperHigh] = halves(BigInt.asUintN(64, carried));
    this.counter.splice(0, 4, low, high, upperLow, upperHigh);
    return this;
  }

  next(): Block {
    let [a, b, c, d] = this.counter;
    let [k0, k1] = this.key;
    for (let round = 0; round < ROUNDS; round++) {
      const [low0, high0] = wideProduct(MULTIPLIERS[0], a);
      const [low1, high1] = wideProduct(MULTIPLIERS[1], c);
      [a, b, c, d] = [(high1 ^ b ^ k0) >>> 0, low1, (high0 ^ d ^ k1) >>> 0, low0];
      k0 = (k0 + KEY_STEPS[0]) >>> 0;
      k1 = (k1 + KEY_STEPS[1]) >>> 0;
    }
    this.increment();
    return [a, b, c, d];
  }

  private increment(): void {
    for (let word = 0; word < 4; word++) {
      this.counter[word] = ((this.counter[word] as number) + 1) >>> 0;
      if (this.counter[word] !== 0) return;
    }
  }
}

/** Words one by one. */
export class Words {
  private block: Block = [0, 0, 0, 0];
  private used = 4;

  constructor(private readonly generator: Philox) {}

  next(): number {
    if (this.used === 4) {
      this.block = this.generator.next();
      this.used = 0;
    }
    return this.block[this.used++] as number;
  }
}

/** Low and high 32 bits of a product of unsigned 32-bit numbers. */
function wideProduct(x: number, y: number): [low: number, high: number] {
  const [xLow, xHigh, yLow, yHigh] = [x & 0xffff, x >>> 16, y & 0xffff, y >>> 16];
  const low = xLow * yLow;
  const middle = xHigh * yLow + (low >>> 16);
  const cross = xLow * yHigh + (middle % 0x10000);
  return [Math.imul(x, y) >>> 0, xHigh * yHigh + Math.floor(middle / 0x10000) + Math.floor(cross / 0x10000)];
}

/** Low and high 32 bits. */
export function halves(word: bigint): [number, number] {
  const unsigned = BigInt.asUintN(64, word);
  return [Number(unsigned & 0xffffffffn), Number(unsigned >> 32n)];
}

function joined(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
