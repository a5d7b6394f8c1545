// What the readers of OTLP, in protobuf and in JSON, do alike with a span: its times, its end.
//
//   ns = high · 2^32 + low    ─▶  whole µs + 0..999 ns, exact without a 64-bit number
//   ids missing or zero       ─▶  the row is taken back and counted for OTLP's partial success

import type { SpanBatch } from "../model/span-batch.ts";

/** What of a payload was not taken, in the terms of OTLP's partial success. */
export interface Rejected {
  readonly spans: number;
  /** For the sender; empty if nothing was rejected. */
  readonly message: string;
}

const NONE_REJECTED: Rejected = { spans: 0, message: "" };

// 2^32 ns are this many whole µs and ns.
const US_PER_WORD = 4_294_967;
const NS_PER_WORD_REST = 296;

export function rejectedSpans(spans: number): Rejected {
  if (spans === 0) return NONE_REJECTED;
  return { spans, message: `${spans} spans without a trace id or span id` };
}

/** The whole µs of 64 bits of ns: exact up to 2^53 µs, rounded beyond. */
export function usOf(low: number, high: number): number {
  return high * US_PER_WORD + Math.floor((high * NS_PER_WORD_REST + low) / 1000);
}

/** The ns above `usOf`, 0..999. */
export function restNsOf(low: number, high: number): number {
  return (high * NS_PER_WORD_REST + low) % 1000;
}

/**
 * Gives the open row its duration and closes it, or takes it back if it has no ids.
 *
 * @returns 1 if it was taken back.
 */
export function closeSpan(batch: SpanBatch, row: number, endUs: number, endRestNs: number): number {
  const us = endUs - batch.startUs[row]!;
  const restNs = endRestNs - batch.startRestNs[row]!;
  // No part of the sum is longer than the whole, so that 2^53 ns are exact too.
  batch.durationNs[row] = restNs < 0 ? (us - 1) * 1000 + (restNs + 1000) : us * 1000 + restNs;
  const trace = batch.traceIdWords;
  const span = batch.spanIdWords;
  const at = 4 * row;
  if (
    (trace[at]! | trace[at + 1]! | trace[at + 2]! | trace[at + 3]!) === 0 ||
    (span[2 * row]! | span[2 * row + 1]!) === 0
  ) {
    batch.cancelRow();
    return 1;
  }
  batch.closeRow();
  return 0;
}
