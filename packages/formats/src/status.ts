/**
 * The one error type of the project and its sixteen canonical codes.
 *
 * Every layer throws `StatusError`; the gRPC server sends `code` as it is, the REST server looks the HTTP status
 * up in `httpStatusOf`. `StatusError.from` is the only place where foreign errors are classified. Numbers and
 * names are those of google.rpc.Code; the HTTP mapping is TensorFlow Serving's (model_servers/http_server.cc).
 */

/** Canonical status codes, by their gRPC numbers. */
export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type CodeName = keyof typeof Code;
export type Code = (typeof Code)[CodeName];

const names = new Map<number, CodeName>(
  Object.entries(Code).map(([name, number]) => [number, name as CodeName]),
);

/**
 * The name of a canonical code; numbers outside the table are UNKNOWN.
 *
 * @example
 * assert.deepEqual([codeName(5), codeName(99)], ["NOT_FOUND", "UNKNOWN"]);
 */
export function codeName(code: number): CodeName {
  return names.get(code) ?? "UNKNOWN";
}

const httpStatuses: Readonly<Record<Code, number>> = {
  [Code.OK]: 200,
  [Code.CANCELLED]: 499,
  [Code.UNKNOWN]: 500,
  [Code.INVALID_ARGUMENT]: 400,
  [Code.DEADLINE_EXCEEDED]: 504,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.PERMISSION_DENIED]: 403,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.FAILED_PRECONDITION]: 400,
  [Code.ABORTED]: 409,
  [Code.OUT_OF_RANGE]: 400,
  [Code.UNIMPLEMENTED]: 501,
  [Code.INTERNAL]: 500,
  [Code.UNAVAILABLE]: 503,
  [Code.DATA_LOSS]: 500,
  [Code.UNAUTHENTICATED]: 401,
};

/**
 * The HTTP status that a REST answer carries for a canonical code.
 *
 * @example
 * assert.equal(httpStatusOf(Code.NOT_FOUND), 404);
 */
export function httpStatusOf(code: Code): number {
  return httpStatuses[code];
}

/**
 * An error with a canonical code. The message names the thing at fault and what was expected.
 *
 * @example
 * const error = new StatusError(Code.NOT_FOUND, 'no model "m"');
 * assert.deepEqual([error.code, error.codeName], [5, "NOT_FOUND"]);
 * try {
 *   fs.readFileSync("missing");
 * } catch (reason) {
 *   assert.equal(StatusError.from(reason).codeName, "NOT_FOUND");
 * }
 */
export class StatusError extends Error {
  override readonly name = "StatusError";

  constructor(
    readonly code: Code,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The code's name, such as "NOT_FOUND". */
  get codeName(): CodeName {
    return codeName(this.code);
  }

  /**
   * Any thrown value as a StatusError:
   * - a StatusError stays as it is;
   * - a file system error becomes NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION, RESOURCE_EXHAUSTED … by its errno;
   * - a RangeError about allocation becomes RESOURCE_EXHAUSTED;
   * - anything else becomes `otherwise`, a defect by default.
   */
  static from(reason: unknown, otherwise: Code = Code.INTERNAL): StatusError {
    if (reason instanceof StatusError) return reason;
    const message = reason instanceof Error ? reason.message : String(reason);
    return new StatusError(foreignCode(reason) ?? otherwise, message, { cause: reason });
  }

  /** This error with the name of the thing at fault before its message; as it is where the message begins with that. */
  about(name: string): StatusError {
    if (this.message.startsWith(name)) return this;
    return new StatusError(this.code, `${name}: ${this.message}`, { cause: this });
  }
}

/**
 * What `make` returns; the errors that it throws are about `name`.
 *
 * @example
 * const broken = () => naming("model.keras", () => {
 *   throw dataLoss("no config.json");
 * });
 * assert.throws(broken, { codeName: "DATA_LOSS", message: "model.keras: no config.json" });
 */
export function naming<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (reason) {
    throw StatusError.from(reason).about(name);
  }
}

/**
 * What `make` returns, or the error that it throws.
 *
 * @param isExpected which errors are a result; others are thrown on. All by default
 *
 * @example
 * const result = attempt(() => parseShapeAndSlice("10 x"));
 * assert.ok(result instanceof StatusError);
 * const isNotFound = ({ code }: StatusError) => code === Code.NOT_FOUND;
 * assert.throws(() => attempt(() => parseShapeAndSlice("10 x"), isNotFound), { codeName: "INVALID_ARGUMENT" });
 */
