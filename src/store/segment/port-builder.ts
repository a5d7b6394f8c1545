// A Builder whose thread belongs to another one: several stores, each in its thread, share a builder.
//
//   build ─ image, in a buffer ─▶ port ─▶ serveBuilder ─▶ WorkerBuilder.ask ─▶ port ─ result ─▶ resolve
//           (a shard's thread)           (the thread that has the builder)
//
// Not here: the death of the builder's thread (worker-builder.ts). Who has the port ends with the process.

import type { MessagePort } from "node:worker_threads";
import { SpoorError } from "../../base/errors.ts";
import type { BlockImage } from "../block/block-image.ts";
import type { LogPosition, SegmentFigures } from "../file/segment-layout.ts";
import type { Failure } from "../part-messages.ts";
import type { Builder } from "./builder.ts";
import { SPARE_BYTES_MAX, packImage } from "./pack-image.ts";
import {
  type BuilderResult,
  type BuilderTask,
  CLOSE_MS_MAX,
  type WorkerBuilder,
  closed,
} from "./worker-builder.ts";

interface AskedTask {
  readonly number: number;
  readonly task: BuilderTask;
}

interface TaskAnswer {
  readonly number: number;
  readonly result?: BuilderResult;
  readonly failure?: Failure;
}

interface Pending {
  readonly resolve: (result: BuilderResult) => void;
  readonly reject: (error: SpoorError) => void;
}

export class PortBuilder implements Builder {
  readonly #port: MessagePort;
  readonly #pending = new Map<number, Pending>();
  #nextNumber = 1;
  /** Brought a block, for the next one. */
  #spare: SharedArrayBuffer | undefined;
  #isClosed = false;
  #onIdle: (() => void) | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on("message", (answer: TaskAnswer) => this.#take(answer));
    port.unref();
  }

  async build(
    image: BlockImage,
    id: number,
    arrivedMs: number,
    log: LogPosition,
  ): Promise<SegmentFigures | undefined> {
    const packed = packImage(image, this.#spare);
    this.#spare = undefined;
    const task = {
      kind: "build",
      image: packed.image,
      isPacked: true,
      id,
      arrivedMs,
      log,
    } as const;
    try {
      return await this.#ask<SegmentFigures | undefined>(task);
    } finally {
      if (packed.buffer.byteLength <= SPARE_BYTES_MAX) this.#spare = packed.buffer;
    }
  }

  merge(sources: readonly SegmentFigures[]): Promise<SegmentFigures> {
    return this.#ask<SegmentFigures>({ kind: "merge", sources });
  }

  archive(name: string, images: readonly BlockImage[]): Promise<number> {
    return this.#ask<number>({ kind: "archive", name, images });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#pending.size > 0) {
      const ended = Promise.withResolvers<void>();
      this.#onIdle = ended.resolve;
      const timer = setTimeout(ended.resolve, CLOSE_MS_MAX);
      await ended.promise;
      clearTimeout(timer);
    }
    this.#port.close();
    for (const { reject } of this.#pending.values()) reject(closed());
    this.#pending.clear();
  }

  /** Each kind of task has the result that the Builder's method of it has. */
  #ask<T extends BuilderResult>(task: BuilderTask): Promise<T> {
    if (this.#isClosed) return Promise.reject(closed());
    const number = this.#nextNumber++;
    return new Promise((resolve, reject) => {
      this.#pending.set(number, { resolve: (result) => resolve(result as T), reject });
      this.#port.postMessage({ number, task } satisfies AskedTask, []);
    });
  }

  #take({ number, result, failure }: TaskAnswer): void {
    const pending = this.#pending.get(number);
    if (pending === undefined) return;
    this.#pending.delete(number);
    if (failure === undefined) pending.resolve(result);
    else pending.reject(new SpoorError(failure.code, failure.message, failure.where));
    if (this.#pending.size === 0) this.#onIdle?.();
  }
}

/** Has `builder` do what comes through the port, in a data directory of its own. */
export function serveBuilder(port: MessagePort, builder: WorkerBuilder, directory: string): void {
  const run = async ({ number, task }: AskedTask): Promise<TaskAnswer> => {
    try {
      return { number, result: await builder.ask(task, directory) };
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      const { code, message, where } = error;
      return { number, failure: { code, message, where } };
    }
  };
  port.on("message", (asked: AskedTask) => {
    void run(asked).then((answer) => port.postMessage(answer, []));
  });
}
