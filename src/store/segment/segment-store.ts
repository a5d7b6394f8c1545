// The embedded engine: a log that makes spans durable, a head that finds them at once, files that keep them.
//
//   write ─▶ room? ─▶ log.append ─(written and synced with its group)─▶ settled ─▶ acknowledged
//               └───▶ head.append ─▶ full block ─▶ BuildQueue ─▶ file ─▶ Keeper: merged, dropped
//   question ─▶ { files below the head's oldest block, head } of this moment ─▶ joined
//   start ─▶ lock ─▶ openDirectory
//
// A span is searchable as soon as it is in the head, a moment before it is acknowledged. If the log fails,
// the sender is told so, and its spans leave the head again.
//
// Nothing makes room for what comes: when the head is full because files cannot be written fast enough, or
// the disk is nearly full, the sender is told to come again.
//
// Limits: bytes of the head, free bytes of the disk; retention's (settings.ts).
// Not here: records (store/log), spans in memory (store/head), what a payload means (a function).

import { join } from "node:path";
import { SpoorError } from "../../base/errors.ts";
import type { MetricsRegistry } from "../../base/metrics.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type {
  Dependency,
  KeyQuery,
  Operation,
  Series,
  SeriesQuery,
  TimeRange,
  TraceQuery,
  ValueQuery,
} from "../../model/trace-query.ts";
import type { DiskFiles } from "../disk/files.ts";
import { HeadPart } from "../head/head-part.ts";
import type { Head } from "../head/head.ts";
import { JoinedPart } from "../join-parts.ts";
import type { LogWriter } from "../log/log-writer.ts";
import { PartQueries } from "../part-queries.ts";
import type { Hits, Part } from "../part.ts";
import { type Received, codeOfFormat } from "../received.ts";
import type { Capabilities, StoreFigures, TraceStore } from "../trace-store.ts";
import { Archive } from "./archive.ts";
import { Backoff } from "./backoff.ts";
import { type BackupFigures, backupFolder, makeBackup } from "./backup.ts";
import { BuildQueue } from "./build-queue.ts";
import { type Builder, InlineBuilder } from "./builder.ts";
import { type DirectoryLock, lockDirectory } from "./directory-lock.ts";
import { type Files, openInlineFiles } from "../search/files-part.ts";
import { FreeBytes } from "./free-bytes.ts";
import { Keeper } from "./keeper.ts";
import { letGoEarly } from "./let-go-early.ts";
import { ManifestWriter } from "./manifest-writer.ts";
import { type OpenedDirectory, openDirectory, sealOver } from "./open-directory.ts";
import { PushBack } from "./push-back.ts";
import { SEGMENT_FOLDER, type SegmentFigures } from "../file/segment-layout.ts";
import {
  type SegmentOptions,
  blockBytesMax,
  mergeBounds,
  retentionBounds,
} from "./segment-options.ts";
import { StoreCounts, segmentMetrics } from "./store-counts.ts";
import { WorkerBuilder } from "./worker-builder.ts";
import { openWorkerFiles } from "../search/worker-files.ts";

const TEND_MS = 1_000;
/** Longer than the pauses of senders that batch. */
const REST_AFTER_MS = 10_000;
/** Smaller blocks would stay small for good: merging copies blocks as they are. */
const REST_ROWS_MIN = 4_096;
/** Three times what usual spans of a block have: a start reads all of it again, at 100 MB/s or more. */
const OPEN_BLOCK_LOG_BYTES_MAX = 96 * 1024 * 1024;

export type { SegmentOptions } from "./segment-options.ts";

interface StoreParts {
  readonly options: SegmentOptions;
  readonly lock: DirectoryLock;
  readonly opened: OpenedDirectory;
  readonly files: Files;
  readonly builder: Builder;
}

export class SegmentStore implements TraceStore {
  readonly capabilities: Capabilities = {
    searchWithoutService: true,
    archive: true,
    series: true,
  };
  readonly #options: SegmentOptions;
  readonly #lock: DirectoryLock;
  readonly #head: Head;
  readonly #records: LogWriter;
  readonly #files: Files;
  readonly #builder: Builder;
  readonly #manifest: ManifestWriter;
  readonly #queue: BuildQueue;
  readonly #keeper: Keeper;
  readonly #archive: Archive;
  readonly #queries: PartQueries;
  readonly #joined: JoinedPart;
  readonly #free: FreeBytes;
  readonly #counts = new StoreCounts();
  readonly #pushBack: PushBack;
  readonly #ending = new AbortController();
  readonly #recoveredSpans: number;
  readonly #lostRecords: number;
  #openBlock = 0;
  /** Payloads that ended in it. */
  #openBlockLogBytes = 0;
  #tending: NodeJS.Timeout | undefined;
  #writtenMs: number;
  #isResting = false;

