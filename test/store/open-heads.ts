// Heads in a thread of their own, for tests: opened once, used by many.

import { once } from "node:events";
import { MessageChannel, Worker } from "node:worker_threads";
import { packSpans } from "../../src/model/pack-spans.ts";
import type { SpanBatch } from "../../src/model/span-batch.ts";
import { RemoteParts } from "../../src/store/remote-part.ts";
import type { ToHeads } from "./heads-worker.ts";

export interface Heads {
  readonly worker: Worker;
  /** Parts by the number of their head. */
  readonly parts: RemoteParts<number | "bug">;
  append(head: number, batch: SpanBatch, blockRowsMax: number): Promise<void>;
  drop(heads: readonly number[]): Promise<void>;
  close(): Promise<void>;
}

export function openHeads(): Heads {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL("heads-worker.ts", import.meta.url), {
    workerData: port2,
    transferList: [port2],
  });
  worker.unref();
  const parts = new RemoteParts<number | "bug">(port1);
  let last: Promise<void> = Promise.resolve();
  /** One after the other, each answered before the next. */
  const tell = (message: ToHeads, transfer: ArrayBuffer[]): Promise<void> => {
    last = last.then(async () => {
      worker.ref();
      const answered = once(worker, "message");
      worker.postMessage(message, transfer);
      await answered;
      worker.unref();
    });
    return last;
  };
  return {
    worker,
    parts,
    append(head, batch, blockRowsMax) {
      const packed = packSpans(batch);
      return tell({ head, packed, blockRowsMax }, [packed]);
    },
    drop: (heads) => tell({ drop: heads }, []),
    async close() {
      parts.close();
      await worker.terminate();
    },
  };
}
