/**
 * Rows of random ops. Stateless ones and those with seeds give TensorFlow's numbers exactly (but for the last bit of
 * sines and logarithms); those without seeds are different every time.
 */
import { randomBytes } from "node:crypto";
import {
  type DType,
  elementCount,
  invalidArgument,
  type Shape,
  shapeText,
  type Tensor,
  unimplemented,
} from "@servable/formats";
import { variableOf } from "../../../runtime/variable.js";
import { asTensor, type Value } from "../../../values.js";
import type { HostRow, HostTable, NodeFacts } from "../../op-table.js";
import { product } from "../boxes.js";
import { elementsOf, realsOf, tensorOfNumbers } from "../domains.js";
import { compute, countOf, ensure, integerOf, move, outputDtype, vectorOf } from "../kernel.js";
import { takeAlong } from "../rearranging.js";
import { lgamma } from "../special-functions.js";
import { stateful } from "../stateful.js";
import {
  type DrawOne,
  drawGamma,
  fill,
  fillTruncatedNormal,
  fullIntegers,
  integersIn,
  normal,
  poissonOf,
  RESERVED_PER_OUTPUT,
  uniform,
  uniformDouble,
} from "./distributions.js";
import { halves, Philox, Words } from "./philox.js";
import { shuffle } from "./shuffle.js";

// ---- generators ------------------------------------------------------------------------------------------------

/** The two seeds of a stateless op, stirred into a key and a counter. */
export function keyAndCounter(seed: Tensor): Philox {
  ensure(
    seed.shape.length === 1 && seed.shape[0] === 2,
    () => `seed must have shape [2], not ${shapeText(seed.shape)}`,
  );
  const [first, second] = Array.from(
    elementsOf<number | bigint>(seed) as ArrayLike<number | bigint>,
    BigInt,
  ) as [bigint, bigint];
  const [a, b, c, d] = new Philox([0x3ec8f720, 0x02461e29], [...halves(first), ...halves(second)]).next();
  return new Philox([a, b], [0, 0, c, d]);
}

const PHILOX = 1;
const AUTO_SELECT = 3;

/** The generator that key, counter and algorithm of a V2 op describe. */
function generatorOf(key: Tensor, counter: Tensor, algorithm: Tensor): Philox {
  ensure(
    key.shape.length === 1 && key.shape[0] === 1,
    () => `key must have shape [1], not ${shapeText(key.shape)}`,
  );
  ensure(
    counter.shape.length === 1 && (counter.shape[0] as number) >= 2,
    () => `counter must be a vector with length at least 2; got shape: ${shapeText(counter.shape)}`,
  );
  const chosen = integerOf(algorithm, "algorithm");
  if (chosen !== PHILOX && chosen !== AUTO_SELECT)
    throw unimplemented(`random algorithm ${chosen}: only Philox (1) runs on a CPU`);
  const words = counter.data as BigUint64Array;
  return Philox.ofWords(key.data[0] as bigint, words[0] as bigint, words[1] as bigint);
}

/** A node's own generator: from its seeds, or from chance when both are 0. */
export function seededGenerator({ attrs }: NodeFacts): Philox {
  const [seed, seed2] = ["seed", "seed2"].map(
    (name) => attrs.raw(name)?.value.value as bigint | undefined,
  ) as [bigint?, bigint?];
  if (!seed && !seed2) {
    const chance = randomBytes(16);
    return Philox.ofWords(chance.readBigUInt64LE(0), 0n, chance.readBigUInt64LE(8));
  }
  return Philox.ofWords(seed ?? 0n, 0n, seed2 ?? 0n);
}

// ---- rows ------------------------------------------------------------------------------------------------------

/** Draws a tensor; `inputs` are those of the distribution. */
type Draw = (generator: Philox, dtype: DType, shape: Shape, inputs: readonly Tensor[]) => Tensor;

const shapeOf = (input: Tensor): Shape => {
  const shape = vectorOf(input, "shape");
  countOf(shape);
  return shape;
};

/** (shape, seed, …). */
const bySeed = (draw: Draw): HostRow =>
  compute(
    (node) =>
      (shape, seed, ...inputs) =>
        draw(keyAndCounter(seed), outputDtype(node), shapeOf(shape), inputs),
  );

/** (shape, key, counter, alg, …). */
const byKey = (draw: Draw): HostRow =>
  compute(
    (node) =>
      (shape, key, counter, algorithm, ...inputs) =>
        draw(generatorOf(key, counter, algorithm), outputDtype(node), shapeOf(shape), inputs),
  );

/** (shape, …), each run going on where the last one ended; enough is set aside for the wasteful distributions. */
const byNode = (draw: Draw): HostRow =>
  compute((node) => {
    const generator = seededGenerator(node);
    return (shapeInput, ...inputs) => {
      const shape = shapeOf(shapeInput);
      const own = generator.fork();
      const tensor = draw(own, outputDtype(node), shape, inputs);
      generator.skip(elementCount(tensor.shape) * RESERVED_PER_OUTPUT);
      return tensor;
    };
  }, "random");

