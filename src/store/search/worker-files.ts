// Segment files that are asked in threads of their own, so that no question holds up what comes in.
//
//   change ─▶ every thread ─▶ done: names may be removed
//   question ─▶ the thread with the fewest ─▶ files-worker.ts ─▶ answer
//   a thread dies ─▶ its questions are asked once more ─▶ dies again: unavailable
//
// Threads start with the first file, and again when they are needed. A question is sent when its thread has
// taken every change that came before it: what has left the head by then is in files there.
// Each thread has its share of the page cache.
//
// Trust: the threads' messages are our own.

import { extname } from "node:path";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { SpoorError } from "../../base/errors.ts";
import type { Log, LogFields } from "../../base/log.ts";
import type { Part } from "../part.ts";
import { RemoteParts } from "../remote-part.ts";
import type { DamageFigures } from "./block-set.ts";
import { CACHE_BYTES, type Files, type FilesOptions, openInlineFiles } from "./files-part.ts";
import type { SegmentFigures } from "../file/segment-layout.ts";

/** What a thread is started with. */
export interface FilesStart {
  readonly directory: string;
  readonly cacheBytes: number;
  /** Questions come here. */
  readonly port: MessagePort;
}

export interface FilesChange {
  readonly number: number;
  readonly add: readonly SegmentFigures[];
  readonly remove: readonly string[];
}

/** What a thread says beside its answers. */
export type FilesNews =
  | { readonly changed: number }
  | {
      readonly level: keyof Log;
      readonly message: string;
      readonly fields: LogFields;
      readonly figures: DamageFigures;
    };

export interface WorkerFilesOptions extends FilesOptions {
  /** Threads; left out: 1. */
  readonly queryWorkers?: number | undefined;
  /** The file that a thread runs: for tests of its death. */
  readonly url?: URL | undefined;
}

/**
 * New objects of a thread, in MB. Pages are held outside of V8's heap, by small objects in it: with much room
 * for those, dead pages pile up before they are collected. 32 instead of 8 costs 70 MB and gains no time.
 * What a thread holds else is bounded by its page cache and by the traces that it is at.
 */
const YOUNG_GENERATION_MB = 8;
/** Objects that live on: lists of names, footers, answers; an answer that needs more ends the thread. */
const OLD_GENERATION_MB = 512;

/** Files that are asked in threads. `disk` of the options is not used: threads have the real one. */
export function openWorkerFiles(
  options: WorkerFilesOptions,
): Files & { readonly restarts: number } {
  return new WorkerFiles(options);
}

class WorkerFiles implements Files {
  /** Threads that ended and should not have. */
  restarts = 0;
  readonly #options: WorkerFilesOptions;
  readonly #present = new Map<string, SegmentFigures>();
  readonly #threads: (Thread | undefined)[];
  /** Answers while there are no files. */
  readonly #nothing: Files;
  #figures: DamageFigures = { damagedBlocks: 0, damagedFiles: 0 };
  #isClosed = false;

  constructor(options: WorkerFilesOptions) {
    this.#options = options;
    this.#threads = Array.from({ length: options.queryWorkers ?? 1 }, () => undefined);
    this.#nothing = openInlineFiles({ ...options, cacheBytes: 0 });
  }

