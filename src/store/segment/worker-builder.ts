// A Builder in a thread of its own: requests by number, and what happens when the thread dies.
//
//   build ─ image, in a buffer ─▶ builder-worker.ts ─ result ─▶ resolve
//   the thread dies ─▶ a new one ─▶ what was asked for is asked once more ─▶ dies again: reject
//
// The thread starts with the first request. Several stores may share it (port-builder.ts): `ask` takes what
// is for another directory.
// Trust: the thread's answers are our own.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { SpoorError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { BlockImage } from "../block/block-image.ts";
import type { Builder } from "./builder.ts";
import { SPARE_BYTES_MAX, packImage } from "./pack-image.ts";
import type { LogPosition, SegmentFigures } from "../file/segment-layout.ts";

/** What a builder is asked for, whichever thread it is in. */
export type BuilderTask =
  | {
      readonly kind: "build";
      readonly image: BlockImage;
      /** The image's arrays lie in a buffer that threads share, and stay as they are until the answer. */
      readonly isPacked?: boolean;
      readonly id: number;
      readonly arrivedMs: number;
      readonly log: LogPosition;
    }
  | { readonly kind: "merge"; readonly sources: readonly SegmentFigures[] }
  | { readonly kind: "archive"; readonly name: string; readonly images: readonly BlockImage[] };

/** Figures of a file; bytes of an archived trace; undefined: no row was left to write. */
export type BuilderResult = SegmentFigures | number | undefined;

export type BuilderRequest = BuilderTask & { readonly number: number; readonly directory: string };

export interface BuilderAnswer {
  readonly number: number;
  readonly result?: BuilderResult;
  readonly failure?: { readonly code: string; readonly message: string };
}

interface Asked {
  readonly request: BuilderRequest;
  readonly resolve: (result: BuilderResult) => void;
  readonly reject: (error: SpoorError) => void;
  /** A thread has died of it, or beside it. */
  wasLost: boolean;
  /** Has the image while the thread is at it. */
  buffer: SharedArrayBuffer | undefined;
}

export interface WorkerBuilderOptions {
  readonly directory: string;
  readonly log: Log;
  /** The file that the thread runs; for tests of its death. */
  readonly url?: URL;
}

/** What is under way at the end may take so long: a merge of the largest file on a slow disk is cut off. */
export const CLOSE_MS_MAX: number = 5_000;

/** A block has some 20 MB; what the codec makes of one on the way stays below this, in MB. */
const YOUNG_GENERATION_MB = 8;

export class WorkerBuilder implements Builder {
  restarts = 0;
  readonly #options: WorkerBuilderOptions;
  readonly #asked = new Map<number, Asked>();
  #worker: Worker | undefined;
  #nextNumber = 1;
  /** Brought a block to the thread, for the next one. */
  #spare: SharedArrayBuffer | undefined;
  #isClosed = false;
  #onIdle: (() => void) | undefined;

  constructor(options: WorkerBuilderOptions) {
    this.#options = options;
  }

  build(
    image: BlockImage,
    id: number,
    arrivedMs: number,
    log: LogPosition,
  ): Promise<SegmentFigures | undefined> {
    return this.#ask<SegmentFigures | undefined>({ kind: "build", image, id, arrivedMs, log });
  }

  merge(sources: readonly SegmentFigures[]): Promise<SegmentFigures> {
    return this.#ask<SegmentFigures>({ kind: "merge", sources });
  }

  archive(name: string, images: readonly BlockImage[]): Promise<number> {
    return this.#ask<number>({ kind: "archive", name, images });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#asked.size > 0) {
      const ended = Promise.withResolvers<void>();
      this.#onIdle = ended.resolve;
      const timer = setTimeout(ended.resolve, CLOSE_MS_MAX);
      await ended.promise;
      clearTimeout(timer);
    }
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
    for (const asked of this.#asked.values()) asked.reject(closed());
    this.#asked.clear();
  }

  /** The worker answers each kind of request with the result that the Builder's method of it has. */
  async #ask<T extends BuilderResult>(task: BuilderTask): Promise<T> {
    return (await this.ask(task, this.#options.directory)) as T;
  }

  /** Does what the method of Builder does that the task names, in any data directory. */
  ask(task: BuilderTask, directory: string): Promise<BuilderResult> {
    if (this.#isClosed) return Promise.reject(closed());
    const number = this.#nextNumber++;
    return new Promise((resolve, reject) => {
      const asked: Asked = {
        request: { ...task, number, directory },
        resolve,
        reject,
        wasLost: false,
        buffer: undefined,
      };
      this.#asked.set(number, asked);
      this.#post(asked);
    });
  }

  #post(asked: Asked): void {
    this.#worker ??= this.#start();
    const { request } = asked;
    if (request.kind !== "build" || request.isPacked === true) {
      this.#worker.postMessage(request, []);
      return;
    }
    const { image, buffer } = packImage(request.image, this.#spare);
    this.#spare = undefined;
    asked.buffer = buffer;
    this.#worker.postMessage({ ...request, image }, []);
  }

  /** The thread is not at it any more. */
  #giveBack(asked: Asked): void {
    const { buffer } = asked;
    asked.buffer = undefined;
    if (buffer !== undefined && buffer.byteLength <= SPARE_BYTES_MAX) this.#spare = buffer;
  }

  #start(): Worker {
    const { url = new URL(`./builder-worker${extname(import.meta.url)}`, import.meta.url) } =
      this.#options;
    const worker = new Worker(url, {
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    worker.on("message", (answer: BuilderAnswer) => this.#take(answer));
    // "exit" follows, and is where the rest is done.
    worker.on("error", (error) => {
      this.#options.log.error("the thread that writes files has failed", { error: String(error) });
    });
    worker.on("exit", () => this.#lose(worker));
    worker.unref();
    return worker;
  }

  #take({ number, result, failure }: BuilderAnswer): void {
    const asked = this.#asked.get(number);
    if (asked === undefined) return;
    this.#giveBack(asked);
    this.#asked.delete(number);
    if (failure === undefined) {
      asked.resolve(result);
    } else {
      const where = failure.code === "" ? {} : { cause: failure.code };
      asked.reject(new SpoorError("unavailable", failure.message, where));
    }
    if (this.#asked.size === 0) this.#onIdle?.();
  }

  /** The thread is gone: what it was asked for is asked once more. */
  #lose(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.restarts++;
    for (const [number, asked] of this.#asked) {
      this.#giveBack(asked);
      if (asked.wasLost) {
        this.#asked.delete(number);
        asked.reject(new SpoorError("unavailable", "the thread that writes files has ended"));
      } else {
        asked.wasLost = true;
        this.#post(asked);
      }
    }
    if (this.#asked.size === 0) this.#onIdle?.();
  }
}

/** What is asked for after the end. */
export function closed(): SpoorError {
  return new SpoorError("unavailable", "the builder is closed");
}