const uniformly: Draw = (generator, dtype, shape) => fill(generator, dtype, shape, uniform(dtype));
const normally: Draw = (generator, dtype, shape) => fill(generator, dtype, shape, normal(dtype));
const fully: Draw = (generator, dtype, shape) => fill(generator, dtype, shape, fullIntegers(dtype));

const inRange: Draw = (generator, dtype, shape, [lowInput, highInput]) => {
  const [low, high] = [lowInput, highInput].map((input) => {
    ensure(input?.shape.length === 0, `minval and maxval must be scalars`);
    return elementsOf<number | bigint>(input)[0] as number | bigint;
  }) as [number | bigint, number | bigint];
  if (product(shape) > 0) ensure(low < high, () => `Need minval < maxval, got ${low} >= ${high}`);
  return fill(generator, dtype, shape, integersIn(dtype, low, high));
};

/** Draws `count` numbers for each parameter: the parameters' shape comes last in the output's. */
function drawEach(generator: Philox, dtype: DType, shape: Shape, parameters: Tensor, draw: DrawOne): Tensor {
  const values = elementsOf<number | bigint>(parameters);
  const total = countOf(shape);
  const count = values.length === 0 ? 0 : total / values.length;
  const out = new Float64Array(total);
  for (let p = 0; p < values.length; p++) {
    for (let i = 0; i < count; i++) {
      const own = generator.fork().skip(RESERVED_PER_OUTPUT * (p * count + i));
      out[i * values.length + p] = draw(own, Number(values[p]));
    }
  }
  return tensorOfNumbers(dtype, shape, out);
}

const drawPoisson = poissonOf(lgamma);

/** The shape input of RandomGamma and RandomPoisson leaves out that of the parameters. */
const perParameter =
  (draw: DrawOne): Draw =>
  (generator, dtype, shape, [parameters]) =>
    drawEach(generator, dtype, [...shape, ...(parameters as Tensor).shape], parameters as Tensor, draw);

/** The stateless ones give the whole shape. */
const wholeShape =
  (draw: DrawOne): Draw =>
  (generator, dtype, shape, [parameters]) => {
    const own = (parameters as Tensor).shape;
    ensure(
      shapeText(shape.slice(shape.length - own.length)) === shapeText(own),
      () => `Shape passed in must end with broadcasted shape: ${shapeText(shape)} vs. ${shapeText(own)}`,
    );
    return drawEach(generator, dtype, shape, parameters as Tensor, draw);
  };

/** num_samples classes for each row of unnormalised log-probabilities. */
function multinomial(generator: Philox, logits: Tensor, samples: number, dtype: DType): Tensor {
  const [rows, classes] = logits.shape as [number, number];
  ensure(logits.shape.length === 2, () => `logits should be a matrix, got shape ${shapeText(logits.shape)}`);
  ensure(samples >= 0, () => `num_samples should be nonnegative, got ${samples}`);
  ensure(classes > 0, () => `num_classes should be positive, got ${classes}`);
  const values = realsOf(logits);
  const words = new Words(generator);
  const out = new Float64Array(rows * samples);
  for (let row = 0; row < rows; row++) {
    const cumulative = cumulativeOf(Float64Array.from(values.subarray(row * classes, (row + 1) * classes)));
    const total = cumulative.at(-1) as number;
    for (let i = 0; i < samples; i++) {
      const sought = uniformDouble(words.next(), words.next()) * total;
      const found = cumulative.findIndex((sum) => sum > sought);
      out[row * samples + i] = found < 0 ? classes : found;
    }
  }
  return tensorOfNumbers(dtype, [rows, samples], out);
}

/** Running sums of the exponentials of what is finite. */
function cumulativeOf(logits: Float64Array): Float64Array {
  const finite = logits.filter(Number.isFinite);
  const largest = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  return logits.map((logit) => {
    if (Number.isFinite(logit)) sum += Math.exp(logit - largest);
    return sum;
  });
}

const multinomialRow = compute((node) => {
  const generator = seededGenerator(node);
  return (logits, count) => {
    const samples = integerOf(count, "num_samples");
    const own = generator.fork();
    const tensor = multinomial(own, logits, samples, outputDtype(node));
    generator.skip((logits.shape[0] as number) * 4 * Math.ceil(samples / 4) * RESERVED_PER_OUTPUT);
    return tensor;
  };
}, "random");

/** A random order of 0 … count - 1. */
function shuffled(words: Words, count: number): number[] {
  return shuffle(
    Array.from({ length: count }, (_, i) => i),
    words,
  );
}

const shuffleRow: HostRow = {
  ...move((node) => {
    const generator = seededGenerator(node);
    return (x) => {
      const count = x.shape[0];
      if (count === undefined || count <= 1 || x.shape.includes(0)) return x;
      const own = generator.fork();
      generator.skip(Math.ceil((count - 1) / 4));
      return takeAlong(x, 0, shuffled(new Words(own), count));
    };
  }),
  effect: "random",
};

