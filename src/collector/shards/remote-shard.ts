// A shard in a thread, as the process sees it.
//
//   openRemoteShard ─▶ Worker ─(its log is read back)─▶ RemoteShard
//   receive ─▶ a slot of memory that both threads see ─▶ with others of this turn ─▶ thread
//
// What is in flight is bounded by who asks (intake.ts). A shard whose thread ends by itself is a bug.
// Not here: the thread (shard-worker.ts), what is asked (shard-messages.ts), several (open-shards.ts).

import { extname } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Part } from "../../store/part.ts";
import type { ReceivedFormat } from "../../store/received.ts";
import { RemoteParts } from "../../store/remote-part.ts";
import { serveBuilder } from "../../store/segment/port-builder.ts";
import type { WorkerBuilder } from "../../store/segment/worker-builder.ts";
import type { BackupFigures, StoreFigures } from "../../store/trace-store.ts";
import type { Reading } from "../reception.ts";
import { PayloadSlots } from "./payload-slots.ts";
import type {
  AskedShard,
  FromShard,
  ShardAnswer,
  ShardQuestion,
  ShardSetup,
  ToShard,
} from "./shard-messages.ts";
import type { Shard, ShardMetric } from "./shard.ts";

/** The thread's program: beside this file, with its extension. */
const ENTRY = `./shard-worker${extname(import.meta.url)}`;

/** A payload of so many bytes is not kept back for others: reading it takes longer than a message. */
const SENT_AT_ONCE_BYTES = 16 * 1024;

/** A block is written in some 200 ms: a shard that has no room is asked again after a part of that. */
const FULL_MS = 50;

/** New objects, in MB; payloads and spans are not among them. */
const YOUNG_GENERATION_MB = 8;

export interface RemoteShardOptions extends Omit<ShardSetup, "queries" | "building" | "readBytes"> {
  readonly clock: Clock;
  readonly log: Log;
  /** Writes its files, and others'; closed by the caller. */
  readonly builder: WorkerBuilder;
  /** Called if the thread ends by itself. */
  readonly onBug: (error: unknown) => void;
}

interface ThreadParts {
  readonly worker: Worker;
  readonly queries: RemoteParts<undefined>;
  readonly readBytes: Int32Array<SharedArrayBuffer>;
  readonly clock: Clock;
}

interface Pending {
  readonly resolve: (answer: ShardAnswer) => void;
  readonly reject: (error: SpoorError) => void;
}

/** @throws SpoorError what opening its store throws. */
export async function openRemoteShard(options: RemoteShardOptions): Promise<RemoteShard> {
  const { store, tags, clock, log, builder, onBug } = options;
  const { port1, port2 } = new MessageChannel();
  const building = new MessageChannel();
  serveBuilder(building.port1, builder, store.directory);
  const readBytes = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const workerData: ShardSetup = {
    store,
    tags,
    queries: port2,
    building: building.port2,
    readBytes,
  };
  const worker = new Worker(new URL(ENTRY, import.meta.url), {
    workerData,
    transferList: [port2, building.port2],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  });
  return new Promise((resolve, reject) => {
    let shard: RemoteShard | undefined;
    const end = (error: Error): void => {
      shard?.end();
      if (shard === undefined) reject(error);
      else if (!shard.isClosed) onBug(error);
    };
    worker.on("error", (error) => end(error instanceof Error ? error : new Error(String(error))));
    worker.on("exit", () => end(new SpoorError("unavailable", "a thread of the store has ended")));
    worker.on("message", (message: FromShard) => {
      if ("level" in message) {
        log[message.level](message.message, message.fields);
      } else if (shard === undefined && "metrics" in message) {
        shard = new RemoteShard(
          { worker, queries: new RemoteParts(port1), readBytes, clock },
          message,
        );
        resolve(shard);
      } else {
        shard?.take(message);
      }
    });
  });
}

