import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { drawFlames } from "../drawing/flame-picture.js";
import { type Cost, costTable } from "./request-cost.js";

const leaf = (title: string, kind: Cost["kind"], micros: number): Cost => ({
  title,
  kind,
  micros,
  children: [],
});

const costs: readonly Cost[] = [
  leaf("network", "port", 100),
  {
    title: "run the model",
    kind: "host",
    micros: 900,
    children: [
      leaf("ONNX group 0 (12 nodes)", "onnx", 600),
      leaf(`StringSplitV2 ${"sequential/".repeat(9)}<split>`, "host", 294),
      leaf("Squeeze a", "host", 4),
      leaf("Squeeze b", "host", 2),
    ],
  },
];

describe("The cost of a request", () => {
  it("is a table with shares, in which small steps are one line and long names end with what tells them apart", () => {
    assert.equal(
      costTable(costs).join("\n"),
      [
        "                                                                  µs   share",
        "network                                                          100  10.0 %",
        "run the model                                                    900  90.0 %",
        "  ONNX group 0 (12 nodes)                                        600  60.0 %",
        "  StringSplitV2 …ial/sequential/sequential/sequential/<split>    294  29.4 %",
        "  2 smaller steps                                               6.00   0.6 %",
        "together                                                       1,000   100 %",
      ].join("\n"),
    );
  });

  it("is a picture in which widths are times and parts lie below the whole", () => {
    const svg = drawFlames(costs, "model: <serving>");
    const boxes = [
      ...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="24"[^>]*class="(\w+)"/g),
    ];
    const drawn = boxes.map(([, x, y, width, kind]) => [Number(x), Number(y), Number(width), kind]);
    // 1136 wide without its margins: a microsecond is 1.136.
    assert.deepEqual(drawn.slice(0, 4), [
      [32, 92, 112.6, "port"],
      [145.6, 92, 1021.4, "host"],
      [145.6, 118, 680.6, "onnx"],
      [827.2, 118, 333, "host"],
    ]);
    assert.ok(svg.includes("&lt;serving&gt;"));
    assert.ok(!svg.includes("<serving>"));
  });
});
