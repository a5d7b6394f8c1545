// Keys of attributes and their values in a head, for completion while somebody types.
//
//   blocks that reach into the time range ─▶ collect-completions.ts ─▶ the first texts of all
//
// Such blocks count whole, rows that are dead among them: what is offered may find nothing.

import type { KeyQuery, ValueQuery } from "../../model/trace-query.ts";
import { collectKeys, collectValues } from "./collect-completions.ts";
import type { Block } from "./block.ts";
import { Completions } from "./completions.ts";
import type { HeadView } from "./head.ts";
import type { Pause } from "./pause.ts";

/** The first `limit` keys that begin with the prefix, sorted by code units. */
export function keysOf(view: HeadView, query: KeyQuery, pause: Pause): Promise<string[]> {
  return collect(view, query, pause, (block, into) => collectKeys(block, [block], query, into));
}

/** The first `limit` values of a key that begin with the prefix, sorted by code units. */
export function valuesOf(view: HeadView, query: ValueQuery, pause: Pause): Promise<string[]> {
  return collect(view, query, pause, (block, into) => collectValues(block, [block], query, into));
}

async function collect(
  { blocks }: HeadView,
  query: KeyQuery,
  pause: Pause,
  collectFrom: (block: Block, into: Completions) => Iterable<undefined>,
): Promise<string[]> {
  const into = new Completions(query.prefix, query.limit);
  for (const block of blocks) {
    if (block.liveRows === 0) continue;
    if (block.startUsMax < query.startUsMin || block.startUsMin > query.startUsMax) continue;
    // A block that gets rows meanwhile is looked at in one go: what was looked up of it would be old.
    const steps = collectFrom(block, into)[Symbol.iterator]();
    while (steps.next().done !== true) if (block.sealed) await pause();
    await pause();
  }
  return into.sorted();
}
