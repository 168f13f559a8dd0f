/** docs/ops.md, made from the op tables. `node scripts/ops-table.mjs` writes it. */
import { isSupported, type OpSupport, opSupport, withoutKernel } from "./support.js";

const mark = (yes: boolean): string => (yes ? "✓" : "");

/** The whole document. */
export function opsDocument(): string {
  const ops = opSupport();
  const supported = ops.filter(isSupported);
  const others = ops.filter((support) => !isSupported(support)).map(({ op }) => op);
  return [
    "# TensorFlow ops",
    "",
    "Made from the op tables by `node scripts/ops-table.mjs`; the tests compare.",
    "",
    `${supported.length} of TensorFlow's ${ops.length} ops run. **ONNX**: ONNX Runtime runs it, at least in its common forms.`,
    "**host**: TypeScript runs it, when ONNX can't express the node, and to fold constants. **compiled**: it is replaced",
    "while the graph is compiled. **shape**: its output shapes are known before it runs. **rows**: requests that pass",
    "through it may be batched without being asked, where the rest of the graph allows. *: TensorFlow 2.21 itself has no",
    "kernel for it on a CPU.",
    "",
    "| op | ONNX | host | compiled | shape | rows |",
    "|---|---|---|---|---|---|",
    ...supported.map(line),
    "",
    "## Not supported",
    "",
    "A signature that reaches one of these is refused when the model loads; the others are served. Most of them train,",
    "read data sets, or belong to other devices.",
    "",
    others.map((op) => `\`${op}\``).join(" "),
    "",
  ].join("\n");
}

function line({ op, onnx, host, compiled, shape, rows }: OpSupport): string {
  return `| ${op}${withoutKernel.has(op) ? " \\*" : ""} | ${mark(onnx)} | ${mark(host)} | ${mark(compiled)} | ${mark(shape)} | ${mark(rows)} |`;
}
