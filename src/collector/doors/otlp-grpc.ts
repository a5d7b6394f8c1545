// OTLP over gRPC, port 4317: TraceService/Export.
//
//   ExportTraceServiceRequest ─▶ intake ─▶ ExportTraceServiceResponse { partial_success }
//
// Source: OTLP 1.x §"OTLP/gRPC"; opentelemetry-proto 1.x, trace_service.proto.
// Trust: the message's size was checked by the server, nothing else. Not here: which gRPC status an
// error becomes (net/status.ts).

import { writeExportAnswer } from "../../wire/otlp-answer.ts";
import type { Intake } from "../intake.ts";
import type { Ledger } from "../ledger.ts";
import { type GrpcDoor, makeGrpcFailureCounter, rejectedOf } from "./door.ts";

const SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService";

export function makeOtlpGrpcDoor(intake: Intake, ledger: Ledger): GrpcDoor {
  const labels = { format: "otlp", transport: "grpc" } as const;
  const take = intake.open("otlp-grpc", "otlp-proto", labels);
  return {
    services: [
      {
        name: SERVICE,
        methods: {
          Export: {
            kind: "unary",
            handle: async (message) => writeExportAnswer(rejectedOf(await take(message))),
          },
        },
      },
    ],
    onFailure: makeGrpcFailureCounter(ledger.account("otlp-grpc", "unknown"), `/${SERVICE}/Export`),
  };
}