  private constructor({ options, lock, opened, files, builder }: StoreParts) {
    const { directory, files: disk, clock, log, retryMs } = options;
    const { head, records, manifest } = opened;
    this.#options = options;
    this.#writtenMs = clock.monotonicMs();
    this.#lock = lock;
    this.#head = head;
    this.#records = records;
    this.#files = files;
    this.#builder = builder;
    this.#recoveredSpans = head.liveRows + sumOf(manifest.files, "rows");
    this.#lostRecords = opened.lostRecords;
    this.#counts.damagedBlocks = () => files.figures().damagedBlocks;
    this.#counts.lostFiles = opened.lostFiles;
    this.#counts.replayMs = opened.replayMs;
    this.#free = new FreeBytes(disk, directory, clock, log);
    const backoff = (): Backoff => new Backoff(this.#ending.signal, retryMs);
    this.#manifest = new ManifestWriter(
      { files: disk, directory, log, backoff: backoff() },
      manifest,
    );
    const shared = { builder, manifest: this.#manifest, files, log, counts: this.#counts };
    this.#queue = new BuildQueue(
      {
        ...shared,
        head,
        records,
        backoff: backoff(),
        nowMs: () => clock.monotonicMs(),
        onFiles: () => void this.#keeper.tend(),
      },
      records.lastSequence,
    );
    this.#keeper = new Keeper({
      ...shared,
      merging: mergeBounds(options),
      retention: retentionBounds(options),
      disk,
      directory: join(directory, SEGMENT_FOLDER),
      backoff: backoff(),
      nowMs: () => clock.nowUs() / 1e3,
      freeBytes: () => this.#free.read(),
      hasTime: () => this.#queue.waiting === 0,
    });
    this.#pushBack = new PushBack({
      head,
      queue: this.#queue,
      manifest: this.#manifest,
      free: this.#free,
      counts: this.#counts,
      clock,
      headBytesMax: options.headBytesMax,
      freeBytesMin: options.freeBytesMin,
    });
    this.#archive = new Archive({
      files: disk,
      directory,
      builder,
      clock,
      log,
      blockRowsMax: options.blockRowsMax,
    });
    this.#joined = new JoinedPart(() => {
      const opened = HeadPart.open(head, clock);
      const parts = [files.below(opened.boundary), letGoEarly(opened)];
      return { parts, done: () => opened.done() };
    });
    this.#queries = new PartQueries(this.#joined);
  }

  /**
   * Opens the directory, made if it is not there, and reads back what is not in files.
   *
   * @throws SpoorError `unavailable` if another process has it. Cost: about 3 µs a span in the log.
   */
  static async open(options: SegmentOptions): Promise<SegmentStore> {
    const { directory, files: disk, inline = false, log } = options;
    await makeDirectory(disk, directory);
    const lock = await (options.lock ?? lockDirectory)(directory);
    try {
      const opened = await openDirectory({ ...options, blockBytesMax: blockBytesMax(options) });
      const folder = join(directory, SEGMENT_FOLDER);
      const builder =
        options.builder ??
        (inline
          ? new InlineBuilder({ files: disk, directory, hashSeed: drawSeed })
          : new WorkerBuilder({ directory, log }));
      const { clock, cacheBytes, queryWorkers } = options;
      const asked = { directory: folder, disk, clock, log, cacheBytes, queryWorkers };
      const files = inline ? openInlineFiles(asked) : openWorkerFiles(asked);
      void files.change(opened.manifest.files, []);
      const store = new SegmentStore({ options, lock, opened, files, builder });
      await store.#begin(opened.isManifestNew);
      return store;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  async #begin(isManifestNew: boolean): Promise<void> {
    // Replaced as it is: what was lost is not looked for again.
    if (isManifestNew) void this.#manifest.change((before) => ({ ...before })).catch(() => {});
    this.#counts.archivedTraces = await this.#archive.count();
    if (this.#options.metrics !== undefined) this.#show(this.#options.metrics);
    this.#queue.pump();
    const { tendMs = TEND_MS } = this.#options;
    if (tendMs === 0) return;
    this.#tending = setInterval(() => void this.tend(), tendMs);
    this.#tending.unref();
  }

  /** What this store answers, to be joined with what others do; archived traces are not in it. */
  get part(): Part {
    return this.#joined;
  }

  write(batch: SpanBatch, received?: Received): Promise<void> {
    const { durability } = this.#options;
    if (received === undefined && durability !== "none") {
      return Promise.reject(new SpoorError("unsupported", "a batch without its payload"));
    }
    const refusal = this.#pushBack.refuse();
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#isResting = false;
    this.#writtenMs = this.#options.clock.monotonicMs();
    const done =
      received === undefined
        ? this.#records.skip()
        : this.#records.append(codeOfFormat(received.format), received.payload);
    const sequence = this.#records.lastSequence;
    this.#head.append(batch, sequence);
    this.#sealOpenBlock(received?.payload.length ?? 0);
    return done.then(
      () => {
        this.#pushBack.logWritten();
        this.#settle(sequence);
      },
      (error: unknown) => {
        this.#pushBack.logFailed(error);
        this.#head.retract(sequence);
        this.#settle(sequence);
        throw error;
      },
    );
  }

  /** Seals the open block if it has become large, in memory or in the log. */
  #sealOpenBlock(payloadBytes: number): void {
    sealOver(this.#head, blockBytesMax(this.#options));
    const { id } = this.#head.blocks.at(-1)!;
    if (id !== this.#openBlock) this.#openBlockLogBytes = 0;
    this.#openBlock = id;
    this.#openBlockLogBytes += payloadBytes;
    if (this.#openBlockLogBytes > OPEN_BLOCK_LOG_BYTES_MAX) this.#head.sealOpenBlock();
  }

  #settle(sequence: number): void {
    this.#head.settle(sequence);
    this.#queue.settle(sequence);
  }

  search(query: TraceQuery, signal: AbortSignal): Promise<Hits> {
    return this.#queries.search(query, signal);
  }

  findTraces(query: TraceQuery, signal: AbortSignal): Promise<SpanBatch[]> {
    return this.#queries.findTraces(query, signal);
  }

  findEach(query: TraceQuery, signal: AbortSignal): AsyncIterable<SpanBatch> {
    return this.#queries.findEach(query, signal);
  }

  readTraces(ids: readonly Uint8Array[], signal: AbortSignal): Promise<SpanBatch[]> {
    return this.#queries.readTraces(ids, signal, (id) => this.#archive.read(id, signal));
  }

  services(signal: AbortSignal): Promise<string[]> {
    return this.#queries.services(signal);
  }

  operations(
    service: string | undefined,
    kind: number | undefined,
    signal: AbortSignal,
  ): Promise<Operation[]> {
    return this.#queries.operations(service, kind, signal);
  }

  attributeKeys(query: KeyQuery, signal: AbortSignal): Promise<readonly string[]> {
    return this.#queries.attributeKeys(query, signal);
  }

  attributeValues(query: ValueQuery, signal: AbortSignal): Promise<readonly string[]> {
    return this.#queries.attributeValues(query, signal);
  }

  dependencies(range: TimeRange, signal: AbortSignal): Promise<Dependency[]> {
    return this.#queries.dependencies(range, signal);
  }

  series(query: SeriesQuery, signal: AbortSignal): Promise<Series[]> {
    return this.#queries.series(query, signal);
  }

  /** Resolves when the copy is on the disk; one that is there is replaced if the trace is still stored. */
  async archive(id: Uint8Array, signal: AbortSignal): Promise<boolean> {
    const [trace] = await this.#joined.readTraces([id], signal);
    if (trace === undefined) return this.#archive.has(id);
    const isNew = !this.#archive.has(id);
    await this.#archive.put(id, trace);
    if (isNew) this.#counts.archivedTraces++;
    return true;
  }

  /**
   * Makes the copy `backups/<name>` of all that is acknowledged when this is called, while others go on.
   * @throws SpoorError `bad-input` if the name is not one or is taken; what the disk throws.
   */
  async backup(name: string): Promise<BackupFigures> {
    return this.copyTo(backupFolder(this.#options.directory, name));
  }

  /** As `backup`, to a folder within one of copies. */
  copyTo(path: string): Promise<BackupFigures> {
    const { files, directory } = this.#options;
    return makeBackup(files, directory, path, () => ({
      manifest: this.#manifest.current,
      log: this.#records.state(),
    }));
  }

  ready(): Promise<void> {
    return this.#pushBack.check();
  }

  figures(): StoreFigures {
    const { files } = this.#manifest.current;
    const boundary = this.#head.blocks[0]!.id;
    // Blocks that are in both count once: their files are named a moment before the head lets them go.
    const own = files.filter(({ lastBlock }) => lastBlock < boundary);
    const head = this.#head.figures();
    const { droppedSpans, droppedTraces } = this.#counts;
    const all = (counts: Readonly<Record<string, number>>): number =>
      Object.values(counts).reduce((sum, count) => sum + count, 0);
    return {
      traces: sumOf(own, "traces") + head.traces,
      spans: sumOf(own, "rows") + head.spans,
      bytes: sumOf(files, "bytes") + this.#records.bytes() + head.bytes,
      evictedSpans: all(droppedSpans),
      evictedTraces: all(droppedTraces),
      recoveredSpans: this.#recoveredSpans,
      lostRecords: this.#lostRecords,
    };
  }

  /** Looks after files and disk now; resolves when nothing is to be done. */
  async tend(): Promise<void> {
    await this.#rest();
    this.#queue.pump();
    await this.#keeper.tend();
  }

  /**
   * When nothing has come for a while: what is in memory goes to a file, if it is worth one, and the log
   * becomes short. A start is quick then, and the disk holds little but files.
   */
  async #rest(): Promise<void> {
    const { clock, log } = this.#options;
    if (this.#isResting || clock.monotonicMs() - this.#writtenMs < REST_AFTER_MS) return;
    this.#isResting = true;
    try {
      await this.#records.rest();
    } catch (error) {
      log.warn("the log could not be completed", { error: String(error) });
    }
    // Something may have come meanwhile.
    if (!this.#isResting || this.#head.blocks.at(-1)!.rows < REST_ROWS_MIN) return;
    this.#head.sealOpenBlock();
  }

  /** Waits until every full block is in a file and nothing is to be merged: for tests and tools. */
  async idle(): Promise<void> {
    await this.#queue.drain();
    await this.#keeper.tend();
  }

  /** Writes what waits; the directory is free for another process then. */
  async close(): Promise<void> {
    clearInterval(this.#tending);
    await this.#records.close();
    if (this.#options.durability === "none") await this.#buildAll();
    this.#ending.abort();
    const keeper = this.#keeper.close();
    const queue = this.#queue.close();
    await this.#builder.close();
    await queue;
    await this.#manifest.close();
    await keeper;
    await this.#files.close();
    this.#lock.release();
  }

  /** Without a log, what is not in a file at the end is gone. */
  async #buildAll(): Promise<void> {
    this.#head.sealOpenBlock();
    try {
      await this.#queue.drain();
    } catch (error) {
      const { log } = this.#options;
      log.error("spans that were not in a file are lost", {
        spans: this.#head.liveRows,
        error: String(error),
      });
    }
  }

  #show(registry: MetricsRegistry): void {
    this.#counts.show(registry);
    const metrics = registry.register(segmentMetrics);
    metrics.spans.with().readFrom(() => this.figures().spans);
    metrics.headBytes.with().readFrom(() => this.#head.memoryBytes());
    metrics.fileBytes.with().readFrom(() => sumOf(this.#manifest.current.files, "bytes"));
    metrics.files.with().readFrom(() => this.#manifest.current.files.length);
    metrics.logBytes.with().readFrom(() => this.#records.bytes());
    metrics.freeBytes.with().readFrom(() => this.#free.recent());
    metrics.blocksWaiting.with().readFrom(() => this.#queue.waiting);
  }
}

async function makeDirectory(disk: DiskFiles, directory: string): Promise<void> {
  try {
    await disk.makeDirectory(directory);
  } catch (error) {
    const message = `the data directory ${directory} cannot be made`;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new SpoorError("unavailable", message, { cause: code }, error);
  }
}

function sumOf(files: readonly SegmentFigures[], key: "bytes" | "rows" | "traces"): number {
  return files.reduce((sum, file) => sum + file[key], 0);
}

function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
