/** Ops that look at values and may refuse them, and those that do nothing but wait or print. */
import {
  decodeText,
  elementCount,
  invalidArgument,
  isSmallFloat,
  smallFloatsOf,
  type Tensor,
} from "@servable/formats";
import { asTensor } from "../../values.js";
import type { HostTable } from "../op-table.js";
import { compute, ensure, pass } from "./kernel.js";

/** "[1 -4 3...]": the first elements, as TensorFlow prints a tensor it was asked to. A negative limit is none. */
function summary(x: Tensor, limit: number): string {
  const count = elementCount(x.shape);
  const shown = limit < 0 ? count : Math.min(limit, count);
  const data = x.dtype !== "string" && isSmallFloat(x.dtype) ? smallFloatsOf(x) : x.data;
  const texts = Array.from({ length: shown }, (_, i) => {
    const entry = data[i];
    return entry instanceof Uint8Array ? decodeText(entry) : String(entry);
  });
  return `[${texts.join(" ")}${shown < count ? "..." : ""}]`;
}

const nothing = pass(() => () => []);

const assertion = compute((node) => {
  const limit = node.attrs.int("summarize");
  return (condition, ...data) => {
    ensure(elementCount(condition.shape) === 1, "In[0] should be a scalar");
    if (condition.data[0]) return [];
    throw invalidArgument(`assertion failed: ${data.map((x) => summary(x, limit)).join(" ")}`);
  };
}, "check");

/** Refuses NaN and infinities; V2 of TensorFlow tells apart the signs of the latter. */
const checkNumerics = (signed: boolean) =>
  compute((node) => {
    const message = node.attrs.string("message");
    return (x) => {
      const found = notFinite(x, signed);
      if (found.length > 0) throw invalidArgument(`${message} : Tensor had ${found.join(" and ")} values`);
      return x;
    };
  }, "check");

function notFinite(x: Tensor, signed: boolean): string[] {
  if (x.dtype === "string") return [];
  const values = isSmallFloat(x.dtype) ? smallFloatsOf(x) : x.data;
  let [nan, positive, negative] = [false, false, false];
  for (const value of values) {
    if (typeof value === "bigint" || Number.isFinite(value)) continue;
    if (value > 0) positive = true;
    else if (value < 0) negative = true;
    else nan = true;
  }
  const kinds: [boolean, string][] = signed
    ? [
        [negative, "-Inf"],
        [positive, "+Inf"],
        [nan, "NaN"],
      ]
    : [
        [nan, "NaN"],
        [positive || negative, "Inf"],
      ];
  return kinds.filter(([seen]) => seen).map(([, name]) => name);
}

export const checkKernels: HostTable = {
  NoOp: nothing,
  ControlTrigger: nothing,
  Assert: assertion,
  CheckNumerics: checkNumerics(false),
  CheckNumericsV2: checkNumerics(true),
  // Printing is for whoever watches a training run: a server's log is not the place.
  Print: pass(() => (x) => [asTensor(x)]),
  PrintV2: nothing,
};
