// What the process says to a shard in a thread and hears from it.
//
//   main ── { asked: [{ number, ask: take | archive | copy | ready | close }, …] } ─▶ shard
//        ◀── { answers: [{ number, done | failure }, …], figures } ──
//        ◀── { metrics, figures } now and then · { log } ──
//
// Payloads lie in memory that both see (payload-slots.ts). Queries have a port of their own
// (store/remote-part.ts), and so has what is asked of the builder (store/segment/port-builder.ts).
// Trust: both ends are this program, of one version.

import type { MessagePort } from "node:worker_threads";
import type { Log, LogFields } from "../../base/log.ts";
import type { Failure } from "../../store/part-messages.ts";
import type { ReceivedFormat } from "../../store/received.ts";
import type { SegmentOptions } from "../../store/segment/segment-store.ts";
import type { BackupFigures, StoreFigures } from "../../store/trace-store.ts";
import type { Reading } from "../reception.ts";
import type { ShardMetric } from "./shard.ts";

/** The options of a store that can be sent: the rest the shard makes itself. */
export type PlainStoreOptions = Omit<
  SegmentOptions,
  "files" | "clock" | "log" | "read" | "metrics" | "lock" | "inline" | "builder"
>;

export interface ShardSetup {
  readonly store: PlainStoreOptions;
  /** What `collector.tags` adds to every resource. */
  readonly tags: readonly (readonly [string, string])[];
  /** Queries come here. */
  readonly queries: MessagePort;
  /** To who writes its files. */
  readonly building: MessagePort;
  /** One number: bytes of all payloads that the thread has read, modulo 2^32. Only the thread writes it. */
  readonly readBytes: Int32Array<SharedArrayBuffer>;
}

export type ShardQuestion =
  | { readonly ask: "take"; readonly format: ReceivedFormat; readonly payload: Uint8Array }
  | { readonly ask: "archive"; readonly id: Uint8Array }
  | { readonly ask: "copy"; readonly to: string }
  | { readonly ask: "ready" }
  | { readonly ask: "close" };

export interface AskedShard {
  readonly number: number;
  readonly question: ShardQuestion;
}

export interface ToShard {
  readonly asked: readonly AskedShard[];
}

export interface ShardAnswer {
  readonly number: number;
  /** Of `take`, unless the payload could not be read. */
  readonly reading?: Reading;
  /** Of `archive`. */
  readonly isKnown?: boolean;
  /** Of `copy`. */
  readonly copied?: BackupFigures;
  readonly failure?: Failure;
}

export type FromShard =
  | { readonly answers: readonly ShardAnswer[]; readonly figures: StoreFigures }
  | { readonly metrics: readonly ShardMetric[]; readonly figures: StoreFigures }
  | {
      readonly level: keyof Log;
      readonly message: string;
      readonly fields: LogFields;
    };
