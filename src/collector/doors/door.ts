// What all doors are made of: a door turns requests of one protocol into payloads for the intake.
//
//   HttpRequest ─ content type ─▶ TakePayload ─ Receipt ─▶ HttpAnswer
//   gRPC message ────────────────▶ TakePayload ─ Receipt ─▶ message
//
// Failures that the servers see before any door does (too large, bad gzip, cut off …) are counted in
// the ledger here, under the format `unknown`.
// Not here: sockets (net), which doors are open (collector.ts).

import type { GrpcService } from "../../net/grpc-service.ts";
import type { GrpcFailure, OnGrpcFailure } from "../../net/grpc-call.ts";
import type {
  FailedRequest,
  HttpAnswer,
  HttpFailure,
  HttpRequest,
  HttpRoute,
  OnHttpFailure,
} from "../../net/http-route.ts";
import { GRPC_STATUS } from "../../net/status.ts";
import type { SamplingRoutesOptions } from "../../sampling/sampling-routes.ts";
import type { SamplingSource } from "../../sampling/strategies.ts";
import type { TChannelFailure, TChannelServices } from "../../net/tchannel-connection.ts";
import type { Rejected } from "../../wire/otlp-proto.ts";
import type { Receipt } from "../intake.ts";
import type { Account, RefusedReason } from "../ledger.ts";

/** What an HTTP door does with requests. */
export interface HttpDoor {
  readonly routes: readonly HttpRoute[];
  readonly answerFailure: (failure: HttpFailure, request: HttpRequest) => HttpAnswer;
  readonly onFailure: OnHttpFailure;
}

/** What a door that clients ask for sampling strategies needs. */
export interface DoorSampling {
  readonly source: SamplingSource;
  readonly onRequest: NonNullable<SamplingRoutesOptions["onRequest"]>;
}

/** What a gRPC door does with calls. */
export interface GrpcDoor {
  readonly services: readonly GrpcService[];
  readonly onFailure: OnGrpcFailure;
}

/** What a TChannel door does with calls. */
export interface TChannelDoor {
  readonly services: TChannelServices;
  readonly onFailure: (failure: TChannelFailure) => void;
}

/** What an OTLP sender is told of its spans. */
export function rejectedOf({ invalidIds }: Receipt): Rejected {
  if (invalidIds === 0) return NONE_REJECTED;
  return { spans: invalidIds, message: `${invalidIds} spans without a trace id or span id` };
}

const NONE_REJECTED: Rejected = { spans: 0, message: "" };

// 404 and 405 are no requests with spans.
const reasonOfHttpStatus: Readonly<Record<FailedRequest["status"], RefusedReason>> = {
  0: "cut-off",
  400: "bad-input",
  408: "cut-off",
  413: "too-large",
  415: "wrong-type",
  429: "overloaded",
};

/** Counts what an HTTP server refused, or lost, before one of `routes` saw it. */
export function makeHttpFailureCounter(
  account: Account,
  routes: readonly HttpRoute[],
): OnHttpFailure {
  const paths = new Set(routes.map(({ path }) => path));
  return ({ path, status, wasHandled }) => {
    const reason = reasonOfHttpStatus[status];
    if (!wasHandled && reason !== undefined && paths.has(path)) account.refuseRequest(reason);
  };
}

/** Counts what a gRPC server refused before the method `path` saw it. */
export function makeGrpcFailureCounter(account: Account, path: string): OnGrpcFailure {
  return (failure) => {
    if (!failure.wasHandled && failure.path === path) account.refuseRequest(reasonOf(failure));
  };
}

function reasonOf({ status, isForNow }: GrpcFailure): RefusedReason {
  switch (status) {
    case GRPC_STATUS.CANCELLED:
    case GRPC_STATUS.DEADLINE_EXCEEDED:
      return "cut-off";
    case GRPC_STATUS.RESOURCE_EXHAUSTED:
      return isForNow ? "overloaded" : "too-large";
    case GRPC_STATUS.UNIMPLEMENTED:
      return "wrong-type";
    default:
      return "bad-input";
  }
}
