/**
 * SessionRun: tensors of a model's graph by their names, fed and fetched as with TensorFlow's Session.run
 * (apis/session_service.proto). Of RunOptions the timeout counts; traces and metadata have no counterpart here.
 */
import { Code, invalidArgument, type Signature, StatusError, type Tensor } from "@servable/formats";
import { CallAbort, type CallSignal } from "../call-abort.js";
import type { ServedModel, TensorRun } from "../servables/served-model.js";
import type { InferenceOptions } from "./inference-options.js";
import {
  type ModelSpec,
  type Models,
  requireSpec,
  type ServedSpec,
  signatureNameOf,
  withModel,
} from "./model-spec.js";
import { observed } from "./run-model.js";

export interface SessionRunRequest {
  readonly spec: ModelSpec | undefined;
  readonly feeds: readonly { readonly name: string; readonly tensor: Tensor | undefined }[];
  readonly fetches: readonly string[];
  /** Nodes to run for their effect. */
  readonly targets: readonly string[];
  /** Whether feeds and fetches have the names that the spec's signature gives them. */
  readonly areNamesAliases: boolean;
  /** 0 for none. */
  readonly timeoutMs: number;
}

export interface SessionRunResponse {
  readonly spec: ServedSpec;
  /** One for each fetch, by the name that it was asked for. */
  readonly tensors: readonly { readonly name: string; readonly tensor: Tensor }[];
}

/** Timers take no longer delay. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export async function sessionRun(
  models: Models,
  request: SessionRunRequest,
  options: InferenceOptions,
): Promise<SessionRunResponse> {
  const spec = requireSpec(request.spec);
  return await withModel(models, spec, async (model, version) => {
    const tensors = await runSession(model, request, options);
    return { spec: { name: spec.name, version, signatureName: spec.signatureName }, tensors };
  });
}

/** The tensors of one model for a request, whichever model that names. */
export async function runSession(
  model: ServedModel,
  request: SessionRunRequest,
  options: InferenceOptions,
): Promise<SessionRunResponse["tensors"]> {
  const { run, fetchNames } = tensorRunOf(model, request);
  const results = await observed(options, ({ signal, onTurn }) =>
    withinTime(request.timeoutMs, signal, (limited) => model.runTensors(run, { signal: limited, onTurn })),
  );
  return request.fetches.map((name, i) => ({
    name,
    tensor: results.get(fetchNames[i] as string) as Tensor,
  }));
}

function tensorRunOf(
  model: ServedModel,
  request: SessionRunRequest,
): { run: TensorRun; fetchNames: readonly string[] } {
  const names = request.areNamesAliases ? aliasesOf(model, request) : undefined;
  const nameOf = (kind: "inputs" | "outputs", alias: string): string => {
    if (names === undefined) return alias;
    const spec = names[kind].get(alias);
    if (spec !== undefined) return spec.name;
    throw invalidArgument(
      `Signature "${names.name}" has no ${kind === "inputs" ? "input" : "output"} "${alias}": there are ` +
        `{${[...names[kind].keys()].join(",")}}`,
    );
  };
  const feeds = new Map<string, Tensor>();
  for (const { name: alias, tensor } of request.feeds) {
    const name = nameOf("inputs", alias);
    if (tensor === undefined) throw invalidArgument(`feed "${alias}" has no tensor`);
    if (feeds.has(name)) throw invalidArgument(`Tensor ${alias} is fed more than once`);
    feeds.set(name, tensor);
  }
  const fetchNames = request.fetches.map((alias) => nameOf("outputs", alias));
  return { run: { feeds, fetches: [...new Set(fetchNames)], targets: request.targets }, fetchNames };
}

function aliasesOf(model: ServedModel, { spec }: SessionRunRequest): Signature {
  const name = signatureNameOf(spec);
  const signature = model.signatures.get(name);
  if (signature === undefined) throw invalidArgument(`Serving signature key "${name}" not found.`);
  return signature;
}

/** Runs a task under the caller's signal and, if there is one, a time limit. */
async function withinTime<R>(
  limitMs: number,
  caller: CallSignal | undefined,
  task: (signal: CallSignal | undefined) => Promise<R>,
): Promise<R> {
  if (limitMs <= 0) return await task(caller);
  const either = new CallAbort();
  const onCaller = () => either.abort(StatusError.from(caller?.reason));
  const onTime = () =>
    either.abort(new StatusError(Code.DEADLINE_EXCEEDED, `The run took longer than ${limitMs} ms`));
  if (caller?.aborted === true) onCaller();
  caller?.addEventListener("abort", onCaller);
  const timer = setTimeout(onTime, Math.min(limitMs, MAX_TIMER_MS));
  try {
    return await task(either.signal);
  } finally {
    clearTimeout(timer);
    caller?.removeEventListener("abort", onCaller);
  }
}
