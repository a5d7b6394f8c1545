// Requests of Jaeger's query services in protobuf: small messages, read into records.
//
//   api_v2, api_v3   GetTraceRequest      { 1 trace_id: bytes (v2), hex text (v3) · 2 start_time
//                                           3 end_time · 4 raw_traces }
//                    FindTracesRequest    { 1 TraceQueryParameters }
//                    TraceQueryParameters { 1 service_name · 2 operation_name · 3 map of attributes
//                                           4 start_time_min · 5 start_time_max · 6 duration_min
//                                           7 duration_max · 8 search_depth · 9 raw_traces
//                                           10 filter (v3) }
//                    GetOperationsRequest { 1 service · 2 span_kind }
//                    GetDependenciesRequest { 1 start_time · 2 end_time }
//   metrics          GetLatenciesRequest  { 1 MetricsQueryBaseRequest · 2 quantile }
//                    MetricsQueryBaseRequest { 1 service_names · 2 groupByOperation · 3 end_time
//                                           4 lookback · 5 step · 6 ratePer · 7 spanKinds }
//   google.protobuf  Timestamp, Duration  { 1 seconds: int64 · 2 nanos: int32 }
//
// Source: jaeger-idl proto/api_v2/query.proto, proto/api_v3/query_service.proto;
// jaeger/model/proto/metrics/metricsquery.proto.
// Trust: protobuf-reader.ts. A field of a wrong type refuses the message, unknown fields are skipped.
// Not here: what a request may ask (query/), answers (write-query-proto.ts).

import type { AttributeCondition } from "../model/trace-query.ts";
import { ProtobufReader } from "./protobuf-reader.ts";

export interface GetTraceMessage {
  /** As it was sent: bytes in api_v2, text in api_v3 (as UTF-8). */
  readonly traceId: Uint8Array;
  readonly raw: boolean;
}

/** What was not sent is undefined, or empty. */
export interface TraceQueryMessage {
  readonly service: string;
  readonly operation: string;
  readonly attributes: readonly AttributeCondition[];
  /** µs since the Unix epoch. */
  readonly startUsMin: number | undefined;
  readonly startUsMax: number | undefined;
  /** ns. */
  readonly durationNsMin: number;
  readonly durationNsMax: number;
  readonly depth: number;
  readonly raw: boolean;
  /** A structured filter is there. */
  readonly hasFilter: boolean;
}

export interface RangeMessage {
  readonly startUs: number | undefined;
  readonly endUs: number | undefined;
}

/** Times in µs; what was not sent is undefined, or empty. */
export interface MetricsQueryMessage {
  readonly services: readonly string[];
  readonly byOperation: boolean;
  readonly endUs: number | undefined;
  readonly lookbackUs: number | undefined;
  readonly stepUs: number | undefined;
  readonly windowUs: number | undefined;
  /** KIND_… */
  readonly kinds: readonly number[];
  readonly quantile: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const decoder = new TextDecoder();

function begin(payload: Uint8Array): ProtobufReader {
  const reader = new ProtobufReader();
  reader.begin(payload);
  return reader;
}

function readBytes(reader: ProtobufReader): Uint8Array {
  const end = reader.readEnd();
  const bytes = reader.bytes.slice(reader.at, end);
  reader.at = end;
  return bytes;
}

function readText(reader: ProtobufReader): string {
  return decoder.decode(readBytes(reader));
}

/** Seconds and nanos of a Timestamp or a Duration. */
function readTime(reader: ProtobufReader): { readonly seconds: number; readonly nanos: number } {
  const outer = reader.enter();
  let seconds = 0;
  let nanos = 0;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x08) seconds = reader.readInt64();
    else if (tag === 0x10) nanos = reader.readUint32() | 0;
    else reader.skipUnknown(tag, 0b110);
  }
  reader.leave(outer);
  return { seconds, nanos };
}

function readTimeUs(reader: ProtobufReader): number {
  const { seconds, nanos } = readTime(reader);
  return seconds * 1e6 + Math.floor(nanos / 1e3);
}

function readDurationNs(reader: ProtobufReader): number {
  const { seconds, nanos } = readTime(reader);
  return seconds * 1e9 + nanos;
}

/** GetTraceRequest, and ArchiveTraceRequest, of both versions. Times are checked for their form. */
export function readGetTrace(payload: Uint8Array): GetTraceMessage {
  const reader = begin(payload);
  const message: Mutable<GetTraceMessage> = { traceId: new Uint8Array(0), raw: false };
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) message.traceId = readBytes(reader);
    else if (tag === 0x12 || tag === 0x1a) readTime(reader);
    else if (tag === 0x20) message.raw = reader.readBool();
    else reader.skipUnknown(tag, 0b1_1110);
  }
  return message;
}