// ---- generators in variables -----------------------------------------------------------------------------------

/** A variable of three int64: the counter's halves and the key. Gives the generator and moves the variable on. */
function advance(
  handle: Value | undefined,
  algorithm: number,
  blocks: number,
): { state: Tensor; generator: Philox } {
  if (algorithm !== PHILOX)
    throw unimplemented(`random algorithm ${algorithm}: only Philox (1) runs on a CPU`);
  const variable = variableOf(handle);
  const state = variable.read();
  if (state.dtype !== "int64" || state.data.length < 3) {
    throw invalidArgument(
      `the state of a generator must be at least 3 of int64, got ${state.dtype}${shapeText(state.shape)}`,
    );
  }
  const [low, high, key] = state.data as unknown as [bigint, bigint, bigint];
  const generator = Philox.ofWords(key, low, high);
  const next = state.data.slice();
  next.set(
    generator
      .fork()
      .skip(blocks)
      .counterWords()
      .map((word) => BigInt.asIntN(64, word)),
  );
  variable.assign({ ...state, data: next });
  return { state, generator };
}

/** (resource, algorithm, shape, …). */
const byVariable = (draw: Draw): HostRow =>
  stateful((node) => ([handle, algorithm, shapeInput, ...inputs]) => {
    const shape = shapeOf(asTensor(shapeInput));
    const { generator } = advance(
      handle,
      integerOf(algorithm, "algorithm"),
      countOf(shape) * RESERVED_PER_OUTPUT,
    );
    return [draw(generator, outputDtype(node), shape, inputs.map(asTensor))];
  });

const skipping = (withState: boolean): HostRow =>
  stateful(() => ([handle, algorithm, delta]) => {
    const blocks = integerOf(delta, "delta") * RESERVED_PER_OUTPUT;
    const { state } = advance(handle, integerOf(algorithm, "algorithm"), blocks);
    return withState ? [state] : [];
  });

const keyCounter = (generator: Philox): [Tensor, Tensor] => [
  { dtype: "uint64", shape: [1], data: BigUint64Array.of(generator.keyWord()) },
  { dtype: "uint64", shape: [2], data: BigUint64Array.from(generator.counterWords()) },
];

const algorithmTensor: Tensor = { dtype: "int32", shape: [], data: Int32Array.of(PHILOX) };

export const randomKernels: HostTable = {
  StatelessRandomGetKeyCounter: compute(() => (seed) => keyCounter(keyAndCounter(seed))),
  StatelessRandomGetKeyCounterAlg: compute(() => (seed) => [
    ...keyCounter(keyAndCounter(seed)),
    algorithmTensor,
  ]),
  StatelessRandomGetAlg: compute(() => () => algorithmTensor),

  StatelessRandomUniform: bySeed(uniformly),
  StatelessRandomNormal: bySeed(normally),
  StatelessTruncatedNormal: bySeed(fillTruncatedNormal),
  StatelessRandomUniformInt: bySeed(inRange),
  StatelessRandomUniformFullInt: bySeed(fully),
  StatelessRandomGammaV2: bySeed(wholeShape(drawGamma)),
  StatelessRandomPoisson: bySeed(wholeShape(drawPoisson)),
  StatelessMultinomial: compute(
    (node) => (logits, count, seed) =>
      multinomial(keyAndCounter(seed), logits, integerOf(count, "num_samples"), outputDtype(node)),
  ),

  StatelessRandomUniformV2: byKey(uniformly),
  StatelessRandomNormalV2: byKey(normally),
  StatelessTruncatedNormalV2: byKey(fillTruncatedNormal),
  StatelessRandomUniformIntV2: byKey(inRange),
  StatelessRandomUniformFullIntV2: byKey(fully),
  StatelessRandomGammaV3: byKey(wholeShape(drawGamma)),
  StatelessShuffle: move(() => (x, key, counter, algorithm) => {
    const generator = generatorOf(asTensor(key), asTensor(counter), asTensor(algorithm));
    return x.shape.length === 0 || x.shape.includes(0)
      ? x
      : takeAlong(x, 0, shuffled(new Words(generator), x.shape[0] as number));
  }),

  RandomUniform: byNode(uniformly),
  RandomStandardNormal: byNode(normally),
  TruncatedNormal: byNode(fillTruncatedNormal),
  RandomUniformInt: byNode(inRange),
  RandomGamma: byNode(perParameter(drawGamma)),
  RandomPoisson: byNode(perParameter(drawPoisson)),
  RandomPoissonV2: byNode(perParameter(drawPoisson)),
  RandomShuffle: shuffleRow,
  Multinomial: multinomialRow,

  RngSkip: skipping(false),
  RngReadAndSkip: skipping(true),
  StatefulUniform: byVariable(uniformly),
  StatefulStandardNormalV2: byVariable(normally),
  StatefulTruncatedNormal: byVariable(fillTruncatedNormal),
  StatefulUniformInt: byVariable(inRange),
  StatefulUniformFullInt: byVariable(fully),
};
