// One record of the log: a payload as it was received, framed so that damage is found and stepped over.
//
//   file    = "SPOORLOG" version u32 | crc u32 | first sequence number u64          24 bytes
//             record*
//   record  = mark u32 | size u32 | crc u32 | format u16 | 0 u16 | sequence u64     24 bytes
//             payload of `size` bytes
//   crc     = CRC-32 (IEEE 802.3) of the header from `format` on, and of the payload;
//             of a file: of its header without the crc
//
// All numbers little-endian. Sequence numbers count records from 1 and never go back, so what an older
// use of a disk block left behind is told from what belongs there.
//
// Source: docs/formats/log.md, whose bytes a test reads. CRC-32 rather than CRC-32C: Node has the first
// in native code (7 GB/s here), and both find the same kinds of damage.
// Trust: the bytes are a disk's; nothing is believed before its crc.
// Not here: files (log-writer.ts, read-log.ts), what a payload means.

import { crc32 } from "node:zlib";
import { assert } from "../../base/assert.ts";

export const FILE_HEADER_BYTES = 24;
export const RECORD_HEADER_BYTES = 24;
/** "SPR1" as bytes: where a reader that lost its way looks for the next record. */
export const RECORD_MARK = 0x31525053;
const FILE_MAGIC = "SPOORLOG";
const FILE_VERSION = 1;
/** A record above this is damage: payloads are bounded far below by the doors. */
export const PAYLOAD_BYTES_MAX = 512 * 1024 * 1024;

export interface RecordHeader {
  readonly format: number;
  readonly sequence: number;
  readonly payloadBytes: number;
}

/** The header of a file whose first record will have number `firstSequence`. */
export function writeFileHeader(firstSequence: number): Uint8Array {
  const header = new Uint8Array(FILE_HEADER_BYTES);
  for (let i = 0; i < FILE_MAGIC.length; i++) header[i] = FILE_MAGIC.charCodeAt(i);
  const view = new DataView(header.buffer);
  view.setUint32(8, FILE_VERSION, true);
  writeSequence(view, 16, firstSequence);
  view.setUint32(12, crcOfFileHeader(header), true);
  return header;
}

/** @returns the file's first sequence number, or -1 if this is no header of ours. */
export function readFileHeader(bytes: Uint8Array): number {
  if (bytes.length < FILE_HEADER_BYTES) return -1;
  for (let i = 0; i < FILE_MAGIC.length; i++) {
    if (bytes[i] !== FILE_MAGIC.charCodeAt(i)) return -1;
  }
  const view = viewOf(bytes);
  if (view.getUint32(8, true) !== FILE_VERSION) return -1;
  if (view.getUint32(12, true) !== crcOfFileHeader(bytes)) return -1;
  return readSequence(view, 16);
}

/** The header of a record; the payload follows it on the disk. Cost: the crc of the payload. */
export function writeRecordHeader(
  format: number,
  sequence: number,
  payload: Uint8Array,
): Uint8Array {
  assert(payload.length <= PAYLOAD_BYTES_MAX, "a payload is bounded by its door");
  const header = new Uint8Array(RECORD_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, RECORD_MARK, true);
  view.setUint32(4, payload.length, true);
  view.setUint16(12, format, true);
  writeSequence(view, 16, sequence);
  view.setUint32(8, crcOf(header, payload), true);
  return header;
}

/**
 * Reads the header of the record at `at`.
 *
 * @returns undefined if no whole and undamaged record begins there.
 */
export function readRecordAt(bytes: Uint8Array, at: number): RecordHeader | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(at, true) !== RECORD_MARK) return undefined;
  const payloadBytes = view.getUint32(at + 4, true);
  const start = at + RECORD_HEADER_BYTES;
  if (payloadBytes > PAYLOAD_BYTES_MAX || start + payloadBytes > bytes.length) return undefined;
  const header = bytes.subarray(at, start);
  const payload = bytes.subarray(start, start + payloadBytes);
  if (crcOf(header, payload) !== view.getUint32(at + 8, true)) return undefined;
  return {
    format: view.getUint16(at + 12, true),
    sequence: readSequence(view, at + 16),
    payloadBytes,
  };
}

function crcOfFileHeader(header: Uint8Array): number {
  return crc32(header.subarray(16, FILE_HEADER_BYTES), crc32(header.subarray(0, 12)));
}

function crcOf(header: Uint8Array, payload: Uint8Array): number {
  return crc32(payload, crc32(header.subarray(12)));
}

function writeSequence(view: DataView, at: number, sequence: number): void {
  view.setUint32(at, sequence >>> 0, true);
  view.setUint32(at + 4, Math.floor(sequence / 0x1_0000_0000), true);
}

function readSequence(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
