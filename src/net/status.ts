// Which status a failure becomes on the wire: the one table for HTTP and gRPC.
//
//   SpoorError.code   HTTP   gRPC
//   bad-input         400    INVALID_ARGUMENT   (3)
//   overloaded        429    RESOURCE_EXHAUSTED (8)    with Retry-After
//   unavailable       503    UNAVAILABLE        (14)   with Retry-After
//   unsupported       501    UNIMPLEMENTED      (12)
//
// Source: RFC 9110 §15, google.golang.org/grpc/codes; OTLP 1.x "Failures" says which of them a
// sender repeats (429, 502, 503, 504; RESOURCE_EXHAUSTED only with RetryInfo, UNAVAILABLE).
// Not here: a bug (any other error): 500 or INTERNAL, and the process ends (the servers do that).

import type { ErrorCode } from "../base/errors.ts";
import type { BodyReason } from "./body-error.ts";

// A new code without a status does not compile.
export const httpStatusOf: Readonly<Record<ErrorCode, number>> = {
  "bad-input": 400,
  overloaded: 429,
  unavailable: 503,
  unsupported: 501,
};

/** The status codes of gRPC, by the names of its specification. */
export const GRPC_STATUS = {
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

export const grpcStatusOf: Readonly<Record<ErrorCode, number>> = {
  "bad-input": GRPC_STATUS.INVALID_ARGUMENT,
  overloaded: GRPC_STATUS.RESOURCE_EXHAUSTED,
  unavailable: GRPC_STATUS.UNAVAILABLE,
  unsupported: GRPC_STATUS.UNIMPLEMENTED,
};

export const httpStatusOfBody: Readonly<Record<BodyReason, number>> = {
  "too-large": 413,
  "over-budget": 429,
  corrupt: 400,
  "unknown-encoding": 415,
};

// As grpc-go answers, so that clients tell them apart the way they always did.
export const grpcStatusOfBody: Readonly<Record<BodyReason, number>> = {
  "too-large": GRPC_STATUS.RESOURCE_EXHAUSTED,
  "over-budget": GRPC_STATUS.RESOURCE_EXHAUSTED,
  corrupt: GRPC_STATUS.INTERNAL,
  "unknown-encoding": GRPC_STATUS.UNIMPLEMENTED,
};

/** What `Retry-After` says with 429 and 503: long enough for a queue to drain. */
export const RETRY_AFTER_S = 1;
