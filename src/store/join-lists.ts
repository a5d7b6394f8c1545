// Joins what several parts of a store found into one list, as if one had found it.
//
//   hits    by trace id, the newest start of each, newest first, ties by rising id, the first `limit`
//   names   once each, sorted by code units, the first `limit`
//   calls   counts of one pair of services added up
//
// Every part gives its own first `limit`: what belongs to the first of all is among the first of its part.

import type { Dependency, Operation } from "../model/trace-query.ts";
import type { Hits } from "./part.ts";

const ID_BYTES = 16;

/** A trace that was found, while lists of them are joined. */
export interface Hit {
  readonly id: Uint8Array;
  readonly startUs: number;
}

export function joinHits(lists: readonly Hits[], limit: number): Hits {
  if (lists.length === 1 && lists[0]!.startUs.length <= limit) return lists[0]!;
  const newest = new Map<string, Hit>();
  for (const list of lists) {
    for (const hit of hitsOf(list)) {
      const key = idKey(hit.id);
      const known = newest.get(key);
      if (known === undefined || known.startUs < hit.startUs) newest.set(key, hit);
    }
  }
  const hits = [...newest.values()].sort(compareHits);
  return makeHits(hits.slice(0, limit));
}

export function hitsOf({ ids, startUs }: Hits): Hit[] {
  return Array.from(startUs, (us, at) => ({
    id: ids.subarray(ID_BYTES * at, ID_BYTES * (at + 1)),
    startUs: us,
  }));
}

export function makeHits(hits: readonly Hit[]): Hits {
  const ids = new Uint8Array(ID_BYTES * hits.length);
  hits.forEach(({ id }, at) => ids.set(id, ID_BYTES * at));
  return { ids, startUs: Float64Array.from(hits, (hit) => hit.startUs) };
}

/** The order of every search: newest first, ties by rising id. */
export function compareHits(one: Hit, two: Hit): number {
  return two.startUs - one.startUs || compareIds(one.id, two.id);
}

export function compareIds(one: Uint8Array, two: Uint8Array): number {
  for (let at = 0; at < ID_BYTES; at++) {
    const difference = one[at]! - two[at]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** An id as a key of a Map: one character a byte. */
export function idKey(id: Uint8Array): string {
  return String.fromCharCode(...id);
}

export function joinNames(lists: readonly (readonly string[])[], limit = Infinity): string[] {
  const names = lists.length === 1 ? [...lists[0]!] : [...new Set(lists.flat())].sort(compareTexts);
  return names.length > limit ? names.slice(0, limit) : names;
}

export function joinOperations(lists: readonly (readonly Operation[])[]): Operation[] {
  if (lists.length === 1) return [...lists[0]!];
  const found = new Map<string, Operation>();
  for (const operation of lists.flat()) found.set(`${operation.kind} ${operation.name}`, operation);
  return [...found.values()].sort(
    (one, two) => compareTexts(one.name, two.name) || one.kind - two.kind,
  );
}

/** Adds up calls between services. */
export class CallCounts {
  readonly #counts = new Map<string, { parent: string; child: string; callCount: number }>();

  /** What a service calls of itself is no call. */
  add(parent: string, child: string, callCount: number): void {
    if (parent === child) return;
    const key = JSON.stringify([parent, child]);
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { parent, child, callCount });
    else known.callCount += callCount;
  }

  /** By parent, then by child. */
  sorted(): Dependency[] {
    return [...this.#counts.values()].sort(
      (one, two) => compareTexts(one.parent, two.parent) || compareTexts(one.child, two.child),
    );
  }
}

/** By code units. */
export function compareTexts(one: string, two: string): number {
  return one < two ? -1 : one > two ? 1 : 0;
}
