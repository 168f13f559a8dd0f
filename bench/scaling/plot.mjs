/** A curve as a picture: throughput to the left, the 99th percentile of latencies to the right. */
import { init } from "echarts";
import { placesOf } from "./curve.mjs";

const WIDTH = 920;
const HEIGHT = 380;
const INK = "#24292f";
const PALE = "#d0d7de";
/** Servable's first; the others step back. */
const COLORS = ["#0969da", "#bf5b00", "#6e7781", "#1a7f37"];
const FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

/** @typedef {import("./curve.mjs").Curve} Curve */
/** @typedef {import("./curve.mjs").Point} Point */

/**
 * An SVG document, with a white ground, for dark pages too.
 * @param {Curve} curve
 * @returns {string}
 */
export function plot(curve) {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height: HEIGHT });
  try {
    chart.setOption(optionsOf(curve));
    return `${chart.renderToSVGString()}\n`;
  } finally {
    chart.dispose();
  }
}

/** @param {Curve} curve @returns {import("echarts").EChartsOption} */
function optionsOf(curve) {
  const { title, lines, yTitle, isLogarithmic } = curve;
  const names = placesOf(curve).map(curve.xText);
  return {
    animation: false,
    backgroundColor: "#ffffff",
    color: COLORS,
    textStyle: { fontFamily: FONT, color: INK },
    title: {
      text: title,
      left: 24,
      top: 14,
      textStyle: { fontSize: 16, fontWeight: 600, color: INK, fontFamily: FONT },
    },
    legend: {
      data: lines.map((line) => line.title),
      right: 24,
      top: 16,
      icon: "roundRect",
      itemGap: 24,
      itemWidth: 14,
      itemHeight: 4,
      textStyle: { color: INK, fontSize: 12 },
    },
    grid: [
      { left: 70, right: WIDTH / 2 + 20, top: 86, bottom: 54 },
      { left: WIDTH / 2 + 60, right: 28, top: 86, bottom: 54 },
    ],
    xAxis: [0, 1].map((gridIndex) => ({
      type: "category",
      gridIndex,
      data: names,
      boundaryGap: false,
      name: curve.xTitle,
      nameLocation: "middle",
      nameGap: 30,
      nameTextStyle: { color: INK },
      axisLabel: { color: INK, interval: 0, fontSize: 11 },
      axisLine: { lineStyle: { color: INK }, onZero: false },
      axisTick: { alignWithLabel: true },
    })),
    yAxis: [valueAxis(0, yTitle, isLogarithmic), valueAxis(1, "p99 latency, ms", true)],
    series: lines.flatMap((line, index) => [
      series(curve, line, index, 0, curve.yOf),
      series(curve, line, index, 1, ({ p99Ms }) => p99Ms.median),
    ]),
  };
}

/**
 * @param {number} gridIndex
 * @param {string} name
 * @param {boolean} isLogarithmic
 * @returns {import("echarts").YAXisComponentOption}
 */
function valueAxis(gridIndex, name, isLogarithmic) {
  const common = {
    gridIndex,
    name,
    nameLocation: /** @type {const} */ ("end"),
    nameTextStyle: { color: INK, align: /** @type {const} */ ("left"), padding: [0, 0, 4, -40] },
    axisLabel: { color: INK, formatter: shortNumber },
    splitLine: { lineStyle: { color: PALE } },
  };
  return isLogarithmic ? { type: "log", ...common } : { type: "value", min: 0, ...common };
}

/**
 * @param {Curve} curve
 * @param {import("./curve.mjs").Line} line
 * @param {number} index of the line
 * @param {number} panel
 * @param {(point: Point) => number} yOf
 * @returns {import("echarts").LineSeriesOption}
 */
function series(curve, line, index, panel, yOf) {
  const color = String(COLORS[line.isSimulated ? 0 : index % COLORS.length]);
  // A simulation goes on where the measurement ends.
  const last = line.isSimulated ? curve.lines[0]?.points.at(-1) : undefined;
  const points = last === undefined ? line.points : [last, ...line.points];
  return {
    type: "line",
    name: line.title,
    xAxisIndex: panel,
    yAxisIndex: panel,
    data: placesOf(curve).map((x) => {
      const point = points.find((one) => one.x === x);
      return point === undefined ? null : yOf(point);
    }),
    symbol: line.isSimulated ? "emptyCircle" : "circle",
    symbolSize: 6,
    showSymbol: true,
    lineStyle: { width: index === 0 ? 3 : 2, type: line.isSimulated ? "dashed" : "solid", color },
    itemStyle: { color },
    z: index === 0 ? 3 : 2,
  };
}

/** 120k, 1.5k, 0.25. @param {number} value */
function shortNumber(value) {
  if (value >= 1e6) return `${value / 1e6}M`;
  return value >= 1_000 ? `${value / 1_000}k` : `${Number(value.toPrecision(3))}`;
}
