// Jaeger over gRPC, port 14250: what agents and Jaeger's SDKs speak.
//
//   CollectorService  PostSpansRequest { batch } ─▶ intake ─▶ PostSpansResponse {}
//   SamplingManager   what they are to sample (sampling/sampling-grpc.ts)
//
// Source: jaeger-idl, api_v2/collector.proto.
// Trust: the message's size was checked by the server, nothing else. Not here: strategies (sampling).

import type { GrpcService } from "../../net/grpc-service.ts";
import { makeSamplingService } from "../../sampling/sampling-grpc.ts";
import type { Intake } from "../intake.ts";
import type { Ledger } from "../ledger.ts";
import { type DoorSampling, type GrpcDoor, makeGrpcFailureCounter } from "./door.ts";

const SERVICE = "jaeger.api_v2.CollectorService";
const EMPTY = new Uint8Array(0);

/** @param sampling without it, nobody is told what to sample. */
export function makeJaegerGrpcDoor(
  intake: Intake,
  ledger: Ledger,
  sampling?: DoorSampling,
): GrpcDoor {
  const labels = { format: "proto", transport: "grpc" } as const;
  const take = intake.open("jaeger-grpc", "jaeger-proto", labels);
  const collector: GrpcService = {
    name: SERVICE,
    methods: {
      PostSpans: {
        kind: "unary",
        async handle(message) {
          await take(message);
          return EMPTY;
        },
      },
    },
  };
  return {
    services:
      sampling === undefined ? [collector] : [collector, makeSamplingService(sampling.source)],
    onFailure: makeGrpcFailureCounter(
      ledger.account("jaeger-grpc", "unknown"),
      `/${SERVICE}/PostSpans`,
    ),
  };
}
