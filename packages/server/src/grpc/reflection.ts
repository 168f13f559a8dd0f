/**
 * Server reflection (grpc/reflection/v1/reflection.proto, and v1alpha, which is the same by another name): tools such
 * as grpcurl ask what a server offers and need no .proto files. The descriptors are read at the first question.
 */
import type { Method } from "./transport.js";

export const REFLECTION_SERVICES = [
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
] as const;

/** @param methods what the server offers besides */
export function reflectionMethods(methods: readonly Method[]): Method[] {
  const offered = [
    ...new Set(methods.map(({ path }) => path.split("/")[1] as string)),
    ...REFLECTION_SERVICES,
  ];
  return REFLECTION_SERVICES.map((service) => ({
    kind: "bidi-stream",
    path: `/${service}/ServerReflectionInfo`,
    handler: async function* (requests) {
      const { Descriptors, reflect } = await import("./reflection-answers.js");
      const descriptors = new Descriptors(offered);
      for await (const request of requests) yield reflect(request, descriptors);
    },
  }));
}
