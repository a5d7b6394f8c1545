// The embedded engine: a log on disk, and a head in memory in front of it.
//
//   write ─▶ log.append ─(written and synced with its group)─▶ acknowledged
//       └──▶ head.append ─▶ over a bound: evict the oldest traces ─▶ cut the log behind them
//   start ─▶ lock ─▶ log ─ every record ─▶ read again ─▶ head
//
// A span is searchable as soon as it is in the head, a moment before it is acknowledged. If the log fails,
// the sender is told so; its spans may then be found until the process ends, and twice if it sends again.
//
// Limits: bytes of the head, free bytes of the disk below which nothing is taken.
// Not here: records and files (store/log), spans in memory (store/head), what a payload means: that comes
// as a function.

import type { Clock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type {
  Dependency,
  Operation,
  Series,
  SeriesQuery,
  TimeRange,
  TraceQuery,
} from "../../model/trace-query.ts";
import { HeadQueries } from "../head/head-queries.ts";
import { Head } from "../head/head.ts";
import type { DiskFiles } from "../disk/files.ts";
import type { Durability, LogWriter } from "../log/log-writer.ts";
import { openLog } from "../log/open-log.ts";
import { type Received, type ReceivedFormat, codeOfFormat, formatOfCode } from "../received.ts";
import type { Capabilities, StoreFigures, TraceStore } from "../trace-store.ts";
import { type DirectoryLock, lockDirectory } from "./directory-lock.ts";

/** Reads a payload as its door did, sanitizer included. The batch is valid until the next call. */
export type ReadReceived = (format: ReceivedFormat, payload: Uint8Array) => SpanBatch;

export interface SegmentOptions {
  readonly directory: string;
  readonly durability: Durability;
  readonly logFileBytesMax: number;
  readonly headBytesMax: number;
  /** Below this much free disk nothing is taken. */
  readonly freeBytesMin: number;
  readonly files: DiskFiles;
  readonly clock: Clock;
  readonly log: Log;
  readonly read: ReadReceived;
  /** Rows of a block: small in tests of the seams. */
  readonly blockRowsMax?: number;
}

/** How old the knowledge of the disk's free bytes may be. */
const FREE_BYTES_AGE_MS = 1_000;

const NO_ARCHIVE = "archived traces are not kept by this store";

/** What a start brought back. */
interface Found {
  readonly head: Head;
  readonly log: LogWriter;
  readonly lostRecords: number;
}

export class SegmentStore implements TraceStore {
  readonly capabilities: Capabilities = {
    searchWithoutService: true,
    archive: false,
    series: true,
  };
  readonly #options: SegmentOptions;
  readonly #lock: DirectoryLock;
  readonly #head: Head;
  readonly #queries: HeadQueries;
  readonly #recoveredSpans: number;
  readonly #lostRecords: number;
  readonly #log: LogWriter;
  #freeBytes = Infinity;
  #freeBytesReadMs = -Infinity;
  #cutting: Promise<void> = Promise.resolve();
  #cutSequence = 0;

  private constructor(options: SegmentOptions, lock: DirectoryLock, found: Found) {
    const { head, log, lostRecords } = found;
    this.#options = options;
    this.#lock = lock;
    this.#lostRecords = lostRecords;
    this.#head = head;
    this.#queries = new HeadQueries(head, options.clock);
    this.#recoveredSpans = head.liveRows + head.evictedRows;
    this.#log = log;
  }

  /**
   * Opens the directory, made if it is not there, and reads back what it holds.
   *
   * @throws SpoorError `unavailable` if another process has it. Cost: about 3 µs a span in the log.
   */
  static async open(options: SegmentOptions): Promise<SegmentStore> {
    const { directory, files, durability, logFileBytesMax: fileBytesMax } = options;
    await files.makeDirectory(directory);
    const lock = await lockDirectory(directory);
    try {
      const head = new Head(options.blockRowsMax);
      const logOptions = { directory: `${directory}/log`, files, durability, fileBytesMax };
      let unreadable = 0;
      const replay = makeReplay(options, head, () => unreadable++);
      const { log, findings } = await openLog(logOptions, replay);
      const { records, tornBytes, damagedParts, damagedBytes } = findings;
      if (damagedParts > 0) {
        options.log.error("parts of the log are damaged; copies are in its folder aside", {
          damagedParts,
          damagedBytes,
        });
      }
      options.log.info("the log was read", { records, spans: head.liveRows, tornBytes });
      return new SegmentStore(options, lock, { head, log, lostRecords: damagedParts + unreadable });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  write(batch: SpanBatch, received?: Received): Promise<void> {
    if (received === undefined) {
      return Promise.reject(new SpoorError("unsupported", "a batch without its payload"));
    }
    this.#readFreeBytes();
    const { freeBytesMin } = this.#options;
    if (this.#freeBytes < freeBytesMin) {
      return Promise.reject(this.#diskIsFull());
    }
    const done = this.#log.append(codeOfFormat(received.format), received.payload);
    this.#head.append(batch, this.#log.lastSequence);
    this.#head.evict(0, this.#options.headBytesMax);
    this.#cutLog();
    return done;
  }

  findTraces(query: TraceQuery, signal: AbortSignal): Promise<SpanBatch[]> {
    return this.#queries.findTraces(query, signal);
  }

  findEach(query: TraceQuery, signal: AbortSignal): AsyncIterable<SpanBatch> {
    return this.#queries.findEach(query, signal);
  }

  readTraces(ids: readonly Uint8Array[], signal: AbortSignal): Promise<SpanBatch[]> {
    return this.#queries.readTraces(ids, signal);
  }

  services(): Promise<string[]> {
    return this.#queries.services();
  }

  operations(
    service: string | undefined,
    kind: number | undefined,
    signal: AbortSignal,
  ): Promise<Operation[]> {
    return this.#queries.operations(service, kind, signal);
  }

  dependencies(range: TimeRange, signal: AbortSignal): Promise<Dependency[]> {
    return this.#queries.dependencies(range, signal);
  }

  series(query: SeriesQuery, signal: AbortSignal): Promise<Series[]> {
    return this.#queries.series(query, signal);
  }

  archive(): Promise<boolean> {
    return Promise.reject(new SpoorError("unsupported", NO_ARCHIVE));
  }

  async ready(): Promise<void> {
    const { files, directory, freeBytesMin } = this.#options;
    this.#freeBytes = await files.freeBytes(directory);
    if (this.#freeBytes < freeBytesMin) throw this.#diskIsFull();
  }

  figures(): StoreFigures {
    const recovered = { recoveredSpans: this.#recoveredSpans, lostRecords: this.#lostRecords };
    return { ...this.#head.figures(), ...recovered };
  }

  /** Writes what waits; the directory is free for another process then. */
  async close(): Promise<void> {
    await this.#log.close();
    await this.#cutting;
    this.#lock.release();
  }

  #diskIsFull(): SpoorError {
    const where = { freeBytes: this.#freeBytes, neededBytes: this.#options.freeBytesMin };
    return new SpoorError("unavailable", "the disk of the data directory is nearly full", where);
  }

  /** Looks at the disk now and then, without waiting for the answer. */
  #readFreeBytes(): void {
    const { clock, files, directory, log } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#freeBytesReadMs < FREE_BYTES_AGE_MS) return;
    this.#freeBytesReadMs = nowMs;
    files.freeBytes(directory).then(
      (bytes) => {
        this.#freeBytes = bytes;
      },
      (error: unknown) => log.warn("cannot tell how full the disk is", { error: String(error) }),
    );
  }

  /** Removes the log's files behind the oldest block that is held. */
  #cutLog(): void {
    const sequence = this.#head.blocks[0]!.firstSequence;
    if (sequence <= this.#cutSequence) return;
    this.#cutSequence = sequence;
    const { log } = this.#options;
    this.#cutting = this.#cutting
      .then(() => this.#log.cut(sequence))
      .catch((error: unknown) => {
        // The files are behind what is held: they cost room, and go with a later cut or start.
        log.error("a file of the log could not be removed", { error: String(error) });
      });
  }
}

/** Reads the log's records into the head. */
function makeReplay(
  { read, log, headBytesMax }: SegmentOptions,
  head: Head,
  onLost: () => void,
): (code: number, payload: Uint8Array, sequence: number) => void {
  return (code, payload, sequence) => {
    const format = formatOfCode(code);
    let batch: SpanBatch;
    try {
      if (format === undefined) throw new SpoorError("bad-input", "a format of a later version");
      batch = read(format, payload);
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      // It was read once, before it was acknowledged: only another version can fail here.
      onLost();
      log.error("a record of the log cannot be read", { sequence, code, error: error.message });
      return;
    }
    head.append(batch, sequence);
    head.evict(0, headBytesMax);
  };
}
