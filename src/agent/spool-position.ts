// How far the spool was delivered: the file `delivered` beside its log.
//
//   "SPRD" · crc u32 of what follows · sequence as float64
//
// Source: docs/formats/spool.md. Trust: the bytes are a disk's; what does not read stands for 0.
// Not here: when it is written (spool.ts).

import { crc32 } from "node:zlib";
import { join } from "node:path";
import type { DiskFiles } from "../store/disk/files.ts";

const POSITION_NAME = "delivered";
const POSITION_BYTES = 16;
const POSITION_MARK = 0x44525053;

export function writePosition(sequence: number): Uint8Array {
  const bytes = Buffer.alloc(POSITION_BYTES);
  bytes.writeUInt32LE(POSITION_MARK, 0);
  bytes.writeDoubleLE(sequence, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/** @returns 0 if there is none, or none that reads: then all that is there comes again. */
export async function readPosition(files: DiskFiles, directory: string): Promise<number> {
  let bytes: Buffer;
  try {
    bytes = Buffer.from(await files.read(join(directory, POSITION_NAME)));
  } catch {
    return 0;
  }
  const isWhole =
    bytes.length === POSITION_BYTES &&
    bytes.readUInt32LE(0) === POSITION_MARK &&
    bytes.readUInt32LE(4) === crc32(bytes.subarray(8));
  const sequence = isWhole ? bytes.readDoubleLE(8) : 0;
  return Number.isSafeInteger(sequence) && sequence >= 0 ? sequence : 0;
}

/** @returns a handle to write it in place. @throws what the disk throws. */
export async function openPosition(files: DiskFiles, directory: string): Promise<number> {
  const path = join(directory, POSITION_NAME);
  try {
    return await files.open(path);
  } catch {
    return await files.create(path);
  }
}
