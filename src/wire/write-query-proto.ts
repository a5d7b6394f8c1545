// Answers of Jaeger's query services in protobuf, but for the spans themselves.
//
//   api_v2   GetServicesResponse   { 1 services* }
//            GetOperationsResponse { 1 operationNames* · 2 Operation* { 1 name · 2 span_kind } }
//            GetDependenciesResponse { 1 DependencyLink* { 1 parent · 2 child · 3 call_count } }
//   api_v3   GetServicesResponse   { 1 services* }     GetOperationsResponse { 1 Operation* }
//            DependenciesResponse  { 1 Dependency* { 1 parent · 2 child · 3 call_count } }
//            FindTraceSummariesResponse { 1 TraceSummary* { 1 trace_id: hex · 2 root_service_name
//              3 root_operation_name · 4 min_start_time_unix_nano: fixed64
//              5 max_end_time_unix_nano: fixed64 · 6 span_count · 7 error_span_count
//              8 orphan_span_count · 9 services* { 1 name · 2 span_count · 3 error_span_count } } }
//            GetCapabilitiesResponse { 1 search { 1 without_service_name
//              2 same_span_conjunction } }
//   metrics  GetMetricsResponse    { 1 MetricFamily { 1 name · 2 type: 1 GAUGE · 4 help · 5 Metric*
//              { 1 Label* { 1 name · 2 value } · 2 MetricPoint* { 2 GaugeValue { 1 double }
//              8 Timestamp } } } }
//            GetMinStepDurationResponse { 1 Duration }
//
// Fields at their default are left out, as proto3 writers do; a double within a oneof is not.
// Source: as query-proto.ts, openmetrics.proto, api_v3/capabilities.proto.
// Not here: chunks of spans (write-jaeger-proto.ts, write-otlp-proto.ts).

import type { Dependency } from "../model/trace-query.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

export interface OperationRecord {
  readonly name: string;
  /** `server`, or "" for a kind without a name. */
  readonly kind: string;
}

/** A trace in one line. */
export interface TraceSummary {
  /** 16 bytes. */
  readonly traceId: Uint8Array;
  readonly rootService: string;
  readonly rootOperation: string;
  readonly start: Instant;
  readonly end: Instant;
  readonly spans: number;
  readonly errors: number;
  readonly orphans: number;
  /** Sorted by name. */
  readonly services: readonly ServiceSummary[];
}

export interface ServiceSummary {
  readonly name: string;
  readonly spans: number;
  readonly errors: number;
}

/** Whole µs since the Unix epoch and the ns above them. */
export interface Instant {
  readonly us: number;
  readonly restNs: number;
}

/** Lines of a chart. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly metrics: readonly Metric[];
}

/** One line: what it is of, and its points. */
export interface Metric {
  readonly labels: readonly (readonly [name: string, value: string])[];
  readonly points: readonly (readonly [atUs: number, value: number])[];
}

const TWO_32 = 0x1_0000_0000n;
const NS_MAX = 2n ** 64n - 1n;
const GAUGE = 1;

/** GetServicesResponse of both versions. */
export function writeServices(names: readonly string[]): Uint8Array {
  const out = new ProtobufWriter();
  for (const name of names) out.writeText(0x0a, name);
  return out.take();
}

/** GetOperationsResponse of api_v2: the names twice, since old clients know only the first list. */
export function writeOperationsV2(operations: readonly OperationRecord[]): Uint8Array {
  const out = new ProtobufWriter();
  for (const name of new Set(operations.map(({ name }) => name))) out.writeText(0x0a, name);
  for (const operation of operations) writeOperation(out, 0x12, operation);
  return out.take();
}

export function writeOperationsV3(operations: readonly OperationRecord[]): Uint8Array {
  const out = new ProtobufWriter();
  for (const operation of operations) writeOperation(out, 0x0a, operation);
  return out.take();
}

function writeOperation(out: ProtobufWriter, tag: number, { name, kind }: OperationRecord): void {
  const mark = out.open(tag);
  writeText(out, 0x0a, name);
  writeText(out, 0x12, kind);
  out.close(mark);
}

