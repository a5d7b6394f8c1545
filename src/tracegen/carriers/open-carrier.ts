// Each protocol's carrier: what it writes and where to. Only what the asked one needs is loaded.

import type { Clock } from "../../base/clock.ts";
import type { ProtocolName } from "../settings.ts";
import { ACCEPTED, type Carrier, makeReadOtlpAnswer } from "./carrier.ts";

const takeAll = () => ACCEPTED;

const loaders: Readonly<Record<ProtocolName, (clock: Clock) => Promise<Carrier>>> = {
  async "otlp-grpc"() {
    const { makeGrpcCarrier } = await import("./grpc.ts");
    const { writeOtlpProto } = await import("../../wire/write-otlp-proto.ts");
    const { readExportAnswer } = await import("../../wire/otlp-answer.ts");
    return makeGrpcCarrier({
      path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
      write: (batch) => writeOtlpProto([batch]),
      readAnswer: makeReadOtlpAnswer(readExportAnswer),
    });
  },
  async "otlp-http"() {
    const { makeHttpCarrier } = await import("./http.ts");
    const { writeOtlpProto } = await import("../../wire/write-otlp-proto.ts");
    const { readExportAnswer } = await import("../../wire/otlp-answer.ts");
    return makeHttpCarrier({
      path: "/v1/traces",
      contentType: "application/x-protobuf",
      write: (batch) => writeOtlpProto([batch]),
      readAnswer: makeReadOtlpAnswer(readExportAnswer),
    });
  },
  async "otlp-json"() {
    const { makeHttpCarrier } = await import("./http.ts");
    const { writeOtlpJson } = await import("../../wire/write-otlp-json.ts");
    const { readExportAnswerJson } = await import("../../wire/otlp-answer.ts");
    const encoder = new TextEncoder();
    return makeHttpCarrier({
      path: "/v1/traces",
      contentType: "application/json",
      write: (batch) => encoder.encode(writeOtlpJson([batch])),
      readAnswer: makeReadOtlpAnswer(readExportAnswerJson),
    });
  },
  async "jaeger-grpc"() {
    const { makeGrpcCarrier } = await import("./grpc.ts");
    const { writePostSpans } = await import("../../wire/write-jaeger-proto.ts");
    return makeGrpcCarrier({
      path: "/jaeger.api_v2.CollectorService/PostSpans",
      write(batch) {
        const rows = Array.from({ length: batch.rows }, (_, row) => row);
        return writePostSpans(batch, rows, batch.resource[0]!);
      },
      readAnswer: takeAll,
    });
  },
  async "jaeger-http"() {
    const { makeHttpCarrier } = await import("./http.ts");
    const { writeJaegerBatches } = await import("../../wire/write-jaeger-thrift.ts");
    return makeHttpCarrier({
      path: "/api/traces?format=jaeger.thrift",
      contentType: "application/x-thrift",
      write: (batch) => writeJaegerBatches(batch)[0]!,
      readAnswer: takeAll,
    });
  },
  async "jaeger-compact"() {
    const { makeUdpCarrier } = await import("./udp.ts");
    const { writeEmitBatches } = await import("../../wire/write-jaeger-thrift.ts");
    return makeUdpCarrier((batch) => writeEmitBatches(batch, { protocol: "compact" })[0]!);
  },
  async "jaeger-binary"() {
    const { makeUdpCarrier } = await import("./udp.ts");
    const { writeEmitBatches } = await import("../../wire/write-jaeger-thrift.ts");
    return makeUdpCarrier((batch) => writeEmitBatches(batch, { protocol: "binary" })[0]!);
  },
  async tchannel(clock) {
    const { makeTChannelCarrier } = await import("./tchannel.ts");
    return makeTChannelCarrier(clock);
  },
  async "zipkin-json"() {
    const { makeHttpCarrier } = await import("./http.ts");
    const { writeZipkinJson } = await import("../../wire/write-zipkin-json.ts");
    return makeHttpCarrier({
      path: "/api/v2/spans",
      contentType: "application/json",
      write: writeZipkinJson,
      readAnswer: takeAll,
    });
  },
  async "zipkin-compact"() {
    const { makeUdpCarrier } = await import("./udp.ts");
    const { writeEmitZipkinBatch } = await import("../../wire/write-zipkin-thrift.ts");
    return makeUdpCarrier(writeEmitZipkinBatch);
  },
};

export function openCarrier(protocol: ProtocolName, clock: Clock): Promise<Carrier> {
  return loaders[protocol](clock);
}
