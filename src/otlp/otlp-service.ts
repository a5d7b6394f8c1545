// OTLP over gRPC: TraceService/Export, for whoever takes spans.
//
//   ExportTraceServiceRequest ─▶ take ─▶ ExportTraceServiceResponse { partial_success }
//
// Source: OTLP 1.x §"OTLP/gRPC"; opentelemetry-proto 1.x, trace_service.proto.
// Trust: the message's size was checked by the server, nothing else. Not here: which gRPC status an
// error becomes (net/status.ts).

import type { GrpcService } from "../net/grpc-service.ts";
import { writeExportAnswer } from "../wire/otlp-answer.ts";
import type { Rejected } from "../wire/otlp-proto.ts";

/**
 * Takes the payload of one request, which stays as it is until the promise settles.
 *
 * @returns what of it is left out. @throws SpoorError: nothing of it is taken.
 */
export type TakeOtlp = (payload: Uint8Array) => Promise<Rejected>;

const SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService";
export const EXPORT_PATH = `/${SERVICE}/Export`;

export function makeOtlpService(take: TakeOtlp): GrpcService {
  const handle = async (message: Uint8Array) => writeExportAnswer(await take(message));
  return { name: SERVICE, methods: { Export: { kind: "unary", handle } } };
}
