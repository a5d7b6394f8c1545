// The rows of a joined batch as payloads for a collector, in the format that the forwarder sends.
//
//   otlp-proto          one message, spans grouped by resource
//   jaeger-thrift-list  the arguments of submitBatches: one batch a resource
//   jaeger-proto        a PostSpansRequest has one process for all of its spans, or one in each span:
//                       a resource with many spans gets a request of its own, the rest share one
//
// What would be more than a collector takes at once is halved until it is not.
//
// Not here: the formats (wire/), who joins (span-joiner.ts), who sends (packet-intake.ts).

import { RowCopier } from "../model/copy-rows.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { writeOtlpProto } from "../wire/write-otlp-proto.ts";
import { writeSubmitBatches } from "../wire/write-jaeger-thrift.ts";
import { writePostSpans } from "../wire/write-jaeger-proto.ts";
import type { Parcel, ParcelFormat } from "./parcel.ts";

/** From here on a request costs less than the process again and again: some 400 bytes a span. */
const OWN_REQUEST_ROWS = 32;
/** Collectors take messages of 4 MiB, by default. */
const PAYLOAD_BYTES_MAX = 3.75 * 1024 * 1024;

/** A parcel, and how many of its spans came by which door. */
export interface SortedParcel {
  readonly parcel: Parcel;
  /** By index of the door. */
  readonly byDoor: readonly number[];
}

/** @param doorOf the index of the door that a row came by; `doors` of them there are. */
export function writeParcels(
  batch: SpanBatch,
  format: ParcelFormat,
  doorOf: Uint8Array,
  doors: number,
): readonly SortedParcel[] {
  return planRequests(batch, format)
    .flatMap((request) => writeRequest(batch, format, request))
    .map(({ rows, payload }) => ({
      parcel: { payload, spans: rows.length, services: countServices(batch, rows) },
      byDoor: countDoors(rows, doorOf, doors),
    }));
}

interface Request {
  readonly rows: readonly number[];
  /** Of all rows; -1: not one for all. */
  readonly resource: number;
}

function planRequests(batch: SpanBatch, format: ParcelFormat): readonly Request[] {
  const all = Array.from({ length: batch.rows }, (_, row) => row);
  if (format !== "jaeger-proto") return [{ rows: all, resource: -1 }];
  const byResource = new Map<number, number[]>();
  for (const row of all) {
    const resource = batch.resource[row]!;
    const rows = byResource.get(resource);
    if (rows === undefined) byResource.set(resource, [row]);
    else rows.push(row);
  }
  const requests: Request[] = [];
  const shared: number[] = [];
  for (const [resource, rows] of byResource) {
    if (rows.length >= OWN_REQUEST_ROWS || byResource.size === 1) requests.push({ rows, resource });
    else for (const row of rows) shared.push(row);
  }
  if (shared.length > 0) requests.push({ rows: shared, resource: -1 });
  return requests;
}

interface Written {
  readonly rows: readonly number[];
  readonly payload: Uint8Array;
}

function writeRequest(batch: SpanBatch, format: ParcelFormat, request: Request): Written[] {
  const { rows, resource } = request;
  const payload = writePayload(batch, format, request);
  if (payload.length <= PAYLOAD_BYTES_MAX || rows.length === 1) return [{ rows, payload }];
  const middle = rows.length >>> 1;
  return [rows.slice(0, middle), rows.slice(middle)].flatMap((half) =>
    writeRequest(batch, format, { rows: half, resource }),
  );
}

function writePayload(
  batch: SpanBatch,
  format: ParcelFormat,
  { rows, resource }: Request,
): Uint8Array {
  if (format === "jaeger-proto") return writePostSpans(batch, rows, resource);
  const own = rows.length === batch.rows ? batch : copyRows(batch, rows);
  return format === "otlp-proto" ? writeOtlpProto([own]) : writeSubmitBatches(own);
}

function copyRows(batch: SpanBatch, rows: readonly number[]): SpanBatch {
  const own = new SpanBatch();
  const copier = new RowCopier(batch, own);
  for (const row of rows) copier.copyRow(row);
  return own;
}

function countServices(
  batch: SpanBatch,
  rows: readonly number[],
): readonly (readonly [service: string, spans: number])[] {
  const byResource = new Map<number, number>();
  for (const row of rows) {
    const resource = batch.resource[row]!;
    byResource.set(resource, (byResource.get(resource) ?? 0) + 1);
  }
  const byService = new Map<string, number>();
  for (const [resource, spans] of byResource) {
    const service = batch.dictionary.text(batch.serviceOf(resource));
    byService.set(service, (byService.get(service) ?? 0) + spans);
  }
  return [...byService];
}

function countDoors(rows: readonly number[], doorOf: Uint8Array, doors: number): number[] {
  const counts = Array.from({ length: doors }, () => 0);
  for (const row of rows) counts[doorOf[row]!]!++;
  return counts;
}
