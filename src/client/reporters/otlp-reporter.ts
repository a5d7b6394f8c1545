// Spans to a collector of OpenTelemetry's protocol: POST /v1/traces with protobuf.
//
//   200 ─▶ taken, partial_success says how many were left out      429 5xx ─▶ again      other ─▶ never
//
// Source: OTLP 1.x §"OTLP/HTTP". Not here: what of a span is which field of OTLP's (span-buffer.ts).

import { readExportAnswer } from "../../wire/otlp-answer.ts";
import { writeOtlpProto } from "../../wire/write-otlp-proto.ts";
import { type HttpSenderOptions, openHttpSender, parseEndpoint } from "./http-sender.ts";
import { QueuedReporter, type QueuedReporterOptions } from "./queued-reporter.ts";

export interface OtlpReporterOptions
  extends QueuedReporterOptions, Omit<HttpSenderOptions, "url" | "contentType" | "readRejected"> {
  /** http://host:4318/v1/traces. */
  readonly endpoint: string;
}

/** @throws Error if the endpoint is no URL. */
export function makeOtlpReporter(options: OtlpReporterOptions): QueuedReporter {
  const url = parseEndpoint(options.endpoint, "the OTLP endpoint", "/v1/traces");
  const sender = openHttpSender({
    ...options,
    url,
    contentType: "application/x-protobuf",
    readRejected: (answer) => readExportAnswer(answer).spans,
  });
  return new QueuedReporter(
    {
      name: "OtlpReporter",
      format: "otlp",
      write: (batch) => writeOtlpProto([batch]),
      send: (bytes, signal) => sender.send(bytes, signal),
      close: () => sender.close(),
    },
    options,
  );
}
