/** What is traced, whoever exports it: the server calls these functions, open-telemetry.ts makes spans of them. */
import type { CodeName } from "@servable/formats";
import type { RunObserver } from "../inference/inference-options.js";
import type { MeasuredCall } from "./metrics.js";

/** The headers of a request. */
export interface Headers {
  /** The value of a header, by its name in lower case. */
  header(name: string): string | undefined;
}

export interface Tracing {
  /** Begins the span of a request, as a part of the caller's trace if its headers name one. */
  request(call: MeasuredCall, headers: Headers): RequestSpan;
  /** A piece of work of the server's own that is over. Moments as performance.now() has them. */
  done(name: string, path: string, code: CodeName, startMs: number, endMs: number): void;
  /** Sends what is left. */
  close(): Promise<void>;
}

/** A request under way; its waits and runs become spans below its own. */
export interface RequestSpan extends RunObserver {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** @param message what was wrong */
  end(code: CodeName, message?: string): void;
}
