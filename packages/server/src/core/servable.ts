/**
 * The nouns of the life cycle: a servable is a thing with a name that comes in versions; a request asks for one.
 * This folder knows neither models nor wires; what a loaded version is, is a type parameter.
 */

/** One version of one servable. Versions are int64. */
export interface ServableId {
  readonly name: string;
  readonly version: bigint;
}

/** What a caller wants: the newest version that is available, or just that one. */
export interface ServableRequest {
  readonly name: string;
  readonly version?: bigint;
}

/** "Latest(name)" or "Specific(name, 3)", as TensorFlow Serving's messages call requests. */
export function requestText(request: ServableRequest): string {
  return request.version === undefined
    ? `Latest(${request.name})`
    : `Specific(${request.name}, ${request.version})`;
}

/** "{name: x version: 3}", as TensorFlow Serving's log lines call servables. */
export function idText(id: ServableId): string {
  return `{name: ${id.name} version: ${id.version}}`;
}
