// Jaeger over gRPC, port 14250: CollectorService/PostSpans, what agents and Jaeger's SDKs speak.
//
//   PostSpansRequest { batch } ─▶ intake ─▶ PostSpansResponse {}
//
// Source: jaeger-idl, api_v2/collector.proto.
// Trust: the message's size was checked by the server, nothing else. Not here: sampling strategies.

import type { Intake } from "../intake.ts";
import type { Ledger } from "../ledger.ts";
import { type GrpcDoor, makeGrpcFailureCounter } from "./door.ts";

const SERVICE = "jaeger.api_v2.CollectorService";
const EMPTY = new Uint8Array(0);

export function makeJaegerGrpcDoor(intake: Intake, ledger: Ledger): GrpcDoor {
  const labels = { format: "proto", transport: "grpc" } as const;
  const take = intake.open("jaeger-grpc", "jaeger-proto", labels);
  return {
    service: {
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
    },
    onFailure: makeGrpcFailureCounter(
      ledger.account("jaeger-grpc", "unknown"),
      `/${SERVICE}/PostSpans`,
    ),
  };
}
