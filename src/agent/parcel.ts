// What the agent forwards: a payload that a collector takes as it is, and what it holds, for the books.

/** What payloads are, by the reporter that carries them. */
export type ParcelFormat =
  | "otlp-proto" //         ExportTraceServiceRequest
  | "jaeger-proto" //       api_v2 PostSpansRequest
  | "jaeger-thrift-list"; // arguments of Collector.submitBatches: a struct with the list, binary protocol

export interface Parcel {
  /** Stays as it is until it was sent. */
  readonly payload: Uint8Array;
  readonly spans: number;
  /** Spans by service; they sum up to `spans`. */
  readonly services: readonly (readonly [service: string, spans: number])[];
}
