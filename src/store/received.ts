// The bytes that a batch was read from, for engines that keep those rather than encode the batch again.
//
// The numbers of the formats stand in logs on disk: they are never used for anything else.

/** Formats of payloads, by the number that the log writes for them. */
export const RECEIVED_FORMATS = [
  "otlp-proto", //     1  ExportTraceServiceRequest
  "otlp-json", //      2  the same as JSON
  "jaeger-proto", //   3  PostSpansRequest
  "jaeger-thrift", //  4  Batch, binary protocol
  "zipkin-json-v1", // 5
  "zipkin-json-v2", // 6
  "zipkin-thrift", //  7  list of spans, binary protocol
  "zipkin-proto", //   8  ListOfSpans
  "jaeger-thrift-list", // 9  arguments of submitBatches, binary protocol
] as const;
export type ReceivedFormat = (typeof RECEIVED_FORMATS)[number];

export interface Received {
  readonly format: ReceivedFormat;
  /** Stays as it is until the store's promise settles. */
  readonly payload: Uint8Array;
}

/** The number of a format in a log, from 1. */
export function codeOfFormat(format: ReceivedFormat): number {
  return RECEIVED_FORMATS.indexOf(format) + 1;
}

/** The format with this number, or undefined: a later version may have written it. */
export function formatOfCode(code: number): ReceivedFormat | undefined {
  return RECEIVED_FORMATS[code - 1];
}
