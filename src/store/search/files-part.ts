// What is in files, as a part of a store: blocks below a boundary, asked one page at a time.
//
//   change(+ files, - names) ─▶ BlockSet ─▶ below(boundary): Part ─ view ─▶ search-files.ts, read-files.ts, …
//
// Every question sees the files that were there when it began, works in slices and ends when its caller has
// gone (pause.ts). Here files are asked in process: for tests and tools, and inside the worker that asks
// them for a server (files-worker.ts).
//
// A damaged block is left out where it is damaged (block-set.ts). Limits: bytes of decoded pages.

import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type {
  KeyQuery,
  Operation,
  SeriesQuery,
  TimeRange,
  TraceQuery,
  ValueQuery,
} from "../../model/trace-query.ts";
import { PageCache } from "../block/page-cache.ts";
import { PageMemory } from "../block/page-memory.ts";
import { refuseCancelled } from "../cancelled.ts";
import type { DiskFiles } from "../disk/files.ts";
import { makePause, type Pause } from "../head/pause.ts";
import type { Calls, Hits, Part, SpanNames, SpanServices } from "../part.ts";
import type { SeriesLine } from "../series-counter.ts";
import { type BlockFile, BlockSet, type BlockView, type DamageFigures } from "./block-set.ts";
import { countCalls } from "./call-files.ts";
import { FileNames } from "./name-files.ts";
import { readTrace } from "./read-files.ts";
import { searchBlocks } from "./search-files.ts";
import { openSegment } from "../file/segment-file.ts";
import type { SegmentFigures } from "../file/segment-layout.ts";
import { countSeries } from "./series-files.ts";
import { findSpanServices } from "./span-services.ts";
import { TraceFilters } from "./trace-filters.ts";

/** The segment files of a store, wherever they are asked. */
export interface Files {
  /**
   * Takes files in and out, at once: no question sees half of it.
   *
   * @returns resolves when files that were added are open, and questions that begin now leave those alone
   *   that were taken out: their names may be removed then. Never rejects.
   */
  change(add: readonly SegmentFigures[], remove: readonly string[]): Promise<void>;

  /** The blocks with a lower id than `boundary`. */
  below(boundary: number): Part;

  figures(): DamageFigures;

  close(): Promise<void>;
}

export interface FilesOptions {
  /** The folder of the segment files. */
  readonly directory: string;
  readonly disk: DiskFiles;
  readonly clock: Clock;
  readonly log: Log;
  /** Bound of what decoded pages hold; left out: CACHE_BYTES. */
  readonly cacheBytes?: number | undefined;
  /** What decoded pages lie in; left out: some of its own. */
  readonly memory?: PageMemory | undefined;
}

/** Of all threads together: some ten blocks as they are decoded. */
export const CACHE_BYTES: number = 48 * 1024 * 1024;

/** Files that are asked in process. */
export function openInlineFiles(options: FilesOptions): InlineFiles {
  return new InlineFiles(options);
}

export class InlineFiles implements Files {
  readonly #options: FilesOptions;
  readonly #cache: PageCache;
  readonly #set: BlockSet;
  readonly #names = new FileNames();

  constructor(options: FilesOptions) {
    this.#options = options;
    const { cacheBytes = CACHE_BYTES, memory = new PageMemory() } = options;
    this.#cache = new PageCache(cacheBytes, memory);
    this.#set = new BlockSet(options.log, new TraceFilters(options.clock));
  }

  change(add: readonly SegmentFigures[], remove: readonly string[]): Promise<void> {
    const opened: BlockFile[] = [];
    for (const { name } of add) {
      try {
        const { directory, disk } = this.#options;
        opened.push(openSegment(disk.openSource(`${directory}/${name}`), this.#cache));
      } catch (error) {
        this.#set.reportFile(name, error);
      }
    }
    this.#set.change(opened, remove);
    this.#names.retain(new Set(this.#set.ids()));
    return Promise.resolve();
  }

  below(boundary: number): Part {
    const { clock } = this.#options;
    return new FilesPart(this.#set, this.#cache, this.#names, clock, boundary);
  }

  figures(): DamageFigures {
    return this.#set.figures();
  }

  close(): Promise<void> {
    this.#set.close();
    return Promise.resolve();
  }
}

class FilesPart implements Part {
  readonly #set: BlockSet;
  readonly #cache: PageCache;
  readonly #names: FileNames;
  readonly #clock: Clock;
  readonly #boundary: number;

  constructor(set: BlockSet, cache: PageCache, names: FileNames, clock: Clock, boundary: number) {
    this.#set = set;
    this.#cache = cache;
    this.#names = names;
    this.#clock = clock;
    this.#boundary = boundary;
  }

  search(query: TraceQuery, signal: AbortSignal, only?: readonly Uint8Array[]): Promise<Hits> {
    return this.#read(signal, (view, pause) => searchBlocks(view, query, pause, only));
  }

  readTraces(
    ids: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<readonly (SpanBatch | undefined)[]> {
    return this.#read(signal, async (view, pause) => {
      const traces: (SpanBatch | undefined)[] = [];
      for (const id of ids) {
        traces.push(await readTrace(view, id, pause));
        await pause();
      }
      return traces;
    });
  }

  services(signal: AbortSignal): Promise<readonly string[]> {
    return this.#read(signal, (view, pause) => this.#names.services(view, pause));
  }

  operations(
    service: string | undefined,
    kind: number | undefined,
    signal: AbortSignal,
  ): Promise<readonly Operation[]> {
    return this.#read(signal, (view, pause) => this.#names.operations(view, service, kind, pause));
  }

  calls(range: TimeRange, signal: AbortSignal): Promise<Calls> {
    return this.#read(signal, (view, pause) => countCalls(view, range, pause));
  }

  spanServices(spans: SpanNames, signal: AbortSignal): Promise<SpanServices> {
    return this.#read(signal, (view, pause) => findSpanServices(view, spans, pause));
  }

  series(query: SeriesQuery, signal: AbortSignal): Promise<readonly SeriesLine[]> {
    return this.#read(signal, (view, pause) => countSeries(view, query, pause));
  }

  attributeKeys(query: KeyQuery, signal: AbortSignal): Promise<readonly string[]> {
    return this.#read(signal, (view, pause) => this.#names.keys(view, query, pause));
  }

  attributeValues(query: ValueQuery, signal: AbortSignal): Promise<readonly string[]> {
    return this.#read(signal, (view, pause) => this.#names.values(view, query, pause));
  }

  async #read<Answer>(
    signal: AbortSignal,
    body: (view: BlockView, pause: Pause) => Promise<Answer>,
  ): Promise<Answer> {
    refuseCancelled(signal);
    this.#cache.beginQuestion();
    const view = this.#set.view(this.#boundary);
    try {
      return await body(view, makePause(this.#clock, signal));
    } finally {
      view.release();
      this.#cache.endQuestion();
    }
  }
}
