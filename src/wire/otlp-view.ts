// What of a row's columns OTLP words otherwise: its end, its flags, the mark of its format.
//
//   end    startUs · startRestNs + durationNs   ─▶  whole µs and the ns above them
//   flags  Jaeger: 1 sampled, 2 debug, 8 firehose; Zipkin: 2 debug, 16 shared  ─▶  W3C: 1 sampled
//   mark   ORIGIN_JAEGER_…                      ─▶  attribute `@jaeger@format`, as Jaeger adds it
//
// OTLP has no times before the epoch and none from 2^64 ns on: such times become 0 and the last one.
// Source: docs/span-mapping.md.

import {
  ORIGIN_JAEGER_PROTO,
  ORIGIN_JAEGER_THRIFT,
  ORIGIN_OTLP,
  type SpanBatch,
} from "../model/span-batch.ts";

/** The attribute that says in which of Jaeger's formats a span came. */
export const FORMAT_KEY = "@jaeger@format";

/** Whole µs beyond this one (an even number, as doubles are there) are 2^64 - 1 ns in OTLP. */
export const LAST_US = 18_446_744_073_709_550;

/** Durations from here on are rounded, so that a sum with them has no exact ns. */
const EXACT_NS = 2 ** 53;

/** The whole µs of the end of row `row`; may be negative or beyond LAST_US. */
export function endUsOf(batch: SpanBatch, row: number): number {
  const durationNs = batch.durationNs[row]!;
  if (Math.abs(durationNs) > EXACT_NS) return Math.floor(roundedEndNs(batch, row) / 1000);
  const wholeUs = Math.floor(durationNs / 1000);
  const restNs = batch.startRestNs[row]! + (durationNs - wholeUs * 1000);
  return batch.startUs[row]! + wholeUs + (restNs >= 1000 ? 1 : 0);
}

/** The ns above `endUsOf`, 0..999. */
export function endRestNsOf(batch: SpanBatch, row: number): number {
  const durationNs = batch.durationNs[row]!;
  if (Math.abs(durationNs) > EXACT_NS) return 0;
  const wholeUs = Math.floor(durationNs / 1000);
  return (batch.startRestNs[row]! + (durationNs - wholeUs * 1000)) % 1000;
}

function roundedEndNs(batch: SpanBatch, row: number): number {
  return batch.startUs[row]! * 1000 + batch.startRestNs[row]! + batch.durationNs[row]!;
}

/** The flags of row `row` in OTLP's meaning. */
export function otlpFlagsOf(batch: SpanBatch, row: number): number {
  const origin = batch.origin[row];
  if (origin === ORIGIN_OTLP) return batch.flags[row]!;
  return origin === ORIGIN_JAEGER_THRIFT || origin === ORIGIN_JAEGER_PROTO
    ? batch.flags[row]! & 1
    : 0;
}

/** The value of FORMAT_KEY for row `row`; empty if it came in no format of Jaeger's. */
export function formatMarkOf(batch: SpanBatch, row: number): "" | "jaeger" | "proto" {
  switch (batch.origin[row]) {
    case ORIGIN_JAEGER_THRIFT:
      return "jaeger";
    case ORIGIN_JAEGER_PROTO:
      return "proto";
    default:
      return "";
  }
}

/** True if the bytes from `at` on are an id: not all zero. */
export function isId(bytes: Uint8Array, at: number, length: number): boolean {
  for (let i = at; i < at + length; i++) if (bytes[i] !== 0) return true;
  return false;
}
