// A parcel in one format as parcels in another: for what an agent with another reporter left in the spool.
//
//   payload ─ its reader ─▶ SpanBatch ─ writeParcels ─▶ payloads
//
// Trust: the payload was written by an agent; it is bounded by the spool's files.
// Not here: the formats (wire/), when it is needed (spool-drain.ts); loaded only then.

import { SpanBatch } from "../model/span-batch.ts";
import { readPostSpans } from "../wire/jaeger-proto.ts";
import { readSubmitBatches } from "../wire/jaeger-thrift.ts";
import { readOtlpTraces } from "../wire/otlp-proto.ts";
import type { Parcel, ParcelFormat } from "./parcel.ts";
import { writeParcels } from "./write-parcels.ts";

/** What was one batch of an agent's is at most a few MiB of columns. */
const MEMORY_BYTES_MAX = 64 * 1024 * 1024;

const readers: Readonly<Record<ParcelFormat, (payload: Uint8Array, batch: SpanBatch) => unknown>> =
  {
    "otlp-proto": readOtlpTraces,
    "jaeger-proto": readPostSpans,
    "jaeger-thrift-list": readSubmitBatches,
  };

/**
 * @returns all spans that have ids; none: an empty list.
 * @throws SpoorError `bad-input` if the payload does not read.
 */
export function convertParcel(
  { payload }: Parcel,
  from: ParcelFormat,
  to: ParcelFormat,
): readonly Parcel[] {
  const batch = new SpanBatch(MEMORY_BYTES_MAX);
  readers[from](payload, batch);
  if (batch.rows === 0) return [];
  return writeParcels(batch, to, new Uint8Array(batch.rows), 1).map(({ parcel }) => parcel);
}
