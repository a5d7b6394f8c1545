// Parcels on the disk while no collector takes them: a log that is read from its begin while it grows.
//
//   put ─▶ log ─ … ─▶ peek ─▶ (delivered) ─▶ shift ─▶ files behind it are cut
//                     │        └ how far, in `delivered`: written beside the log, without a sync
//                     ├▶ divide: several in our format, instead of one in another      (convert-parcel.ts)
//                     ├▶ postpone: behind all others
//                     └▶ keepAside, shift: out of the way                              (set-aside.ts)
//
// At least once: what was delivered after `delivered` was written last comes again after a crash. A power
// cut may lose `delivered` as a whole: then it is what has not been cut yet, FILE_BYTES_MAX or so.
// When the bound is reached, new parcels are refused: what was promised first stays, and who comes now can
// still be told.
//
// Source: docs/formats/spool.md. Trust: the bytes are a disk's; what does not read is stepped over.
// Not here: when it is filled and emptied (forwarder.ts, spool-drain.ts), locks, how a parcel is written
// (parcel-record.ts).

import { join } from "node:path";
import { assert } from "../base/assert.ts";
import { SpoorError } from "../base/errors.ts";
import type { DiskFiles } from "../store/disk/files.ts";
import type { LogWriter } from "../store/log/log-writer.ts";
import { openLog } from "../store/log/open-log.ts";
import type { LogFindings } from "../store/log/read-log.ts";
import { FILE_HEADER_BYTES, RECORD_HEADER_BYTES, readRecordAt } from "../store/log/record.ts";
import type { Parcel, ParcelFormat } from "./parcel.ts";
import {
  codeOfParcelFormat,
  parcelFormatOfCode,
  readParcelRecord,
  writeParcelRecord,
} from "./parcel-record.ts";
import { SetAside } from "./set-aside.ts";
import { openPosition, readPosition, writePosition } from "./spool-position.ts";

export interface SpoolOptions {
  /** Nobody else uses it. */
  readonly directory: string;
  readonly files: DiskFiles;
  /** Of the files of the log, with what is being written. */
  readonly bytesMax: number;
  /** "disk": `put` waits for the disk itself; "os": what is put survives the process, not the machine. */
  readonly durability: "disk" | "os";
  /** Of the parcels that are put. */
  readonly format: ParcelFormat;
}

/** Spans and parcels. */
export interface Amount {
  parcels: number;
  spans: number;
}

export interface SpooledParcel extends Parcel {
  readonly sequence: number;
  readonly format: ParcelFormat;
}

/** A file of the log is read in one piece, and is what may come again after a power cut. */
const FILE_BYTES_MAX = 1024 * 1024;
/** Small spools give way piece by piece too. */
const FILES_MIN = 8;

/** What of a file of the log was put into it, or found, and not yet taken out. */
interface FileAmount extends Amount {
  readonly firstSequence: number;
}

/** Bytes of one file from `offset` on, and where in them the next record begins. */
interface Reading {
  readonly firstSequence: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
  at: number;
}

export class Spool {
  /** What waits. */
  readonly waiting: Amount = { parcels: 0, spans: 0 };
  /** What was found at the start, of an earlier process. */
  readonly recovered: Amount = { parcels: 0, spans: 0 };
  /** What was put here and did not read. */
  readonly damaged: Amount = { parcels: 0, spans: 0 };
  /** Stretches of files that did not read at the start, and their bytes. */
  readonly damagedParts: number;
  readonly damagedBytes: number;
  readonly #options: SpoolOptions;
  readonly #log: LogWriter;
  /** By file, oldest first; the last one is where new parcels are counted. */
  readonly #amounts: FileAmount[] = [];
  #position: number;
  #positionHandle: number | undefined;
  #positionWrite: Promise<void> | undefined;
  #puttingBytes = 0;
  #head: SpooledParcel | undefined;
  /** What follows the head, if that is a part of a record. */
  readonly #rest: SpooledParcel[] = [];
  /** Whether a part of the head's record is in other hands. */
  #isBegun = false;
  readonly #setAside: SetAside;
  #reading: Reading | undefined;
  #isClosed = false;

  constructor(options: SpoolOptions, log: LogWriter, findings: LogFindings, position: number) {
    this.#options = options;
    this.#log = log;
    this.#position = position;
    this.#setAside = new SetAside(options.directory, options.files);
    this.damagedParts = findings.damagedParts;
    this.damagedBytes = findings.damagedBytes;
  }

  /** Bytes of the files. */
  bytes(): number {
    return this.#log.bytes();
  }

