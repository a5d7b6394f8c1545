// Spans to a collector of Jaeger's: POST /api/traces with a Batch in Thrift's binary protocol.
//
//   202 ─▶ taken      429 5xx ─▶ again      other ─▶ never
//
// Not here: queue and retries (queued-reporter.ts), requests (http-sender.ts).

import { writeJaegerBatches } from "../../wire/write-jaeger-thrift.ts";
import { type HttpSenderOptions, openHttpSender, parseEndpoint } from "./http-sender.ts";
import { QueuedReporter, type QueuedReporterOptions } from "./queued-reporter.ts";

export interface HttpReporterOptions
  extends QueuedReporterOptions, Omit<HttpSenderOptions, "url" | "contentType" | "readRejected"> {
  /** JAEGER_ENDPOINT, http://host:14268/api/traces. */
  readonly endpoint: string;
}

/** @throws Error if the endpoint is no URL. */
export function makeHttpReporter(options: HttpReporterOptions): QueuedReporter {
  const url = parseEndpoint(options.endpoint, "the collector's endpoint", "/api/traces");
  // Old collectors want to be told.
  if (!url.searchParams.has("format")) url.searchParams.set("format", "jaeger.thrift");
  const sender = openHttpSender({ ...options, url, contentType: "application/x-thrift" });
  return new QueuedReporter(
    {
      name: "HttpReporter",
      format: "binary",
      write: (batch, client) => writeJaegerBatches(batch, client)[0]!,
      send: (bytes, signal) => sender.send(bytes, signal),
      close: () => sender.close(),
    },
    options,
  );
}
