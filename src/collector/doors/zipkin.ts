// Zipkin, port 9411: POST /api/v1/spans (JSON, thrift) and /api/v2/spans (JSON, protobuf).
//
//   202 nothing · 400, 413 … one line of text · 429, 503 with Retry-After
//
// A content type that names no format of the path means JSON: reporters in browsers send JSON as
// text/plain, old ones send nothing.
//
// Source: Zipkin API 2 (zipkin-api.yaml); opentelemetry-collector-contrib, zipkinreceiver.
// Trust: the body's size was checked by the server, nothing else. Not here: gzip, CORS (net).

import type { HttpRoute } from "../../net/http-route.ts";
import { mediaTypeOf } from "../../net/media-type.ts";
import type { ReceivedFormat } from "../../store/received.ts";
import type { Ledger } from "../ledger.ts";
import type { Intake, TakePayload } from "../intake.ts";
import { type HttpDoor, makeHttpFailureCounter } from "./door.ts";

export function makeZipkinDoor(intake: Intake, ledger: Ledger): HttpDoor {
  const open = (format: ReceivedFormat): TakePayload =>
    intake.open("zipkin", format, { format: "zipkin", transport: "http" });
  const thrift = open("zipkin-thrift");
  const protobuf = open("zipkin-proto");
  const unknown = ledger.account("zipkin", "unknown");
  const routes: readonly HttpRoute[] = [
    makeRoute("/api/v1/spans", open("zipkin-json-v1"), {
      "application/x-thrift": thrift,
      "application/vnd.apache.thrift.binary": thrift,
    }),
    makeRoute("/api/v2/spans", open("zipkin-json-v2"), {
      "application/x-protobuf": protobuf,
      "application/protobuf": protobuf,
    }),
  ];
  return {
    routes,
    answerFailure(failure) {
      const headers = { "content-type": "text/plain; charset=utf-8" };
      return { status: failure.status, headers, body: `${failure.message}\n` };
    },
    onFailure: makeHttpFailureCounter(unknown, routes),
  };
}

function makeRoute(
  path: string,
  takeJson: TakePayload,
  others: Readonly<Record<string, TakePayload>>,
): HttpRoute {
  const takers = new Map(Object.entries(others));
  return {
    method: "POST",
    path,
    async handle(request) {
      const take = takers.get(mediaTypeOf(request)) ?? takeJson;
      await take(request.body);
      return { status: 202 };
    },
  };
}