/** FindTracesRequest of both versions, FindTraceSummariesRequest. @returns undefined: no query. */
export function readFindTraces(payload: Uint8Array): TraceQueryMessage | undefined {
  const reader = begin(payload);
  let query: TraceQueryMessage | undefined;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) query = readTraceQuery(reader);
    else reader.skipUnknown(tag, 0b10);
  }
  return query;
}

function readTraceQuery(reader: ProtobufReader): TraceQueryMessage {
  const outer = reader.enter();
  const query: Mutable<TraceQueryMessage> = {
    service: "",
    operation: "",
    attributes: [],
    startUsMin: undefined,
    startUsMax: undefined,
    durationNsMin: 0,
    durationNsMax: 0,
    depth: 0,
    raw: false,
    hasFilter: false,
  };
  const attributes = new Map<string, string>();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        query.service = readText(reader);
        break;
      case 0x12:
        query.operation = readText(reader);
        break;
      case 0x1a:
        attributes.set(...readMapEntry(reader));
        break;
      case 0x22:
        query.startUsMin = readTimeUs(reader);
        break;
      case 0x2a:
        query.startUsMax = readTimeUs(reader);
        break;
      case 0x32:
        query.durationNsMin = readDurationNs(reader);
        break;
      case 0x3a:
        query.durationNsMax = readDurationNs(reader);
        break;
      case 0x40:
        query.depth = reader.readUint32() | 0;
        break;
      case 0x48:
        query.raw = reader.readBool();
        break;
      case 0x52:
        reader.skip(tag);
        query.hasFilter = true;
        break;
      default:
        reader.skipUnknown(tag, 0b111_1111_1110);
    }
  }
  reader.leave(outer);
  query.attributes = [...attributes].map(([key, value]) => ({ key, value }));
  return query;
}

function readMapEntry(reader: ProtobufReader): [key: string, value: string] {
  const outer = reader.enter();
  let key = "";
  let value = "";
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) key = readText(reader);
    else if (tag === 0x12) value = readText(reader);
    else reader.skipUnknown(tag, 0b110);
  }
  reader.leave(outer);
  return [key, value];
}

/** A message without fields: only its form is checked. */
export function readEmpty(payload: Uint8Array): void {
  const reader = begin(payload);
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) reader.skip(tag);
}

export function readGetOperations(payload: Uint8Array): {
  readonly service: string;
  readonly kind: string;
} {
  const reader = begin(payload);
  let service = "";
  let kind = "";
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) service = readText(reader);
    else if (tag === 0x12) kind = readText(reader);
    else reader.skipUnknown(tag, 0b110);
  }
  return { service, kind };
}

export function readGetDependencies(payload: Uint8Array): RangeMessage {
  const reader = begin(payload);
  const range: Mutable<RangeMessage> = { startUs: undefined, endUs: undefined };
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) range.startUs = readTimeUs(reader);
    else if (tag === 0x12) range.endUs = readTimeUs(reader);
    else reader.skipUnknown(tag, 0b110);
  }
  return range;
}

/** GetLatenciesRequest; GetCallRatesRequest and GetErrorRatesRequest have no quantile. */
export function readGetMetrics(payload: Uint8Array): MetricsQueryMessage {
  const reader = begin(payload);
  const query: Mutable<MetricsQueryMessage> = {
    services: [],
    byOperation: false,
    endUs: undefined,
    lookbackUs: undefined,
    stepUs: undefined,
    windowUs: undefined,
    kinds: [],
    quantile: 0,
  };
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) readMetricsBase(reader, query);
    else if (tag === 0x11) query.quantile = reader.readDouble();
    else reader.skipUnknown(tag, 0b110);
  }
  return query;
}

function readMetricsBase(reader: ProtobufReader, query: Mutable<MetricsQueryMessage>): void {
  const outer = reader.enter();
  const services: string[] = [];
  const kinds: number[] = [];
  const durationUs = (): number => readDurationNs(reader) / 1e3;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        services.push(readText(reader));
        break;
      case 0x10:
        query.byOperation = reader.readBool();
        break;
      case 0x1a:
        query.endUs = readTimeUs(reader);
        break;
      case 0x22:
        query.lookbackUs = durationUs();
        break;
      case 0x2a:
        query.stepUs = durationUs();
        break;
      case 0x32:
        query.windowUs = durationUs();
        break;
      case 0x38:
        kinds.push(reader.readUint32());
        break;
      case 0x3a: // packed, as proto3 writes lists of enums
        for (const end = reader.readEnd(); reader.at < end;) kinds.push(reader.readUint32());
        break;
      default:
        reader.skipUnknown(tag, 0b1111_1110);
    }
  }
  reader.leave(outer);
  query.services = services;
  query.kinds = kinds;
}