export function attempt<T>(
  make: () => T,
  isExpected: (error: StatusError) => boolean = () => true,
): T | StatusError {
  try {
    return make();
  } catch (reason) {
    const error = StatusError.from(reason);
    if (isExpected(error)) return error;
    throw error;
  }
}

const errnoCodes: Readonly<Record<string, Code>> = {
  ENOENT: Code.NOT_FOUND,
  ENOTDIR: Code.NOT_FOUND,
  EACCES: Code.PERMISSION_DENIED,
  EPERM: Code.PERMISSION_DENIED,
  EEXIST: Code.ALREADY_EXISTS,
  EISDIR: Code.FAILED_PRECONDITION,
  ELOOP: Code.FAILED_PRECONDITION,
  ENAMETOOLONG: Code.INVALID_ARGUMENT,
  EMFILE: Code.RESOURCE_EXHAUSTED,
  ENFILE: Code.RESOURCE_EXHAUSTED,
  ENOSPC: Code.RESOURCE_EXHAUSTED,
  ENOMEM: Code.RESOURCE_EXHAUSTED,
  ECONNREFUSED: Code.UNAVAILABLE,
  ECONNRESET: Code.UNAVAILABLE,
};

function foreignCode(reason: unknown): Code | undefined {
  if (!(reason instanceof Error)) return undefined;
  if (reason instanceof RangeError && /allocation|array length|buffer/i.test(reason.message)) {
    return Code.RESOURCE_EXHAUSTED;
  }
  const errno = (reason as NodeJS.ErrnoException).code;
  return errno === undefined ? undefined : errnoCodes[errno];
}

const make =
  (code: Code) =>
  (message: string, options?: ErrorOptions): StatusError =>
    new StatusError(code, message, options);

/**
 * INVALID_ARGUMENT: the caller's input is wrong whatever the state of the server.
 *
 * @example
 * assert.equal(invalidArgument('input "x" must be float32').codeName, "INVALID_ARGUMENT");
 */
export const invalidArgument = make(Code.INVALID_ARGUMENT);
/**
 * NOT_FOUND: the named model, version, signature, tensor or file does not exist.
 *
 * @example
 * assert.equal(notFound('no model "m"').codeName, "NOT_FOUND");
 */
export const notFound = make(Code.NOT_FOUND);
/**
 * FAILED_PRECONDITION: the thing exists but is not in a state that allows the call.
 *
 * @example
 * assert.equal(failedPrecondition("the folder is not empty").codeName, "FAILED_PRECONDITION");
 */
export const failedPrecondition = make(Code.FAILED_PRECONDITION);
/**
 * UNIMPLEMENTED: TensorFlow could do it, we can't (yet).
 *
 * @example
 * assert.equal(unimplemented("op Foo can't run").codeName, "UNIMPLEMENTED");
 */
export const unimplemented = make(Code.UNIMPLEMENTED);
/**
 * RESOURCE_EXHAUSTED: a size limit or memory.
 *
 * @example
 * assert.equal(resourceExhausted("no memory for 2 TiB").codeName, "RESOURCE_EXHAUSTED");
 */
export const resourceExhausted = make(Code.RESOURCE_EXHAUSTED);
/**
 * UNAVAILABLE: try again later.
 *
 * @example
 * assert.equal(unavailable("the queue is full").codeName, "UNAVAILABLE");
 */
export const unavailable = make(Code.UNAVAILABLE);
/**
 * DATA_LOSS: a file's content is damaged.
 *
 * @example
 * assert.equal(dataLoss("bad checksum at byte 7").codeName, "DATA_LOSS");
 */
export const dataLoss = make(Code.DATA_LOSS);
/**
 * OUT_OF_RANGE: an index or offset past the end.
 *
 * @example
 * assert.equal(outOfRange("index 3 of 3").codeName, "OUT_OF_RANGE");
 */
export const outOfRange = make(Code.OUT_OF_RANGE);
/**
 * INTERNAL: a defect of ours.
 *
 * @example
 * assert.equal(internal("a defect").codeName, "INTERNAL");
 */
export const internal = make(Code.INTERNAL);
