// OTLP over gRPC, port 4317: what the service of room `otlp` takes goes to the intake.
//
// Not here: the service (otlp/otlp-service.ts).

import { EXPORT_PATH, makeOtlpService } from "../../otlp/otlp-service.ts";
import type { Intake } from "../intake.ts";
import type { Ledger } from "../ledger.ts";
import { type GrpcDoor, makeGrpcFailureCounter, rejectedOf } from "./door.ts";

export function makeOtlpGrpcDoor(intake: Intake, ledger: Ledger): GrpcDoor {
  const labels = { format: "otlp", transport: "grpc" } as const;
  const take = intake.open("otlp-grpc", "otlp-proto", labels);
  return {
    services: [makeOtlpService(async (message) => rejectedOf(await take(message)))],
    onFailure: makeGrpcFailureCounter(ledger.account("otlp-grpc", "unknown"), EXPORT_PATH),
  };
}
