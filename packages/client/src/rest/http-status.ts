/**
 * The canonical code of an HTTP answer: the inverse of the mapping by which the server chose the status. Where several
 * codes share a status, the one that TensorFlow Serving mostly means by it.
 */
import { Code, httpStatusOf } from "@servable/formats";

const preferred: ReadonlyMap<number, Code> = new Map([
  [400, Code.INVALID_ARGUMENT],
  [409, Code.ALREADY_EXISTS],
  [500, Code.INTERNAL],
]);

/** Statuses that come from HTTP servers and proxies rather than from the model server's own errors. */
const foreign: ReadonlyMap<number, Code> = new Map([
  [405, Code.UNIMPLEMENTED],
  [408, Code.DEADLINE_EXCEEDED],
  [412, Code.FAILED_PRECONDITION],
  [413, Code.RESOURCE_EXHAUSTED],
  [502, Code.UNAVAILABLE],
]);

const byStatus = new Map<number, Code>([
  ...Object.values(Code).map((code) => [httpStatusOf(code), code] as const),
  ...preferred,
  ...foreign,
]);

export function codeOfHttpStatus(status: number): Code {
  return byStatus.get(status) ?? Code.UNKNOWN;
}
