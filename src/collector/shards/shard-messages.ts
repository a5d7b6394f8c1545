// What the process says to a shard and hears from it. A shard is a thread with a store of its own.
//
//   main ── { number, ask: take | archive | copy | ready | close } ─▶ shard
//        ◀── { number, done | failure, figures } ──
//        ◀── { metrics, figures } now and then · { log } ──
//
// Queries go through a port of their own (store/remote-part.ts).
// Trust: both ends are this program, of one version.

import type { MessagePort } from "node:worker_threads";
import type { Log, LogFields } from "../../base/log.ts";
import type { Failure } from "../../store/part-messages.ts";
import type { ReceivedFormat } from "../../store/received.ts";
import type { SegmentOptions } from "../../store/segment/segment-store.ts";
import type { BackupFigures, StoreFigures } from "../../store/trace-store.ts";
import type { Reading } from "../reception.ts";

/** The options of a store that can be sent: the rest the shard makes itself. */
export type PlainStoreOptions = Omit<
  SegmentOptions,
  "files" | "clock" | "log" | "read" | "metrics" | "lock" | "inline"
>;

export interface ShardSetup {
  readonly store: PlainStoreOptions;
  /** What `collector.tags` adds to every resource. */
  readonly tags: readonly (readonly [string, string])[];
  /** Queries come here. */
  readonly queries: MessagePort;
}

export type ShardQuestion =
  | { readonly ask: "take"; readonly format: ReceivedFormat; readonly payload: Uint8Array }
  | { readonly ask: "archive"; readonly id: Uint8Array }
  | { readonly ask: "copy"; readonly to: string }
  | { readonly ask: "ready" }
  | { readonly ask: "close" };

export interface ToShard {
  readonly number: number;
  readonly question: ShardQuestion;
}

export interface ShardAnswer {
  readonly number: number;
  readonly figures: StoreFigures;
  /** Of `take`, unless the payload could not be read. */
  readonly reading: Reading | undefined;
  /** Of `archive`. */
  readonly isKnown?: boolean;
  /** Of `copy`. */
  readonly copied?: BackupFigures;
  readonly failure?: Failure;
}

/** One series of the store's metrics. */
export interface ShardMetric {
  /** In the table of metrics. */
  readonly key: string;
  readonly labels: readonly string[];
  readonly value: number;
}

export type FromShard =
  | ShardAnswer
  | { readonly figures: StoreFigures; readonly metrics: readonly ShardMetric[] }
  | {
      readonly level: keyof Log;
      readonly message: string;
      readonly fields: LogFields;
    };
