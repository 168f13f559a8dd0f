/**
 * The gRPC methods of the Open Inference Protocol, beside those of grpc/services.ts. What answers them is loaded at the
 * first call: most servers are never asked, and should not start later for it.
 */
import type { Method } from "../grpc/transport.js";
import type { OpenInference } from "./infer.js";

export const OPEN_INFERENCE_SERVICE = "inference.GRPCInferenceService";

const METHODS = [
  "ServerLive",
  "ServerReady",
  "ModelReady",
  "ServerMetadata",
  "ModelMetadata",
  "ModelInfer",
] as const;

export type OpenInferenceMethod = (typeof METHODS)[number];

export function openInferenceMethods(server: OpenInference): Method[] {
  const load = async () => (await import("./grpc-answers.js")).openInferenceAnswers(server);
  let answers: ReturnType<typeof load> | undefined;
  return METHODS.map((name) => ({
    kind: "unary",
    path: `/${OPEN_INFERENCE_SERVICE}/${name}`,
    handler: async (request, context) => {
      answers ??= load();
      return await (await answers)[name](request, context);
    },
  }));
}