/** GetDependenciesResponse of api_v2 and DependenciesResponse of api_v3 are alike. */
export function writeDependencies(links: readonly Dependency[]): Uint8Array {
  const out = new ProtobufWriter();
  for (const { parent, child, callCount } of links) {
    const mark = out.open(0x0a);
    writeText(out, 0x0a, parent);
    writeText(out, 0x12, child);
    writeCount(out, 0x18, callCount);
    out.close(mark);
  }
  return out.take();
}

/** FindTraceSummariesResponse. */
export function writeSummaries(summaries: readonly TraceSummary[]): Uint8Array {
  const out = new ProtobufWriter();
  for (const summary of summaries) {
    const mark = out.open(0x0a);
    out.writeText(0x0a, printHex(summary.traceId));
    writeText(out, 0x12, summary.rootService);
    writeText(out, 0x1a, summary.rootOperation);
    writeInstant(out, 0x21, summary.start);
    writeInstant(out, 0x29, summary.end);
    writeCount(out, 0x30, summary.spans);
    writeCount(out, 0x38, summary.errors);
    writeCount(out, 0x40, summary.orphans);
    for (const { name, spans, errors } of summary.services) {
      const inner = out.open(0x4a);
      writeText(out, 0x0a, name);
      writeCount(out, 0x10, spans);
      writeCount(out, 0x18, errors);
      out.close(inner);
    }
    out.close(mark);
  }
  return out.take();
}

/** GetCapabilitiesResponse. */
export function writeCapabilities(search: {
  readonly withoutService: boolean;
  readonly sameSpan: boolean;
}): Uint8Array {
  const out = new ProtobufWriter();
  const mark = out.open(0x0a);
  writeCount(out, 0x08, search.withoutService ? 1 : 0);
  writeCount(out, 0x10, search.sameSpan ? 1 : 0);
  out.close(mark);
  return out.take();
}

/** GetMetricsResponse. */
export function writeMetrics(family: MetricFamily): Uint8Array {
  const out = new ProtobufWriter();
  const mark = out.open(0x0a);
  writeText(out, 0x0a, family.name);
  writeCount(out, 0x10, GAUGE);
  writeText(out, 0x22, family.help);
  for (const metric of family.metrics) writeMetric(out, metric);
  out.close(mark);
  return out.take();
}

function writeMetric(out: ProtobufWriter, { labels, points }: Metric): void {
  const mark = out.open(0x2a);
  for (const [name, value] of labels) {
    const label = out.open(0x0a);
    writeText(out, 0x0a, name);
    writeText(out, 0x12, value);
    out.close(label);
  }
  for (const [atUs, value] of points) {
    const point = out.open(0x12);
    const gauge = out.open(0x12);
    out.writeVarint(0x09);
    out.writeDouble(value);
    out.close(gauge);
    writeTime(out, 0x42, atUs);
    out.close(point);
  }
  out.close(mark);
}

/** GetMinStepDurationResponse. */
export function writeMinStep(us: number): Uint8Array {
  const out = new ProtobufWriter();
  writeTime(out, 0x0a, us);
  return out.take();
}

/** A Timestamp or a Duration. */
function writeTime(out: ProtobufWriter, tag: number, us: number): void {
  const mark = out.open(tag);
  const seconds = Math.floor(us / 1e6);
  if (seconds !== 0) {
    out.writeVarint(0x08);
    out.writeInt64(seconds);
  }
  writeCount(out, 0x10, Math.floor((us - seconds * 1e6) * 1e3));
  out.close(mark);
}

/** ns since the epoch, unsigned: times outside are cut to the nearest. */
function writeInstant(out: ProtobufWriter, tag: number, { us, restNs }: Instant): void {
  const exact = BigInt(us) * 1_000n + BigInt(restNs);
  const ns = exact < 0n ? 0n : exact > NS_MAX ? NS_MAX : exact;
  if (ns === 0n) return;
  out.writeVarint(tag);
  out.writeFixed64(Number(ns % TWO_32), Number(ns / TWO_32));
}

function printHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function writeText(out: ProtobufWriter, tag: number, text: string): void {
  if (text !== "") out.writeText(tag, text);
}

function writeCount(out: ProtobufWriter, tag: number, count: number): void {
  if (count === 0) return;
  out.writeVarint(tag);
  out.writeVarint(count);
}