export class RemoteShard implements Shard {
  readonly part: Part;
  figures: StoreFigures;
  metrics: readonly ShardMetric[];
  isClosed = false;
  readonly #parts: ThreadParts;
  readonly #slots = new PayloadSlots();
  readonly #open = new Map<number, Pending>();
  #nextNumber = 1;
  #sentBytes = 0;
  #refusedMs = -Infinity;
  /** Waits for the end of this turn. */
  #asked: AskedShard[] = [];

  /** Use `openRemoteShard`. */
  constructor(
    parts: ThreadParts,
    { figures, metrics }: { figures: StoreFigures; metrics: readonly ShardMetric[] },
  ) {
    this.#parts = parts;
    this.part = parts.queries.part(undefined);
    this.figures = figures;
    this.metrics = metrics;
  }

  /** It has just said that it cannot take anything: others may be able to. */
  get isFull(): boolean {
    return this.#parts.clock.monotonicMs() - this.#refusedMs < FULL_MS;
  }

  /** Of payloads that it was given and has not read yet; what only waits for the disk is not among them. */
  get unreadBytes(): number {
    return (this.#sentBytes - Atomics.load(this.#parts.readBytes, 0)) | 0;
  }

  /** As `Reception.take`; the payload is copied. */
  async receive(
    format: ReceivedFormat,
    payload: Uint8Array,
    onRead: (reading: Reading) => void,
  ): Promise<void> {
    const copy = this.#slots.take(payload);
    this.#sentBytes = (this.#sentBytes + copy.length) | 0;
    const isLarge = copy.length >= SENT_AT_ONCE_BYTES;
    const answer = await this.#ask({ ask: "take", format, payload: copy }, isLarge);
    this.#slots.give(copy);
    if (answer.reading !== undefined) onRead(answer.reading);
    const code = answer.failure?.code;
    if (code === "overloaded" || code === "unavailable") {
      this.#refusedMs = this.#parts.clock.monotonicMs();
    }
    throwFailure(answer);
  }

  async archive(id: Uint8Array): Promise<boolean> {
    const answer = await this.#ask({ ask: "archive", id });
    throwFailure(answer);
    return answer.isKnown === true;
  }

  async copyTo(to: string): Promise<BackupFigures> {
    const answer = await this.#ask({ ask: "copy", to });
    throwFailure(answer);
    assert(answer.copied !== undefined, "a shard tells what it has copied");
    return answer.copied;
  }

  async ready(): Promise<void> {
    throwFailure(await this.#ask({ ask: "ready" }));
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await this.#ask({ ask: "close" });
    this.#parts.queries.close();
  }

  /** Takes what the thread says. */
  take(message: Exclude<FromShard, { readonly level: unknown }>): void {
    this.figures = message.figures;
    if ("metrics" in message) {
      this.metrics = message.metrics;
      return;
    }
    for (const answer of message.answers) {
      const pending = this.#open.get(answer.number);
      assert(pending !== undefined, "a shard answers what it was asked");
      this.#open.delete(answer.number);
      pending.resolve(answer);
    }
  }

  /** The thread is gone. */
  end(): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    this.#parts.queries.close();
    const gone = new SpoorError("unavailable", "a thread of the store has ended");
    for (const { reject } of open) reject(gone);
  }

  /** @param isUrgent otherwise it goes with what else is asked in this turn. */
  #ask(question: ShardQuestion, isUrgent = true): Promise<ShardAnswer> {
    const number = this.#nextNumber++;
    return new Promise((resolve, reject) => {
      this.#open.set(number, { resolve, reject });
      this.#asked.push({ number, question });
      if (isUrgent) this.#send();
      else if (this.#asked.length === 1) setImmediate(() => this.#send());
    });
  }

  #send(): void {
    if (this.#asked.length === 0) return;
    const asked = this.#asked;
    this.#asked = [];
    this.#parts.worker.postMessage({ asked } satisfies ToShard, []);
  }
}

function throwFailure({ failure }: ShardAnswer): void {
  if (failure !== undefined) throw new SpoorError(failure.code, failure.message, failure.where);
}
