/** A server on ports of its own, for tests: with the real engine or with the fake one. */

import { automaticBatching } from "../batching/batching-settings.js";
import { LATEST, type ModelConfig } from "../config/model-config.js";
import type { ServerSettings } from "../config/server-settings.js";
import { createLog } from "../log.js";
import { WorkerSupply } from "../servables/worker-supply.js";
import { type RunningServer, startServer } from "../server.js";
import { GrpcTestClient } from "./grpc-test-client.js";

const FAKE_ENGINE = new URL("../servables/testing/fake-engine.js", import.meta.url).href;

export interface TestServer {
  readonly server: RunningServer;
  readonly grpc: GrpcTestClient;
  /** A GET without a body, a POST with one. */
  rest(path: string, body?: string | Uint8Array, headers?: Record<string, string>): Promise<RestAnswer>;
  readonly restUrl: string;
  /** What was logged, line by line. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

export interface RestAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export type TestSettings = Partial<Omit<ServerSettings, "models">> & {
  readonly engine?: "fake" | "real";
};

/** One model in a folder, under a name. */
export function modelAt(name: string, basePath: string, config: Partial<ModelConfig> = {}): ModelConfig {
  return { name, basePath, versions: LATEST, labels: new Map(), ...config };
}

/** Starts a server and waits until the first load of each model is over. */
export async function startTestServer(
  models: readonly ModelConfig[],
  { engine = "fake", ...settings }: TestSettings = {},
): Promise<TestServer> {
  const log: string[] = [];
  const workers = new WorkerSupply(engine === "fake" ? FAKE_ENGINE : undefined);
  const server = await startServer(
    {
      models,
      modelConfigPollMs: 0,
      load: { tags: ["serve"], intraOpThreads: 1 },
      batching: automaticBatching,
      hasBatchingPerModel: false,
      requiresModelConfig: false,
      warmUp: { isEnabled: true, iterations: 1, isSynthetic: true },
      lifeCycle: {
        pollIntervalMs: 50,
        maxParallelLoads: 2,
        maxParallelUnloads: 2,
        maxLoadRetries: 0,
        loadRetryIntervalMs: 10,
        labelsForUnavailable: "none",
        transition: "availability_preserving",
      },
      checkMethodNames: false,
      answerAsTensorContent: false,
      logsRequests: false,
      runsFurtherInstances: false,
      drainMs: 30_000,
      grpc: { addresses: ["127.0.0.1:0"], channelArguments: new Map(), hasHealthService: true },
      rest: { host: "127.0.0.1", port: 0, timeoutMs: 30_000, allowCrossOrigin: false },
      ...settings,
    },
    workers,
    createLog((line) => log.push(line)),
  );
  await server.settled;
  const grpc = new GrpcTestClient(`127.0.0.1:${server.grpcPorts[0]}`);
  const restUrl = `http://127.0.0.1:${server.restPort}`;
  return {
    server,
    grpc,
    restUrl,
    log,
    rest: async (path, body, headers = {}) => {
      const answer = await fetch(restUrl + path, {
        headers,
        ...(body === undefined ? {} : { method: "POST", body }),
      });
      return { status: answer.status, text: await answer.text(), headers: answer.headers };
    },
    stop: async () => {
      grpc.close();
      await server.stop();
    },
  };
}
