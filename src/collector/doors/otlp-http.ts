// OTLP over HTTP, port 4318: what the routes of room `otlp` take goes to the intake.
//
// Not here: the routes and their answers (otlp/otlp-routes.ts).

import { makeOtlpRoutes } from "../../otlp/otlp-routes.ts";
import type { TakeOtlp } from "../../otlp/otlp-service.ts";
import type { Intake } from "../intake.ts";
import type { Ledger } from "../ledger.ts";
import { type HttpDoor, makeHttpFailureCounter, rejectedOf } from "./door.ts";

export function makeOtlpHttpDoor(intake: Intake, ledger: Ledger): HttpDoor {
  const labels = { format: "otlp", transport: "http" } as const;
  const open = (format: "otlp-proto" | "otlp-json"): TakeOtlp => {
    const take = intake.open("otlp-http", format, labels);
    return async (payload) => rejectedOf(await take(payload));
  };
  const unknown = ledger.account("otlp-http", "unknown");
  const { routes, answerFailure } = makeOtlpRoutes({
    protobuf: open("otlp-proto"),
    json: open("otlp-json"),
    onWrongType: () => unknown.refuseRequest("wrong-type"),
  });
  return { routes, answerFailure, onFailure: makeHttpFailureCounter(unknown, routes) };
}