  /**
   * @returns when the parcel is on the disk.
   * @throws SpoorError `overloaded`: the spool is full; `unavailable`: the disk does not take it.
   */
  async put(parcel: Parcel): Promise<void> {
    const bytes = RECORD_HEADER_BYTES + parcel.payload.length;
    if (this.bytes() + this.#puttingBytes + bytes > this.#options.bytesMax) {
      const where = { bytes: this.bytes(), bytesMax: this.#options.bytesMax };
      throw new SpoorError("overloaded", "the spool is full", where);
    }
    await this.#append(parcel);
  }

  /** The oldest parcel that waits; the same one until `shift`. @throws SpoorError `unavailable`. */
  peek(): SpooledParcel | undefined {
    while (this.#head === undefined && this.waiting.parcels > 0) {
      const amount = this.#amounts[0];
      assert(amount !== undefined, "what waits is in a file");
      if (this.#reading?.firstSequence !== amount.firstSequence) this.#reading = undefined;
      this.#reading ??= this.#open(amount.firstSequence, FILE_HEADER_BYTES);
      if (this.#reading !== undefined) this.#head = this.#readNext(this.#reading);
      if (this.#head === undefined && !this.#readOn(amount)) return undefined;
    }
    return this.#head;
  }

  /** The parcel that `peek` gave is in other hands. */
  async shift(): Promise<void> {
    const head = this.#head;
    assert(head !== undefined, "what is shifted was peeked at");
    this.#discount({ parcels: 1, spans: head.spans });
    this.#head = this.#rest.shift();
    this.#isBegun = this.#head !== undefined;
    if (!this.#isBegun) await this.#endRecord(head.sequence);
  }

  /** Puts others, in our format, in the place of the parcel that `peek` gave. */
  async divide(parcels: readonly Parcel[]): Promise<void> {
    const head = this.#head;
    const amount = this.#amounts[0];
    assert(head !== undefined && amount !== undefined, "what is divided was peeked at");
    const { sequence } = head;
    const { format } = this.#options;
    const spans = parcels.reduce((sum, one) => sum + one.spans, 0);
    for (const one of [amount, this.waiting]) {
      one.parcels += parcels.length - 1;
      one.spans += spans - head.spans;
    }
    // Only an earlier process can have put what has to be divided.
    this.recovered.parcels += Math.max(0, parcels.length - 1);
    this.recovered.spans += Math.max(0, spans - head.spans);
    if (parcels.length === 0) this.damaged.parcels++;
    this.damaged.spans += Math.max(0, head.spans - spans);
    this.#rest.push(...parcels.map((parcel) => ({ ...parcel, sequence, format })));
    this.#head = this.#rest.shift();
    if (this.#head === undefined) await this.#endRecord(sequence);
  }

  /**
   * Puts the parcel that `peek` gave behind all others, whatever the bound says: its place becomes free.
   *
   * @returns its new number. @throws SpoorError `unavailable`; it is where it was.
   */
  async postpone(): Promise<number> {
    assert(this.#head !== undefined, "what is postponed was peeked at");
    const sequence = await this.#append(this.#head);
    await this.shift();
    return sequence;
  }

  /**
   * Keeps a copy of a parcel that `peek` gave, for people. It is still to be shifted.
   *
   * @returns false if there is no room for it. @throws SpoorError `unavailable`.
   */
  keepAside(parcel: SpooledParcel): Promise<boolean> {
    return this.#setAside.keep(parcel, parcel.format);
  }

  /** Writes what waits, and how far it was delivered. */
  async close(): Promise<void> {
    await this.#keepRest().catch(() => undefined); // Then the whole record comes again.
    this.#isClosed = true;
    await this.#setAside.close().catch(() => undefined);
    await this.#positionWrite;
    await this.#log.close();
    if (this.#positionHandle === undefined) return;
    const { files } = this.#options;
    await files.sync(this.#positionHandle).catch(() => undefined);
    await files.close(this.#positionHandle).catch(() => undefined);
    this.#positionHandle = undefined;
  }

  /** Counts what was found at the start, in the order of sequences. */
  recover(found: readonly { readonly sequence: number; readonly spans: number }[]): void {
    const files = this.#log.state();
    let at = 0;
    for (const { sequence, spans } of found) {
      while ((files[at + 1]?.firstSequence ?? Infinity) <= sequence) at++;
      this.recovered.parcels++;
      this.recovered.spans += spans;
      this.#count(this.#amountOf(files[at]?.firstSequence ?? 0), spans);
    }
  }

  /** @returns its number. @throws SpoorError `unavailable`. */
  async #append(parcel: Parcel): Promise<number> {
    const record = writeParcelRecord(parcel);
    this.#puttingBytes += record.length;
    const done = this.#log.append(codeOfParcelFormat(this.#options.format), record);
    const sequence = this.#log.lastSequence;
    try {
      await done;
    } finally {
      this.#puttingBytes -= record.length;
    }
    this.#count(this.#fileOf(sequence), parcel.spans);
    return sequence;
  }

  /** What is left of a record of which a part was delivered becomes records of its own. */
  async #keepRest(): Promise<void> {
    while (this.#isBegun) await this.postpone();
  }

  async #endRecord(sequence: number): Promise<void> {
    this.#position = sequence;
    this.#keepPosition();
    await this.#cut();
  }

  /** Removes the files in which everything was delivered. */
  async #cut(): Promise<void> {
    const first = this.#log.state()[0];
    if (first === undefined || first.firstSequence > this.#position) return;
    await this.#log.cut(this.#position + 1).catch(() => undefined); // with the next one
  }

  #fileOf(sequence: number): FileAmount {
    const file = this.#log.state().findLast((one) => one.firstSequence <= sequence);
    assert(file !== undefined, "what was written is in a file");
    return this.#amountOf(file.firstSequence);
  }

  #amountOf(firstSequence: number): FileAmount {
    const known = this.#amounts.at(-1);
    if (known?.firstSequence === firstSequence) return known;
    const older = this.#amounts.find((one) => one.firstSequence === firstSequence);
    if (older !== undefined) return older;
    const amount = { firstSequence, parcels: 0, spans: 0 };
    this.#amounts.push(amount);
    return amount;
  }

  #count(amount: FileAmount, spans: number): void {
    for (const one of [amount, this.waiting]) {
      one.parcels++;
      one.spans += spans;
    }
  }

  #discount({ parcels, spans }: Amount): void {
    const amount = this.#amounts[0];
    assert(amount !== undefined && amount.parcels >= parcels, "a parcel is taken out once");
    for (const one of [amount, this.waiting]) {
      one.parcels -= parcels;
      one.spans -= spans;
    }
  }

  /** @returns undefined if the file is not there any more. */
  #open(firstSequence: number, offset: number): Reading | undefined {
    const file = this.#log.state().find((one) => one.firstSequence === firstSequence);
    if (file === undefined) return undefined;
    const { directory, files } = this.#options;
    const source = files.openSource(join(directory, file.name));
    try {
      const end = Math.max(offset, Math.min(source.bytes, file.bytes));
      return { firstSequence, offset, bytes: source.read(offset, end - offset), at: 0 };
    } finally {
      source.close();
    }
  }

  #readNext(reading: Reading): SpooledParcel | undefined {
    const { bytes } = reading;
    while (reading.at < bytes.length) {
      const record = readRecordAt(bytes, reading.at);
      if (record === undefined) {
        reading.at++;
        continue;
      }
      const start = reading.at + RECORD_HEADER_BYTES;
      reading.at = start + record.payloadBytes;
      if (record.sequence <= this.#position) continue;
      const parcel = attempt(() => readParcelRecord(bytes.subarray(start, reading.at)));
      const format = parcelFormatOfCode(record.format);
      if (parcel === undefined || format === undefined) continue;
      return { ...parcel, sequence: record.sequence, format };
    }
    return undefined;
  }

  /**
   * After the last record of what was read: what the file has gained, or the next file.
   *
   * @returns false if there is neither.
   */
  #readOn(amount: FileAmount): boolean {
    const files = this.#log.state();
    const file = files.find((one) => one.firstSequence === amount.firstSequence);
    const reading = this.#reading;
    if (file !== undefined && reading !== undefined) {
      const end = reading.offset + reading.bytes.length;
      if (file.bytes > end) {
        this.#reading = this.#open(file.firstSequence, end);
        return this.#reading !== undefined && this.#reading.bytes.length > 0;
      }
    }
    // All that the file holds has been read: what is still counted as in it is not there.
    const { parcels, spans } = amount;
    this.damaged.parcels += parcels;
    this.damaged.spans += spans;
    this.#discount({ parcels, spans });
    if (file !== undefined && file === files.at(-1)) return false;
    this.#reading = undefined;
    this.#amounts.shift();
    return true;
  }

  #keepPosition(): void {
    if (this.#positionWrite !== undefined || this.#isClosed) return;
    this.#positionWrite = this.#writePosition()
      .catch(() => undefined) // More comes again after a crash; the log says what is wrong with the disk.
      .finally(() => (this.#positionWrite = undefined));
  }

  async #writePosition(): Promise<void> {
    const { files, directory } = this.#options;
    this.#positionHandle ??= await openPosition(files, directory);
    for (let written = -1; written !== this.#position;) {
      written = this.#position;
      await files.write(this.#positionHandle, [writePosition(written)], 0);
    }
  }
}

/**
 * Opens the spool of a directory that nobody else uses.
 *
 * @throws SpoorError `bad-input` if it holds parcels in a format of a later version; what the disk throws.
 */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { directory, files, bytesMax, durability } = options;
  await files.makeDirectory(directory);
  const position = await readPosition(files, directory);
  const found: { sequence: number; spans: number }[] = [];
  const fileBytesMax = Math.max(4096, Math.min(FILE_BYTES_MAX, Math.floor(bytesMax / FILES_MIN)));
  const { log, findings } = await openLog(
    { directory, files, durability, fileBytesMax, lastSequence: position },
    (code, payload, sequence) => {
      if (sequence <= position) return;
      if (parcelFormatOfCode(code) === undefined) {
        const message = `the spool ${directory} holds spans in format ${code}, which a later version wrote`;
        throw new SpoorError("bad-input", message);
      }
      const parcel = attempt(() => readParcelRecord(payload));
      if (parcel !== undefined) found.push({ sequence, spans: parcel.spans });
    },
  );
  const spool = new Spool(options, log, findings, position);
  spool.recover(found);
  await log.cut(found[0]?.sequence ?? log.lastSequence + 1);
  return spool;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SpoorError) return undefined;
    throw error;
  }
}
