// A shard as the process sees it: a thread that takes payloads and answers queries.
//
//   openShard ─▶ Worker ─(its log is read back)─▶ Shard
//
// What is in flight is bounded by who asks (intake.ts). A shard whose thread ends by itself is a bug.
// Not here: the thread (shard-worker.ts), what is asked (shard-messages.ts), several (open-shards.ts).

import { extname } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import { SpoorError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Part } from "../../store/part.ts";
import type { ReceivedFormat } from "../../store/received.ts";
import { RemoteParts } from "../../store/remote-part.ts";
import type { BackupFigures, StoreFigures } from "../../store/trace-store.ts";
import type { Reading } from "../reception.ts";
import type {
  FromShard,
  ShardAnswer,
  ShardMetric,
  ShardQuestion,
  ShardSetup,
  ToShard,
} from "./shard-messages.ts";

/** The thread's program: beside this file, with its extension. */
const ENTRY = `./shard-worker${extname(import.meta.url)}`;

export interface ShardOptions extends Omit<ShardSetup, "queries"> {
  readonly log: Log;
  /** Called if the thread ends by itself. */
  readonly onBug: (error: unknown) => void;
}

interface Pending {
  readonly resolve: (answer: ShardAnswer) => void;
  readonly reject: (error: SpoorError) => void;
}

/** @throws SpoorError what opening its store throws. */
export async function openShard(options: ShardOptions): Promise<Shard> {
  const { store, tags, log, onBug } = options;
  const { port1, port2 } = new MessageChannel();
  const workerData: ShardSetup = { store, tags, queries: port2 };
  const worker = new Worker(new URL(ENTRY, import.meta.url), {
    workerData,
    transferList: [port2],
  });
  return new Promise((resolve, reject) => {
    let shard: Shard | undefined;
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
        shard = new Shard(worker, new RemoteParts<undefined>(port1), message.figures);
        shard.take(message);
        resolve(shard);
      } else {
        shard?.take(message);
      }
    });
  });
}

export class Shard {
  readonly part: Part;
  /** As of its last message. */
  figures: StoreFigures;
  /** By key and label values. */
  metrics: ReadonlyMap<string, ShardMetric> = new Map();
  /** Called when `metrics` has come anew. */
  onMetrics: (shard: Shard) => void = () => undefined;
  isClosed = false;
  readonly #worker: Worker;
  readonly #queries: RemoteParts<undefined>;
  readonly #open = new Map<number, Pending>();
  #nextNumber = 1;

  /** Use `openShard`. */
  constructor(worker: Worker, queries: RemoteParts<undefined>, figures: StoreFigures) {
    this.#worker = worker;
    this.#queries = queries;
    this.part = queries.part(undefined);
    this.figures = figures;
  }

  /** Payloads that are being read or written. */
  get inFlight(): number {
    return this.#open.size;
  }

  /** As `Reception.take`; the payload is copied. */
  async receive(
    format: ReceivedFormat,
    payload: Uint8Array,
    onRead: (reading: Reading) => void,
  ): Promise<void> {
    const own = new Uint8Array(payload); // of a Buffer, slice would be a view
    const answer = await this.#ask({ ask: "take", format, payload: own }, [own.buffer]);
    if (answer.reading !== undefined) onRead(answer.reading);
    throwFailure(answer);
  }

  async archive(id: Uint8Array): Promise<boolean> {
    const answer = await this.#ask({ ask: "archive", id });
    throwFailure(answer);
    return answer.isKnown === true;
  }

  /** Copies its directory to a folder within one of copies. */
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
    this.#queries.close();
  }

  /** Takes what the thread says. */
  take(message: Exclude<FromShard, { readonly level: unknown }>): void {
    this.figures = message.figures;
    if ("metrics" in message) {
      const { metrics } = message;
      this.metrics = new Map(metrics.map((one) => [[one.key, ...one.labels].join(" "), one]));
      this.onMetrics(this);
      return;
    }
    const pending = this.#open.get(message.number);
    assert(pending !== undefined, "a shard answers what it was asked");
    this.#open.delete(message.number);
    pending.resolve(message);
  }

  /** The thread is gone. */
  end(): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    this.#queries.close();
    const gone = new SpoorError("unavailable", "a thread of the store has ended");
    for (const { reject } of open) reject(gone);
  }

  #ask(question: ShardQuestion, transfer: ArrayBuffer[] = []): Promise<ShardAnswer> {
    const number = this.#nextNumber++;
    return new Promise((resolve, reject) => {
      this.#open.set(number, { resolve, reject });
      this.#worker.postMessage({ number, question } satisfies ToShard, transfer);
    });
  }
}

function throwFailure({ failure }: ShardAnswer): void {
  if (failure !== undefined) throw new SpoorError(failure.code, failure.message, failure.where);
}
