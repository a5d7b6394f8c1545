// The four ways in which a request can fail without a bug being at fault.
//
// A bug ends the process (assert.ts). Everything else is a SpoorError with one of four codes, which
// gets its context where that is known and is caught once, at the door, where it becomes a status.
//
// Not here: which HTTP or gRPC status a code becomes (net/status.ts).

export type ErrorCode =
  | "bad-input" //    the peer's bytes are wrong; do not retry; HTTP 400
  | "unavailable" //  a store or broker cannot answer now; retry; HTTP 503
  | "unsupported" //  this backend cannot serve such a query; HTTP 501
  | "overloaded"; //  a queue of ours is full; retry later; HTTP 429

/** What finds the culprit: byte offsets, row numbers, backend names. Never payloads. */
export type Where = Readonly<Record<string, string | number>>;

export class SpoorError extends Error {
  override readonly name = "SpoorError";
  readonly code: ErrorCode;
  readonly where: Where;

  constructor(code: ErrorCode, message: string, where: Where = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.where = where;
  }

  /** The same failure seen from one room further out: context is added once, where it is known. */
  within(where: Where): SpoorError {
    return new SpoorError(this.code, this.message, { ...where, ...this.where }, this.cause ?? this);
  }
}

/** `message (offset 12, size 40)`: one line for logs and for the peer. */
export function printError(error: SpoorError): string {
  const parts = Object.entries(error.where).map(([key, value]) => `${key} ${value}`);
  return parts.length === 0 ? error.message : `${error.message} (${parts.join(", ")})`;
}
