// Jaeger over HTTP, port 14268: POST /api/traces, a thrift `Batch` in the binary protocol; and what
// clients are to sample, at GET /api/sampling (sampling/sampling-routes.ts).
//
//   202 nothing · 400 "Cannot parse content type: …", "Unsupported content type: …",
//   "Unable to process request body: …" · 429, 503 "Cannot submit Jaeger batch: …", Retry-After
//
// Texts end with a line break, as Go's http.Error writes them. Jaeger drops spans behind a 202 when
// its queue is full; here the sender is told.
//
// Source: Jaeger v1.76, cmd/collector/app/handler/http_thrift_handler.go.
// Trust: the body's size was checked by the server, nothing else.

import { SpoorError, printError } from "../../base/errors.ts";
import type { HttpAnswer, HttpFailure, HttpRoute } from "../../net/http-route.ts";
import { mediaTypeOf } from "../../net/media-type.ts";
import { makeSamplingRoutes } from "../../sampling/sampling-routes.ts";
import type { Intake } from "../intake.ts";
import type { Ledger } from "../ledger.ts";
import { type DoorSampling, type HttpDoor, makeHttpFailureCounter } from "./door.ts";

const THRIFT_TYPES = new Set(["application/x-thrift", "application/vnd.apache.thrift.binary"]);

/** token "/" token, as far as it matters: RFC 9110 §8.3.1. */
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~0-9a-z-]+(?:\/[!#$%&'*+.^_`|~0-9a-z-]+)?$/;

/** @param sampling without it, nobody is told what to sample. */
export function makeJaegerHttpDoor(
  intake: Intake,
  ledger: Ledger,
  sampling?: DoorSampling,
): HttpDoor {
  const labels = { format: "jaeger", transport: "http" } as const;
  const take = intake.open("jaeger-http", "jaeger-thrift", labels);
  const unknown = ledger.account("jaeger-http", "unknown");
  const routes: readonly HttpRoute[] = [
    {
      method: "POST",
      path: "/api/traces",
      async handle(request) {
        const type = mediaTypeOf(request);
        if (!THRIFT_TYPES.has(type)) {
          unknown.refuseRequest("wrong-type");
          return answerText(400, refuseType(type));
        }
        await take(request.body);
        return { status: 202 };
      },
    },
  ];
  const { source, onRequest } = sampling ?? {};
  const answers =
    source === undefined || onRequest === undefined
      ? []
      : makeSamplingRoutes(source, { below: "api", onRequest });
  const onFailure = makeHttpFailureCounter(unknown, routes);
  return { routes: [...routes, ...answers], answerFailure, onFailure };
}

function refuseType(type: string): string {
  if (type === "") return "Cannot parse content type: mime: no media type";
  if (!MEDIA_TYPE.test(type)) {
    return "Cannot parse content type: mime: expected token after slash";
  }
  return `Unsupported content type: ${type.replaceAll("&", "&amp;").replaceAll("'", "&#39;")}`;
}

function answerFailure({ status, message, error }: HttpFailure): HttpAnswer {
  if (status === 404) return answerText(status, "404 page not found");
  if (status === 405) return { status };
  const reason = error instanceof SpoorError ? printError(error) : message;
  const isOurs = status === 429 || status >= 500;
  const what = isOurs ? "Cannot submit Jaeger batch" : "Unable to process request body";
  return answerText(status, `${what}: ${reason}`);
}

function answerText(status: number, text: string): HttpAnswer {
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
  };
  return { status, headers, body: `${text}\n` };
}
