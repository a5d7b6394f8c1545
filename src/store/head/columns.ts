// What searching and emitting read of a block, whether it lies in memory as it came or in a file.
//
//   Rows         columns of up to 65,536 rows, and the vocabulary that their numbers mean
//   Vocabulary   dictionary, terms, resources and scopes
//
// Columns are as in block.ts. A block of a file gives its rows page by page, each with columns that are
// read when they are first asked for.

import type { Dictionary } from "../../model/dictionary.ts";

/** Owners of terms: resources or scopes. See `OwnerTable`. */
export interface Owners {
  readonly count: number;
  readonly name: ArrayLike<number>;
  readonly version: ArrayLike<number>;
  readonly schemaUrl: ArrayLike<number>;
  readonly dropped: ArrayLike<number>;
  readonly termStart: ArrayLike<number>;
  readonly terms: ArrayLike<number>;
}

export type VisitTerm = (term: number, type: number, low: number, high: number) => void;

export interface Vocabulary {
  readonly dictionary: {
    /** The entry with these bytes, or -1. */
    find(bytes: Uint8Array): number;
    findText(text: string): number;
    bytes(entry: number): Uint8Array;
  };
  readonly terms: {
    readonly count: number;
    readonly key: Uint32Array;
    readonly type: Uint8Array;
    readonly low: Uint32Array;
    readonly high: Uint32Array;
    find(key: number, type: number, low: number, high: number): number;
    /** Visits the terms of a key (an entry), rising. Cost: the key's terms, in memory all terms. */
    eachOf(key: number, visit: VisitTerm): void;
    /** The entry of a term's key. */
    keyEntryOf(term: number): number;
    /** The entries of all keys, each once. Cost in memory: all terms. */
    keyEntries(): Iterable<number>;
  };
  readonly resources: Owners;
  readonly scopes: Owners;
  /** Dictionary entry of each resource's service name. */
  readonly resourceService: ArrayLike<number>;
  /** The entry of `to` with the bytes of this one. */
  internEntry(entry: number, to: Dictionary): number;
}

export interface Rows {
  readonly vocabulary: Vocabulary;
  readonly rows: number;
  /** Two words a row. */
  readonly spanId: Uint32Array;
  readonly parentSpanId: Uint32Array;
  readonly startUs: Float64Array;
  readonly startRestNs: Uint16Array;
  readonly durationNs: Float64Array;
  readonly name: Uint32Array;
  readonly kind: Uint8Array;
  readonly statusCode: Uint8Array;
  readonly origin: Uint8Array;
  readonly flags: Uint32Array;
  readonly resource: Uint16Array;
  readonly scope: Uint16Array;
  readonly statusMessage: Uint32Array | undefined;
  readonly traceState: Uint32Array | undefined;
  readonly dropped: Uint32Array | undefined;
  readonly attributeStart: Uint32Array;
  readonly attribute: Uint32Array;
  readonly eventStart: Uint32Array;
  readonly eventUs: Float64Array;
  readonly eventRestNs: Uint16Array;
  readonly eventName: Uint32Array;
  readonly eventDropped: Uint32Array | undefined;
  readonly eventTermStart: Uint32Array;
  readonly eventTerm: Uint32Array;
  readonly linkStart: Uint32Array | undefined;
  readonly linkIds: Uint32Array;
  readonly linkRest: Uint32Array;
  readonly linkTermStart: Uint32Array;
  readonly linkTerm: Uint32Array;
  /**
   * True if span, events or links of the row carry one of the terms, all of one key; left out, the
   * columns are looked through. A file answers from the columns of one key.
   */
  carries?(terms: readonly number[], row: number): boolean;
}
