/**
 * Traces by OpenTelemetry, exported by OTLP over HTTP. Which spans, where to, and how many is for the standard
 * environment variables to say (OTEL_EXPORTER_OTLP_…, OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_…);
 * the caller's context comes in the headers of W3C Trace Context.
 */
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { Code, type CodeName } from "@servable/formats";
import type { MeasuredCall } from "./metrics.js";
import type { Headers, RequestSpan, Tracing } from "./tracing.js";

/** @param endpoint of the collector; undefined for what the environment says */
export async function createTracing(endpoint: string | undefined): Promise<Tracing> {
  const exporter = await createExporter(endpoint);
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ "service.name": "servable" }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  return new OpenTelemetryTracing(provider);
}

async function createExporter(endpoint: string | undefined) {
  const url = endpoint === undefined ? {} : { url: `${endpoint.replace(/\/$/, "")}/v1/traces` };
  const { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, OTEL_EXPORTER_OTLP_PROTOCOL } = process.env;
  if ((OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? OTEL_EXPORTER_OTLP_PROTOCOL) === "http/json") {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
    return new OTLPTraceExporter(url);
  }
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
  return new OTLPTraceExporter(url);
}

const propagator = new W3CTraceContextPropagator();
const headerGetter: TextMapGetter<Headers> = {
  keys: () => [],
  get: (headers, name) => headers.header(name),
};

class OpenTelemetryTracing implements Tracing {
  readonly #tracer: Tracer;

  constructor(private readonly provider: BasicTracerProvider) {
    this.#tracer = provider.getTracer("servable");
  }

  request(call: MeasuredCall, headers: Headers): RequestSpan {
    const parent = propagator.extract(ROOT_CONTEXT, headers, headerGetter);
    const { model, api, entrypoint } = call;
    const span = this.#tracer.startSpan(
      `${entrypoint} ${api}`,
      {
        kind: SpanKind.SERVER,
        attributes: { "servable.model.name": model, "rpc.method": api, "servable.entrypoint": entrypoint },
      },
      parent,
    );
    return new TracedRequest(this.#tracer, span, trace.setSpan(parent, span));
  }

  done(name: string, path: string, code: CodeName, startMs: number, endMs: number): void {
    const attributes = { "servable.model.path": path };
    const span = this.#tracer.startSpan(name, { startTime: startMs, attributes }, ROOT_CONTEXT);
    setStatus(span, code);
    span.end(endMs);
  }

  async close(): Promise<void> {
    // Nobody is to wait for a collector that is away; what could not be sent is lost.
    await this.provider.shutdown().catch(() => {});
  }
}

class TracedRequest implements RequestSpan {
  readonly traceId: string;

  constructor(
    private readonly tracer: Tracer,
    private readonly span: Span,
    private readonly context: Context,
  ) {
    this.traceId = span.spanContext().traceId;
  }

  ran(startMs: number, turnMs: number, endMs: number): void {
    if (turnMs > startMs) this.tracer.startSpan("queue", { startTime: startMs }, this.context).end(turnMs);
    this.tracer.startSpan("run", { startTime: turnMs }, this.context).end(endMs);
  }

  examples(count: number): void {
    this.span.setAttribute("servable.examples", count);
  }

  end(code: CodeName, message?: string): void {
    this.span.setAttribute("rpc.grpc.status_code", Code[code]);
    setStatus(this.span, code, message);
    this.span.end();
  }
}

function setStatus(span: Span, code: CodeName, message?: string): void {
  if (code === "OK") return;
  const text = message === undefined ? code : `${code}: ${message}`;
  span.setStatus({ code: SpanStatusCode.ERROR, message: text });
}
