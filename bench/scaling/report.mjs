/** A curve as a table, for the terminal and for docs/performance.md, where it stands between two marks. */
import { numberText, table } from "../table.mjs";
import { placesOf } from "./curve.mjs";

/** @typedef {import("./curve.mjs").Curve} Curve */
/** @typedef {import("./curve.mjs").Point} Point */

/** @param {Curve} curve */
export function curveTable(curve) {
  const { lines, yardsticks, yOf, yTitle } = curve;
  const [own] = lines;
  const compared = lines.filter(({ key }) => yardsticks.includes(key));
  const head = [
    curve.xTitle,
    ...lines.flatMap(({ title }) => [`${title}: ${yTitle}`, "p99 ms"]),
    ...compared.map(({ title }) => `× ${title}`),
  ];
  const rows = placesOf(curve).map((x) => {
    const at = (/** @type {import("./curve.mjs").Line | undefined} */ line) =>
      line?.points.find((point) => point.x === x);
    const ratioTo = (/** @type {Point | undefined} */ other) => {
      const point = at(own);
      return point === undefined || other === undefined ? "" : `${numberText(yOf(point) / yOf(other))}×`;
    };
    return [
      curve.xText(x),
      ...lines.flatMap((line) => {
        const point = at(line);
        return point === undefined ? ["", ""] : [numberText(yOf(point)), numberText(point.p99Ms.median)];
      }),
      ...compared.map((line) => ratioTo(at(line))),
    ];
  });
  return table(head, rows);
}

/** The most cores that other programs kept busy in any median. @param {Curve} curve */
export function otherCores({ lines }) {
  const medians = lines.flatMap(({ points }) => points.map(({ otherCpus }) => otherCpus?.median ?? 0));
  return Math.max(0, ...medians);
}

/**
 * What stands in the document about a curve.
 * @param {Curve} curve
 * @param {Readonly<Record<string, string>>} facts
 */
export function section(curve, { date = "", cpu = "", node = "", how = "" }) {
  return [
    `![${curve.title}](plots/${curve.key}.svg)`,
    "",
    `${curve.how} ${date.slice(0, 10)}, ${cpu}, Node ${node}; ${how}; other programs kept up to ` +
      `${otherCores(curve).toFixed(2)} cores busy.`,
    "",
    curveTable(curve),
  ].join("\n");
}

/**
 * A document with another text between the marks of a key. Throws when the marks are not there.
 * @param {string} document
 * @param {string} key
 * @param {string} text
 */
export function withSection(document, key, text) {
  const [begin, end] = [`<!-- scaling: ${key} -->`, `<!-- end of ${key} -->`];
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the document has no marks "${begin}" and "${end}"`);
  return `${document.slice(0, from + begin.length)}\n\n${text}\n\n${document.slice(to)}`;
}
