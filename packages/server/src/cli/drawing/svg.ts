/** Elements of an SVG picture, and the look that our pictures share: light or dark as the reader's screen is. */
import type { Point } from "./layered-layout.js";

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** An element with text or other elements inside; what is inside is SVG already. */
export function element(name: string, attributes: Attributes, inside = ""): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        ` ${key}="${escaped(typeof value === "number" ? rounded(value) : (value as string))}"`,
    );
  return inside === "" ? `<${name}${written.join("")}/>` : `<${name}${written.join("")}>${inside}</${name}>`;
}

function rounded(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Text as SVG has it. Control characters, which XML lacks, become spaces. */
export function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  const clean = text.replace(/[\u0000-\u001f\ufffe\uffff]/g, " ");
  return clean
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** How wide a text will be, about: fonts differ. */
export function textWidth(text: string, size: number, isBold = false): number {
  let units = 0;
  for (const char of text)
    units += /[ilI.,:;'|![\]()/ ]/.test(char)
      ? 0.32
      : /[mwMW@%]/.test(char)
        ? 0.86
        : /[A-Z0-9?]/.test(char)
          ? 0.64
          : 0.55;
  return units * size * (isBold ? 1.07 : 1);
}

/** The end of a name says more than its beginning. */
export function shortName(name: string, length: number): string {
  return name.length <= length ? name : `…${name.slice(name.length - length + 1)}`;
}

export function text(x: number, y: number, content: string, kind: string, anchor?: "middle" | "end"): string {
  return element("text", { x, y, class: kind, "text-anchor": anchor }, escaped(content));
}

/** A smooth line through points, upright at both ends. */
export function curve(points: readonly Point[]): string {
  const at = ({ x, y }: Point) => `${rounded(x)} ${rounded(y)}`;
  const [start, ...others] = points as readonly [Point, ...Point[]];
  let path = `M${at(start)}`;
  let from = start;
  for (const to of others) {
    const middle = (from.y + to.y) / 2;
    path += ` C${at({ x: from.x, y: middle })} ${at({ x: to.x, y: middle })} ${at(to)}`;
    from = to;
  }
  return path;
}

const style = `
  svg { background: #fff; font-family: system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
  .title { font-size: 19px; font-weight: 650; fill: #16202b; }
  .subtitle { font-size: 13px; fill: #5a6775; }
  .head { font-size: 13px; font-weight: 650; fill: #16202b; }
  .body { font-size: 12px; fill: #3b4754; }
  .small { font-size: 11px; fill: #66727f; }
  .onnx { fill: #e8f1fd; stroke: #3b82d6; } .onnx-bar { fill: #8fbdf0; } .onnx-band { fill: #3b82d6; }
  .host { fill: #fdf3e1; stroke: #d9952b; } .host-band { fill: #d9952b; }
  .port { fill: #eef1f4; stroke: #97a3b0; }
  .line { fill: none; stroke: #a3aeba; stroke-width: 1.4; }
  .control { stroke-dasharray: 3 4; }
  .tip { fill: #a3aeba; }
  .halo { paint-order: stroke; stroke: #fff; stroke-width: 4px; stroke-linejoin: round; }
  @media (prefers-color-scheme: dark) {
    svg { background: #12171d; }
    .title, .head { fill: #e9eef3; } .subtitle { fill: #9aa7b4; } .body { fill: #c6d0da; } .small { fill: #98a5b2; }
    .onnx { fill: #172b42; stroke: #5b9ce6; } .onnx-bar { fill: #2f5f95; } .onnx-band { fill: #5b9ce6; }
    .host { fill: #33270f; stroke: #d9a24a; } .host-band { fill: #d9a24a; }
    .port { fill: #222a33; stroke: #66727f; }
    .line { stroke: #566270; } .tip { fill: #566270; } .halo { stroke: #12171d; }
  }`;

const arrow = element(
  "marker",
  { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" },
  element("path", { d: "M0 0.5 L8 4 L0 7.5 z", class: "tip" }),
);

/** A whole picture. */
export function picture(width: number, height: number, title: string, content: readonly string[]): string {
  const size = { width: Math.ceil(width), height: Math.ceil(height) };
  return `${element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      ...size,
      viewBox: `0 0 ${size.width} ${size.height}`,
      role: "img",
    },
    [
      "",
      element("title", {}, escaped(title)),
      `<style>${style}</style>`,
      element("defs", {}, arrow),
      ...content,
      "",
    ].join("\n"),
  )}\n`;
}
