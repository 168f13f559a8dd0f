/** Traces as a collector gets them: a server process, and an OTLP receiver that this test is itself. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { eventually } from "../testing/eventually.js";
import { ModelServerProcess } from "./model-server-process.js";

const MODEL = fileURLToPath(new URL("../../src/integration/fixtures/half_plus_two", import.meta.url));
const FLAGS = ["--model_name=default", `--model_base_path=${MODEL}`];

/** What is used of the JSON of ExportTraceServiceRequest (opentelemetry/proto/collector/trace/v1). */
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

class Collector {
  readonly spans: OtlpSpan[] = [];
  readonly services: unknown[] = [];
  readonly contentTypes: string[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const type = request.headers["content-type"] ?? "";
        this.contentTypes.push(`${request.url} ${type}`);
        const bytes = Buffer.concat(chunks);
        const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes;
        if (type === "application/json") this.#take(JSON.parse(body.toString()));
        response.setHeader("Content-Type", type).end(type === "application/json" ? "{}" : "");
      });
    }).listen(0, "127.0.0.1");
  }

  static async start(): Promise<Collector> {
    const collector = new Collector();
    await once(collector.#server, "listening");
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** The one span that fits. */
  span(name: string, traceId?: string): OtlpSpan {
    const found = this.spans.filter(
      (span) => span.name === name && (traceId === undefined || span.traceId === traceId),
    );
    assert.equal(found.length, 1, `${name} among ${this.spans.map((span) => span.name)}`);
    return found[0] as OtlpSpan;
  }

  #take({
    resourceSpans,
  }: {
    resourceSpans: {
      resource: { attributes: { key: string; value: { stringValue?: string } }[] };
      scopeSpans: { spans: OtlpSpan[] }[];
    }[];
  }): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      this.services.push(resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue);
      for (const { spans } of scopeSpans) this.spans.push(...spans);
    }
  }
}

const attributesOf = (span: OtlpSpan) =>
  Object.fromEntries(span.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const GRPC_TRACE = "0af7651916cd43dd8448eb211c80319c";

describe("traces", () => {
  let collector: Collector;
  let server: ModelServerProcess;

  before(async () => {
    collector = await Collector.start();
    server = await ModelServerProcess.running([...FLAGS, "--log_requests"], {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_SERVICE_NAME: "half-plus-two",
      OTEL_BSP_SCHEDULE_DELAY: "50",
    });
  });
  after(async () => {
    await server.stop();
    collector.close();
  });

  async function predict(headers: Record<string, string>, instances = "[2]"): Promise<number> {
    const answer = await fetch(`http://127.0.0.1:${server.restPort}/v1/models/default:predict`, {
      method: "POST",
      body: `{"instances": ${instances}}`,
      headers,
    });
    await answer.arrayBuffer();
    return answer.status;
  }

  it("tell of a REST request, its run included, within the caller's trace", async () => {
    await predict({ traceparent: `00-${TRACE}-${PARENT}-01` });
    await eventually(() => {
      const request = collector.span("REST Predict", TRACE);
      assert.equal(request.parentSpanId, PARENT);
      assert.equal(request.kind, 2, "SERVER");
      assert.equal(attributesOf(request)["servable.model.name"], "default");
      const run = collector.span("run", TRACE);
      const queue = collector.span("queue", TRACE);
      for (const part of [queue, run]) {
        assert.equal(part.parentSpanId, request.spanId);
        assert.ok(BigInt(part.startTimeUnixNano) >= BigInt(request.startTimeUnixNano));
      }
      assert.ok(BigInt(queue.startTimeUnixNano) <= BigInt(run.startTimeUnixNano));
    });
    assert.deepEqual([...new Set(collector.services)], ["half-plus-two"]);
    assert.ok(collector.contentTypes.every((type) => type === "/v1/traces application/json"));
  });

  it("tell of a gRPC request by its metadata, and of what failed", async () => {
    const client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set("traceparent", `00-${GRPC_TRACE}-${PARENT}-01`);
    await new Promise<void>((resolve) => {
      const identity = (bytes: Buffer) => bytes;
      const method = "/tensorflow.serving.PredictionService/Predict";
      client.makeUnaryRequest(method, identity, identity, Buffer.alloc(0), metadata, () => resolve());
    });
    client.close();
    await eventually(() => {
      const request = collector.span("GRPC Predict", GRPC_TRACE);
      assert.equal(request.parentSpanId, PARENT);
      assert.equal(request.status.code, 2, "ERROR");
      assert.match(request.status.message ?? "", /INVALID_ARGUMENT: Missing ModelSpec/);
      assert.equal(Number(attributesOf(request)["rpc.grpc.status_code"]), 3);
    });
  });

  it("tell of loads", () => {
    const load = collector.span("load");
    assert.match(String(attributesOf(load)["servable.model.path"]), /half_plus_two\/00000123$/);
    assert.ok(BigInt(load.endTimeUnixNano) > BigInt(load.startTimeUnixNano));
  });

  it("leave out what the caller doesn't want to be traced", async () => {
    const trace = TRACE.replace("4b", "5b");
    await predict({ traceparent: `00-${trace}-${PARENT}-00` });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(collector.spans.every(({ traceId }) => traceId !== trace));
  });

  it("have their ids in the log, beside the request's", async () => {
    const trace = TRACE.replace("4b", "6b");
    await predict({ traceparent: `00-${trace}-${PARENT}-01`, "x-request-id": "of-the-caller" });
    await eventually(() => {
      const lines = server.log.split("\n").filter((line) => line.includes(trace));
      assert.equal(lines.length, 1);
      const { request_id, trace_id, model, code, micros, severity } = JSON.parse(lines[0] as string);
      assert.deepEqual(
        { request_id, trace_id, model, code, severity },
        { request_id: "of-the-caller", trace_id: trace, model: "default", code: "OK", severity: "info" },
      );
      assert.ok(micros > 0);
    });
  });

  it("go to the flag's endpoint as protobuf by default, the last of them when the server ends", async () => {
    const other = await Collector.start();
    const traced = await ModelServerProcess.running([...FLAGS, `--otlp_endpoint=${other.url}`]);
    assert.equal(await traced.stop(), 0);
    assert.ok(other.contentTypes.includes("/v1/traces application/x-protobuf"));
    other.close();
  });
});
