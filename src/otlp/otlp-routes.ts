// OTLP over HTTP: POST /v1/traces, protobuf or JSON, answered in the same encoding, for whoever takes spans.
//
//   200  ExportTraceServiceResponse { partial_success }
//   4xx, 5xx  google.rpc.Status { code, message }, with Retry-After for 429 and 503
//   405, 415  plain text, as the OpenTelemetry Collector says it
//
// Source: OTLP 1.x §"OTLP/HTTP"; texts: opentelemetry-collector, otlpreceiver/otlphttp.go.
// Trust: the body's size was checked by the server, nothing else.
// Not here: content encodings, CORS (net).

import type { HttpAnswer, HttpFailure, HttpRequest, HttpRoute } from "../net/http-route.ts";
import { mediaTypeOf } from "../net/media-type.ts";
import { GRPC_STATUS } from "../net/status.ts";
import {
  writeExportAnswer,
  writeExportAnswerJson,
  writeRpcStatus,
  writeRpcStatusJson,
} from "../wire/otlp-answer.ts";
import type { Rejected } from "../wire/otlp-proto.ts";
import type { TakeOtlp } from "./otlp-service.ts";

const PROTOBUF = "application/x-protobuf";
const JSON_TYPE = "application/json";

interface Encoding {
  readonly writeAnswer: (rejected: Rejected) => string | Uint8Array;
  readonly writeStatus: (code: number, message: string) => string | Uint8Array;
}

const encodings: ReadonlyMap<string, Encoding> = new Map([
  [PROTOBUF, { writeAnswer: writeExportAnswer, writeStatus: writeRpcStatus }],
  [JSON_TYPE, { writeAnswer: writeExportAnswerJson, writeStatus: writeRpcStatusJson }],
]);

export interface OtlpTakers {
  readonly protobuf: TakeOtlp;
  readonly json: TakeOtlp;
  /** A request came that is neither. */
  readonly onWrongType: () => void;
}

export interface OtlpRoutes {
  readonly routes: readonly HttpRoute[];
  readonly answerFailure: (failure: HttpFailure, request: HttpRequest) => HttpAnswer;
}

export function makeOtlpRoutes({ protobuf, json, onWrongType }: OtlpTakers): OtlpRoutes {
  const takers: ReadonlyMap<string, TakeOtlp> = new Map([
    [PROTOBUF, protobuf],
    [JSON_TYPE, json],
  ]);
  const route: HttpRoute = {
    method: "POST",
    path: "/v1/traces",
    async handle(request) {
      const type = mediaTypeOf(request);
      const take = takers.get(type);
      const encoding = encodings.get(type);
      if (take === undefined || encoding === undefined) {
        onWrongType();
        return answerText(415, `unsupported media type, supported: [${JSON_TYPE}, ${PROTOBUF}]`);
      }
      const rejected = await take(request.body);
      const headers = { "content-type": type };
      return { status: 200, headers, body: encoding.writeAnswer(rejected) };
    },
  };
  return { routes: [route], answerFailure };
}

function answerFailure({ status, message }: HttpFailure, request: HttpRequest): HttpAnswer {
  if (status === 405) return answerText(status, "method not allowed, supported: [POST]");
  const type = mediaTypeOf(request);
  const encoding = encodings.get(type);
  if (encoding === undefined || status === 404) return answerText(status, message);
  const body = encoding.writeStatus(codeOf(status), message);
  return { status, headers: { "content-type": type }, body };
}

function answerText(status: number, message: string): HttpAnswer {
  return { status, headers: { "content-type": "text/plain" }, body: `${status} ${message}` };
}

/** The gRPC status that goes with an HTTP status. */
function codeOf(status: number): number {
  if (status === 429) return GRPC_STATUS.RESOURCE_EXHAUSTED;
  if (status === 503) return GRPC_STATUS.UNAVAILABLE;
  if (status === 501) return GRPC_STATUS.UNIMPLEMENTED;
  return status < 500 ? GRPC_STATUS.INVALID_ARGUMENT : GRPC_STATUS.INTERNAL;
}
