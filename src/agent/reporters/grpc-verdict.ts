// What a gRPC status means for a payload: again, or never.
//
//   again   CANCELLED DEADLINE_EXCEEDED ABORTED OUT_OF_RANGE UNAVAILABLE DATA_LOSS
//           RESOURCE_EXHAUSTED with RetryInfo
//   never   all others; RESOURCE_EXHAUSTED without RetryInfo: the message is too large
//
// Source: OTLP 1.x §"OTLP/gRPC Response"; google/rpc/error_details.proto (RetryInfo).
// Trust: the details are a peer's; what does not read counts as absent.

import { SpoorError } from "../../base/errors.ts";
import { GrpcError } from "../../net/grpc-service.ts";
import { GRPC_STATUS } from "../../net/status.ts";
import { LENGTH, ProtobufReader, VARINT, fieldTag } from "../../wire/protobuf-reader.ts";
import { Refusal, type RefusalReason, Setback } from "./reporter.ts";

const AGAIN: ReadonlySet<number> = new Set([
  GRPC_STATUS.CANCELLED,
  GRPC_STATUS.DEADLINE_EXCEEDED,
  GRPC_STATUS.ABORTED,
  GRPC_STATUS.OUT_OF_RANGE,
  GRPC_STATUS.UNAVAILABLE,
  GRPC_STATUS.DATA_LOSS,
]);

const REASONS: ReadonlyMap<number, RefusalReason> = new Map([
  [GRPC_STATUS.INVALID_ARGUMENT, "invalid"],
  [GRPC_STATUS.FAILED_PRECONDITION, "invalid"],
  [GRPC_STATUS.RESOURCE_EXHAUSTED, "too-large"],
  [GRPC_STATUS.PERMISSION_DENIED, "forbidden"],
  [GRPC_STATUS.UNAUTHENTICATED, "forbidden"],
  [GRPC_STATUS.UNIMPLEMENTED, "unsupported"],
]);

const RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo";

/** @returns what to throw: a Setback or a Refusal; other errors as they are. */
export function verdictOfGrpc(error: unknown): unknown {
  if (error instanceof SpoorError && error.code === "unavailable") {
    return new Setback(error.message);
  }
  if (!(error instanceof GrpcError)) return error;
  const { status, message, details, isAnswer } = error;
  const retryAfterMs = details === undefined ? undefined : readRetryInfo(details);
  const text = `gRPC status ${status}: ${message}`;
  if (AGAIN.has(status)) return new Setback(text, retryAfterMs ?? 0, !isAnswer);
  if (status === GRPC_STATUS.RESOURCE_EXHAUSTED && retryAfterMs !== undefined) {
    return new Setback(text, retryAfterMs);
  }
  return new Refusal(REASONS.get(status) ?? "other", text);
}

/** @returns ms, or undefined if a google.rpc.Status holds no RetryInfo. */
export function readRetryInfo(details: Uint8Array): number | undefined {
  try {
    return findRetryInfo(details);
  } catch (error) {
    if (error instanceof SpoorError) return undefined;
    throw error;
  }
}

function findRetryInfo(details: Uint8Array): number | undefined {
  const reader = new ProtobufReader();
  reader.begin(details);
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag !== fieldTag(3, LENGTH)) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    const delayMs = readAny(reader);
    reader.leave(outer);
    if (delayMs !== undefined) return delayMs;
  }
  return undefined;
}

/** Any { type_url = 1, value = 2 RetryInfo { retry_delay = 1 } }. */
function readAny(reader: ProtobufReader): number | undefined {
  let type = "";
  let delayMs = 0;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === fieldTag(1, LENGTH)) {
      const end = reader.readEnd();
      type = new TextDecoder().decode(reader.bytes.subarray(reader.at, end));
      reader.at = end;
    } else if (tag === fieldTag(2, LENGTH) && type === RETRY_INFO) {
      const outer = reader.enter();
      delayMs = readDelay(reader);
      reader.leave(outer);
    } else reader.skip(tag);
  }
  return type === RETRY_INFO ? delayMs : undefined;
}

function readDelay(reader: ProtobufReader): number {
  let delayMs = 0;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag !== fieldTag(1, LENGTH)) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    for (let own = reader.nextTag(); own !== 0; own = reader.nextTag()) {
      if (own === fieldTag(1, VARINT)) delayMs += reader.readInt64() * 1_000;
      else if (own === fieldTag(2, VARINT)) delayMs += reader.readInt64() / 1e6;
      else reader.skip(own);
    }
    reader.leave(outer);
  }
  return Math.max(0, delayMs);
}
