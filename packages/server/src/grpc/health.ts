/**
 * grpc.health.v1.Health, which TensorFlow Serving's gRPC server answers too and Kubernetes asks. The two messages
 * have one field each, so they are written out here: the request the service's name, the response a status.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { decodeText, notFound } from "@servable/formats";
import { forEachField } from "../apis/wire-fields.js";
import type { CallContext, Method } from "./transport.js";

export const HEALTH_SERVICE = "grpc.health.v1.Health";

const SERVICE = 1;
const STATUS = 1;

const HealthStatus = { SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;
type HealthStatus = (typeof HealthStatus)[keyof typeof HealthStatus];

export interface Health {
  /** Names of the services that are known, besides "" for the server as a whole. */
  readonly services: readonly string[];
  /** Whether requests can be answered at the moment. */
  isServing(): boolean;
  /** Calls `listener` whenever that may have changed, until the returned function is called. */
  listen(listener: () => void): () => void;
  /** Aborted when the server is told to stop: watches end. */
  readonly stopping: AbortSignal;
}

export function healthMethods(health: Health): Method[] {
  return [
    {
      kind: "unary",
      path: `/${HEALTH_SERVICE}/Check`,
      handler: async (request) => {
        const service = serviceOf(request);
        const status = statusOf(health, service);
        if (status === HealthStatus.SERVICE_UNKNOWN) throw notFound(`unknown service ${service}`);
        return response(status);
      },
    },
    {
      kind: "server-stream",
      path: `/${HEALTH_SERVICE}/Watch`,
      handler: (request, context) => watch(health, serviceOf(request), context),
    },
  ];
}

function serviceOf(request: Uint8Array): string {
  let service = "";
  forEachField(request, "HealthCheckRequest", (field, value) => {
    if (field === SERVICE) service = decodeText(value);
  });
  return service;
}

function statusOf(health: Health, service: string): HealthStatus {
  if (service !== "" && !health.services.includes(service)) return HealthStatus.SERVICE_UNKNOWN;
  return health.isServing() ? HealthStatus.SERVING : HealthStatus.NOT_SERVING;
}

function response(status: HealthStatus): Uint8Array {
  return new BinaryWriter().tag(STATUS, WireType.Varint).uint32(status).finish();
}

/** The status now, and again whenever it changes. */
async function* watch(health: Health, service: string, context: CallContext): AsyncGenerator<Uint8Array> {
  const signals = [context.signal, health.stopping];
  let wake = () => {};
  const onChange = () => wake();
  const stop = health.listen(onChange);
  for (const signal of signals) signal.addEventListener("abort", onChange);
  try {
    let last: HealthStatus | undefined;
    while (!context.signal.aborted) {
      const changed = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const status = statusOf(health, service);
      if (status !== last) yield response(status);
      last = status;
      if (signals.some(({ aborted }) => aborted)) return;
      await changed;
    }
  } finally {
    stop();
    for (const signal of signals) signal.removeEventListener("abort", onChange);
  }
}