  async change(add: readonly SegmentFigures[], remove: readonly string[]): Promise<void> {
    if (this.#isClosed) return;
    for (const name of remove) this.#present.delete(name);
    for (const figures of add) this.#present.set(figures.name, figures);
    for (const thread of this.#running()) thread.change(add, remove);
    // A thread that starts here begins with this change.
    if (this.#present.size > 0) for (const at of this.#threads.keys()) this.#thread(at);
    await Promise.all(this.#running().map((thread) => thread.changed()));
  }

  below(boundary: number): Part {
    if (this.#present.size === 0) return this.#nothing.below(boundary);
    const ask = <Answer>(
      signal: AbortSignal,
      question: (part: Part) => Promise<Answer>,
    ): Promise<Answer> => this.#ask(boundary, signal, question);
    return {
      search: (query, signal, only) => ask(signal, (part) => part.search(query, signal, only)),
      readTraces: (ids, signal) => ask(signal, (part) => part.readTraces(ids, signal)),
      services: (signal) => ask(signal, (part) => part.services(signal)),
      operations: (service, kind, signal) =>
        ask(signal, (part) => part.operations(service, kind, signal)),
      calls: (range, signal) => ask(signal, (part) => part.calls(range, signal)),
      spanServices: ({ traceIds, spanIds }, signal) =>
        ask(signal, (part) => {
          // A message takes what it is given with it, and there may be a second one.
          const spans = { traceIds: traceIds.slice(), spanIds: spanIds.slice() };
          return part.spanServices(spans, signal);
        }),
      series: (query, signal) => ask(signal, (part) => part.series(query, signal)),
      attributeKeys: (query, signal) => ask(signal, (part) => part.attributeKeys(query, signal)),
      attributeValues: (query, signal) =>
        ask(signal, (part) => part.attributeValues(query, signal)),
    };
  }

  figures(): DamageFigures {
    return this.#figures;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#running().map((thread) => thread.end()));
  }

  async #ask<Answer>(
    boundary: number,
    signal: AbortSignal,
    question: (part: Part) => Promise<Answer>,
  ): Promise<Answer> {
    if (this.#isClosed) throw new SpoorError("unavailable", "the store is closed");
    const first = this.#idlest();
    try {
      return await first.ask(boundary, question);
    } catch (error) {
      if (!first.isGone || this.#isClosed || signal.aborted) throw error;
    }
    return this.#idlest().ask(boundary, question);
  }

  #running(): Thread[] {
    return this.#threads.filter((thread) => thread !== undefined);
  }

  #idlest(): Thread {
    let idlest = this.#thread(0);
    for (const at of this.#threads.keys()) {
      const thread = this.#thread(at);
      if (thread.open < idlest.open) idlest = thread;
    }
    return idlest;
  }

  /** The thread in this place, started if there is none. */
  #thread(at: number): Thread {
    const known = this.#threads[at];
    if (known !== undefined && !known.isGone) return known;
    const { queryWorkers = 1, cacheBytes = CACHE_BYTES } = this.#options;
    const share = Math.floor(cacheBytes / queryWorkers);
    const thread = new Thread(this.#options, share, {
      news: (figures) => {
        const { damagedBlocks, damagedFiles } = this.#figures;
        this.#figures = {
          damagedBlocks: Math.max(damagedBlocks, figures.damagedBlocks),
          damagedFiles: Math.max(damagedFiles, figures.damagedFiles),
        };
      },
      lost: () => this.restarts++,
    });
    this.#threads[at] = thread;
    thread.change([...this.#present.values()], []);
    return thread;
  }
}

interface ThreadEvents {
  readonly news: (figures: DamageFigures) => void;
  /** The thread ended by itself. */
  readonly lost: () => void;
}

/** One thread, from its start to its end. */
class Thread {
  /** Nothing more can be asked of it. */
  isGone = false;
  readonly #log: Log;
  readonly #events: ThreadEvents;
  readonly #worker: Worker;
  readonly #parts: RemoteParts<number>;
  /** Changes that the thread has not taken yet. */
  readonly #changes = new Map<number, () => void>();
  #changing: Promise<unknown> = Promise.resolve();
  #nextChange = 1;
  #waiting = 0;
  #isEnding = false;

  constructor(options: WorkerFilesOptions, cacheBytes: number, events: ThreadEvents) {
    const {
      url = new URL(`./files-worker${extname(import.meta.url)}`, import.meta.url),
      directory,
    } = options;
    this.#log = options.log;
    this.#events = events;
    const { port1, port2 } = new MessageChannel();
    // Heard before the parts fail their questions, and before the worker's "exit".
    port1.on("close", () => this.#end());
    this.#parts = new RemoteParts(port1);
    this.#worker = new Worker(url, {
      workerData: { directory, cacheBytes, port: port2 },
      transferList: [port2],
      resourceLimits: {
        maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
        maxOldGenerationSizeMb: OLD_GENERATION_MB,
      },
    });
    this.#worker.on("message", (news: FilesNews) => this.#take(news));
    // "exit" follows, and is where the rest is done.
    this.#worker.on("error", (error) => {
      this.#log.error("the thread that answers queries has failed", { error: String(error) });
    });
    this.#worker.on("exit", () => this.#end());
  }

  /** Questions that wait or are worked on. */
  get open(): number {
    return this.#parts.open + this.#waiting;
  }

  change(add: readonly SegmentFigures[], remove: readonly string[]): void {
    if (this.isGone) return;
    const number = this.#nextChange++;
    const taken = Promise.withResolvers<void>();
    this.#changes.set(number, taken.resolve);
    // Keeps the process alive until it is taken; questions do the same by their port.
    this.#worker.ref();
    this.#changing = taken.promise;
    this.#worker.postMessage({ number, add, remove } satisfies FilesChange, []);
  }

  /** Resolves when the changes so far have been taken, or the thread is gone. */
  async changed(): Promise<void> {
    await this.#changing;
  }

  async ask<Answer>(boundary: number, question: (part: Part) => Promise<Answer>): Promise<Answer> {
    if (this.#changes.size > 0) {
      this.#waiting++;
      await this.#changing;
      this.#waiting--;
    }
    return question(this.#parts.part(boundary));
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    this.#end();
    await this.#worker.terminate();
  }

  #take(news: FilesNews): void {
    if ("changed" in news) {
      this.#changes.get(news.changed)?.();
      this.#changes.delete(news.changed);
      if (this.#changes.size === 0) this.#worker.unref();
      return;
    }
    this.#log[news.level](news.message, news.fields);
    this.#events.news(news.figures);
  }

  #end(): void {
    if (this.isGone) return;
    this.isGone = true;
    if (!this.#isEnding) this.#events.lost();
    this.#parts.close();
    for (const taken of this.#changes.values()) taken();
    this.#changes.clear();
  }
}
