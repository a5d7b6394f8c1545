// A parcel as a record of the spool: what is known of it, then the payload.
//
//   version u8 (1) · 0 u8 · services u16 · spans u32
//   per service:  spans u32 · name bytes u16 · name (UTF-8)
//   payload to the end of the record
//
// All numbers little-endian. The format of the payload is the record's own (docs/formats/log.md).
//
// Source: docs/formats/spool.md, whose bytes a test reads.
// Trust: the record's crc was right, so the bytes are ours or another version's; lengths are checked.
// Not here: records (store/log).

import { assert } from "../base/assert.ts";
import { SpoorError } from "../base/errors.ts";
import type { Parcel, ParcelFormat } from "./parcel.ts";

const VERSION = 1;
const HEADER_BYTES = 8;
const SERVICE_BYTES = 6;
/** A parcel is joined from datagrams of a few processes; what is beyond is booked under "other". */
const SERVICES_MAX = 1_000;
/** As in the ledger: a name is a label, not a payload. */
const NAME_BYTES_MAX = 1_000;

// The numbers stand in spools on disk and are never used for anything else.
const CODES: Readonly<Record<ParcelFormat, number>> = {
  "otlp-proto": 1,
  "jaeger-proto": 3,
  "jaeger-thrift-list": 9,
};

/** The number of a payload's format in a record. */
export function codeOfParcelFormat(format: ParcelFormat): number {
  return CODES[format];
}

/** @returns undefined for a number of a later version. */
export function parcelFormatOfCode(code: number): ParcelFormat | undefined {
  const found = Object.entries(CODES).find(([, one]) => one === code);
  return found?.[0] as ParcelFormat | undefined;
}

/** The header and the payload in one piece. */
export function writeParcelRecord(parcel: Parcel): Uint8Array {
  const services = boundServices(parcel);
  const names = services.map(([name]) => Buffer.from(name).subarray(0, NAME_BYTES_MAX));
  const namesBytes = names.reduce((sum, name) => sum + SERVICE_BYTES + name.length, 0);
  const record = Buffer.allocUnsafe(HEADER_BYTES + namesBytes + parcel.payload.length);
  record[0] = VERSION;
  record[1] = 0;
  record.writeUInt16LE(services.length, 2);
  record.writeUInt32LE(parcel.spans, 4);
  let at = HEADER_BYTES;
  for (const [index, name] of names.entries()) {
    record.writeUInt32LE(services[index]?.[1] ?? 0, at);
    record.writeUInt16LE(name.length, at + 4);
    record.set(name, at + SERVICE_BYTES);
    at += SERVICE_BYTES + name.length;
  }
  record.set(parcel.payload, at);
  return record;
}

/** @returns a parcel whose payload is a part of `record`. @throws SpoorError `bad-input`. */
export function readParcelRecord(record: Uint8Array): Parcel {
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
  const need = (end: number): void => {
    if (end <= bytes.length) return;
    const where = { size: bytes.length, expected: end };
    throw new SpoorError("bad-input", "a parcel in the spool is cut short", where);
  };
  need(HEADER_BYTES);
  if (bytes[0] !== VERSION) {
    const where = { version: bytes[0] ?? 0, expected: VERSION };
    throw new SpoorError("bad-input", "a parcel in the spool has another version", where);
  }
  const count = bytes.readUInt16LE(2);
  const services: (readonly [string, number])[] = [];
  let at = HEADER_BYTES;
  for (let index = 0; index < count; index++) {
    need(at + SERVICE_BYTES);
    const spans = bytes.readUInt32LE(at);
    const end = at + SERVICE_BYTES + bytes.readUInt16LE(at + 4);
    need(end);
    services.push([bytes.toString("utf8", at + SERVICE_BYTES, end), spans]);
    at = end;
  }
  return { payload: record.subarray(at), spans: bytes.readUInt32LE(4), services };
}

function boundServices({ services, spans }: Parcel): Parcel["services"] {
  assert(spans <= 0xffff_ffff, "a parcel is bounded by who joins it");
  if (services.length <= SERVICES_MAX) return services;
  const kept = services.slice(0, SERVICES_MAX - 1);
  const rest = services.slice(SERVICES_MAX - 1).reduce((sum, [, count]) => sum + count, 0);
  return [...kept, ["other", rest]];
}
