import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { internal, invalidArgument } from "@servable/formats";
import { createLog } from "../log.js";
import { type Measuring, measured } from "./measure.js";
import type { MeasuredCall, Metrics } from "./metrics.js";
import type { Tracing } from "./tracing.js";

const call: MeasuredCall = { model: "m", api: "Predict", entrypoint: "GRPC" };

/** What everyone is told of a call. */
function listeners(options: { readonly all?: boolean; readonly logsRequests?: boolean } = {}) {
  const told: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const metrics = {
    request: ({ model }: MeasuredCall, code: string) => told.push(`request ${model} ${code}`),
    run: (_: MeasuredCall, micros: number, waited: number) => told.push(`run ${micros} ${waited}`),
    examples: (model: string, count: number) => told.push(`examples ${model} ${count}`),
  } as unknown as Metrics;
  const tracing: Tracing = {
    request: (_, headers) => ({
      traceId: `trace of ${headers.header("traceparent")}`,
      ran: (start, turn, end) => told.push(`span ${start} ${turn} ${end}`),
      examples: (count) => told.push(`span with ${count}`),
      end: (code, message) => told.push(`span ends ${code} ${message ?? ""}`.trim()),
    }),
    done: () => {},
    close: async () => {},
  };
  const measuring: Measuring = {
    metrics: options.all ? metrics : undefined,
    tracing: options.all ? tracing : undefined,
    log: createLog((line) => lines.push(JSON.parse(line)), "json"),
    logsRequests: options.logsRequests ?? false,
    isKnownModel: (name) => name === "m",
  };
  return { measuring, told, lines };
}

const headers = (values: Record<string, string> = {}) => ({ header: (name: string) => values[name] });

describe("a measured call", () => {
  it("has no observer when nobody wants to know", async () => {
    const { measuring, lines } = listeners();
    const result = await measured(measuring, call, headers(), async (observer) => observer === undefined);
    assert.equal(result, true);
    assert.deepEqual(lines, []);
  });

  it("tells metrics and traces", async () => {
    const { measuring, told, lines } = listeners({ all: true });
    await measured(measuring, call, headers(), async (observer) => {
      observer?.ran(1, 3, 8);
      observer?.examples(2);
    });
    assert.deepEqual(told, [
      "run 7000 2000",
      "span 1 3 8",
      "examples m 2",
      "span with 2",
      "request m OK",
      "span ends OK",
    ]);
    assert.deepEqual(lines, []);
  });

  it("counts models that are none together, whatever clients call them", async () => {
    const { measuring, told } = listeners({ all: true });
    const failing = measured(measuring, { ...call, model: "made up" }, headers(), async () => {
      throw invalidArgument("no");
    });
    await assert.rejects(failing, { codeName: "INVALID_ARGUMENT" });
    assert.deepEqual(told, ["request unknown INVALID_ARGUMENT", "span ends INVALID_ARGUMENT no"]);
  });

  it("is in the log when it fails by the server's fault, and not when by the caller's", async () => {
    const { measuring, lines } = listeners();
    for (const error of [invalidArgument("yours"), internal("ours")]) {
      await assert.rejects(
        measured(measuring, call, headers(), async () => {
          throw error;
        }),
      );
    }
    assert.equal(lines.length, 1);
    const { severity, message, model, code, request_id } = lines[0] ?? {};
    assert.deepEqual([severity, message, model, code], ["error", "GRPC Predict: ours", "m", "INTERNAL"]);
    assert.match(String(request_id), /^[0-9a-f-]{36}$/);
  });

  it("is in the log with the ids that it came with, when every call is", async () => {
    const { measuring, lines } = listeners({ all: true, logsRequests: true });
    const sent = { "x-request-id": "a".repeat(1000), traceparent: "t" };
    await measured(measuring, call, headers(sent), async () => {});
    const { severity, code, request_id, trace_id } = lines[0] ?? {};
    assert.deepEqual([severity, code, request_id, trace_id], ["info", "OK", "a".repeat(128), "trace of t"]);
  });
});
