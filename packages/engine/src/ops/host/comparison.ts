/** Comparisons, logic and choice by a condition. */
import { elementCount, invalidArgument, sameShape, shapeText, type Tensor } from "@servable/formats";
import type { HostRow, HostTable } from "../op-table.js";
import { copyElements, newLike } from "./boxes.js";
import * as complex from "./complex.js";
import type { Elements } from "./domains.js";
import { type BinaryFunctions, binary, binaryFor, both, unary, zipped, zipped3 } from "./elementwise.js";
import { compute, type Dense, ensure, move } from "./kernel.js";
import { broadcastNest, broadcastShape } from "./loop-nest.js";

type Order = (x: number, y: number) => boolean;

const ordered = (order: Order): HostRow => binary({ float: order, ...both(order) });

const sameBytes = (x: Uint8Array, y: Uint8Array): boolean =>
  x.length === y.length && x.every((byte, i) => byte === y[i]);

const equalities: BinaryFunctions = {
  float: (x, y) => x === y,
  ...both((x: number, y: number) => x === y),
  complex: complex.equal,
  string: sameBytes,
};

const inequalities: BinaryFunctions = {
  float: (x, y) => x !== y,
  ...both((x: number, y: number) => x !== y),
  complex: (x, y) => !complex.equal(x, y),
  string: (x, y) => !sameBytes(x, y),
};

/** Equal and NotEqual answer for shapes that don't fit, unless told that this is an error. */
const equality = (functions: BinaryFunctions, ofDifferentShapes: 0 | 1): HostRow =>
  compute((node) => {
    const mustFit = node.attrs.bool("incompatible_shape_error");
    return (x, y) => {
      if (!mustFit && !broadcastable(x, y)) {
        return { dtype: "bool", shape: [], data: Uint8Array.of(ofDifferentShapes) };
      }
      return zipped(x, y, "bool", binaryFor(functions, x.dtype));
    };
  });

function broadcastable(x: Tensor, y: Tensor): boolean {
  try {
    broadcastShape(x.shape, y.shape);
    return true;
  } catch {
    return false;
  }
}

const logic = (f: Order): HostRow => binary({ int: f });

/** The elements of t where the condition holds, of e elsewhere, all three broadcast. */
function selectBroadcast(condition: Dense, t: Dense, e: Dense): Dense {
  const shape = broadcastShape(condition.shape, t.shape, e.shape);
  const out = newLike(t, shape);
  const chosen = condition.data as Uint8Array;
  const nest = broadcastNest(shape, [condition.shape, t.shape, e.shape]);
  const { run } = nest;
  const [stepC = 0, stepT = 0, stepE = 0] = nest.steps;
  const lanes = elementCount(shape) === 0 ? 1 : out.data.length / elementCount(shape);
  const [from, otherwise, to] = [t, e, out].map((value) => value.data as unknown as Elements<unknown>) as [
    Elements<unknown>,
    Elements<unknown>,
    Elements<unknown>,
  ];
  nest.each(([c = 0, i = 0, j = 0, o = 0]) => {
    for (let k = 0; k < run; k++, c += stepC, i += stepT, j += stepE) {
      for (let lane = 0; lane < lanes; lane++) {
        to[(o + k) * lanes + lane] = chosen[c] ? from[i * lanes + lane] : otherwise[j * lanes + lane];
      }
    }
  });
  return out;
}

/** Select: no broadcasting but of a scalar condition, or of a vector one over the rows. */
function selectOld(condition: Dense, t: Dense, e: Dense): Dense {
  ensure(
    sameShape(t.shape, e.shape),
    () =>
      `'then' and 'else' must have the same size. but received: ${shapeText(t.shape)} vs. ${shapeText(e.shape)}`,
  );
  if (condition.shape.length === 0) return (condition.data as Uint8Array)[0] ? t : e;
  if (sameShape(condition.shape, t.shape)) return selectBroadcast(condition, t, e);
  const rows = t.shape[0];
  if (condition.shape.length !== 1 || condition.shape[0] !== rows) {
    throw invalidArgument(
      `'cond' must be a vector of the first size of 'then' or of its shape: ${shapeText(condition.shape)} vs. ${shapeText(t.shape)}`,
    );
  }
  return selectRows(condition.data as Uint8Array, t, e);
}

function selectRows(chosen: Uint8Array, t: Dense, e: Dense): Dense {
  const out = newLike(t, t.shape);
  const row = chosen.length === 0 ? 0 : elementCount(t.shape) / chosen.length;
  for (const [i, yes] of chosen.entries()) copyElements(yes ? t : e, i * row, row, out, i * row);
  return out;
}

/** Bounded from above first: low wins where it is over high. Of any ordered elements. */
function clipped<E>(x: E, low: E, high: E): E {
  const bounded = x > high ? high : x;
  return bounded < low ? low : bounded;
}

/** x limited to [low, high], each a scalar or of x's shape. */
function clip(x: Tensor, low: Tensor, high: Tensor): Tensor {
  const fits = [low, high].every(({ shape }) => shape.length === 0 || sameShape(shape, x.shape));
  ensure(
    fits,
    () =>
      `clip_value_min and clip_value_max must be either of the same shape as input, or a scalar. input shape: ${shapeText(x.shape)} clip_value_min shape: ${shapeText(low.shape)} clip_value_max shape: ${shapeText(high.shape)}`,
  );
  return zipped3(x, low, high, x.dtype, clipped);
}

export const comparisonKernels: HostTable = {
  Less: ordered((x, y) => x < y),
  LessEqual: ordered((x, y) => x <= y),
  Greater: ordered((x, y) => x > y),
  GreaterEqual: ordered((x, y) => x >= y),
  Equal: equality(equalities, 0),
  NotEqual: equality(inequalities, 1),
  ApproximateEqual: compute((node) => {
    const tolerance = node.attrs.float("tolerance");
    return (x, y) => {
      ensure(sameShape(x.shape, y.shape), "x and y must be of the same shape");
      const near = (a: number, b: number): boolean => Math.abs(Number(a) - Number(b)) < tolerance;
      return zipped(
        x,
        y,
        "bool",
        binaryFor(
          { float: near, ...both(near), complex: (a, b) => complex.abs(complex.sub(a, b)) < tolerance },
          x.dtype,
        ),
      );
    };
  }),
  LogicalAnd: logic((x, y) => x !== 0 && y !== 0),
  LogicalOr: logic((x, y) => x !== 0 || y !== 0),
  LogicalNot: unary({ int: (x) => x === 0 }),
  Select: move(() => selectOld),
  SelectV2: move(() => selectBroadcast),
  ClipByValue: compute(() => clip),
};
