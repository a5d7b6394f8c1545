// What is counted over the spans of a head: services, operations and series.
//
// All of it is computed from the held spans when it is asked for, so it is never out of date. Works in
// slices, as search.ts. Not here: calls between services (calls.ts), keys and values (completions.ts).

import { STATUS_ERROR } from "../../model/span-batch.ts";
import type { Operation, SeriesQuery } from "../../model/trace-query.ts";
import { SeriesCounter } from "../series-counter.ts";
import type { Block } from "./block.ts";
import type { HeadView } from "./head.ts";
import type { Pause } from "./pause.ts";
import { textOf } from "./service-names.ts";

export function servicesOf({ blocks }: HeadView): string[] {
  const names = new Set<string>();
  for (const block of blocks) {
    for (let owner = 0; owner < block.resources.count; owner++) {
      if (block.resourceRows[owner]! > 0) names.add(textOf(block, block.resourceService[owner]!));
    }
  }
  return [...names].sort(compareTexts);
}

export async function operationsOf(
  { head, blocks }: HeadView,
  service: string | undefined,
  kind: number | undefined,
  pause: Pause,
): Promise<Operation[]> {
  const found = new Map<string, Operation>();
  for (const block of blocks) {
    const wanted = wantedResources(block, service === undefined ? undefined : [service]);
    if (wanted === undefined) continue;
    const seen = new Set<number>();
    for (let row = 0; row < block.rows; row++) {
      if (wanted[block.resource[row]!] === 0) continue;
      const pair = block.name[row]! * 256 + block.kind[row]!;
      if (seen.has(pair) || !head.isLive(block, row)) continue;
      seen.add(pair);
      if (kind !== undefined && block.kind[row] !== kind) continue;
      const operation = { name: textOf(block, block.name[row]!), kind: block.kind[row]! };
      found.set(`${operation.kind} ${operation.name}`, operation);
    }
    await pause();
  }
  return [...found.values()].sort(
    (one, two) => compareTexts(one.name, two.name) || one.kind - two.kind,
  );
}

/** Counts the spans that the query asks for. @throws SpoorError as `SeriesCounter`. */
export async function countSeries(
  { head, blocks }: HeadView,
  query: SeriesQuery,
  pause: Pause,
): Promise<SeriesCounter> {
  const counter = new SeriesCounter(query);
  for (const block of blocks) {
    if (block.startUsMax < counter.startUsMin || block.startUsMin > counter.startUsMax) continue;
    const wanted = wantedResources(block, query.services);
    if (wanted === undefined) continue;
    const texts = new BlockTexts(block);
    for (let row = 0; row < block.rows; row++) {
      const resource = block.resource[row]!;
      if (wanted[resource] === 0 || !counter.wants(block.startUs[row]!, block.kind[row]!)) continue;
      if (!head.isLive(block, row)) continue;
      counter.add(
        texts.of(block.resourceService[resource]!),
        query.byOperation ? texts.of(block.name[row]!) : undefined,
        block.startUs[row]!,
        block.durationNs[row]!,
        block.statusCode[row] === STATUS_ERROR,
      );
    }
    await pause();
  }
  return counter;
}

/** Texts of a block that are asked for again and again, for one question. */
class BlockTexts {
  readonly #block: Block;
  readonly #texts = new Map<number, string>();

  constructor(block: Block) {
    this.#block = block;
  }

  of(entry: number): string {
    const known = this.#texts.get(entry);
    if (known !== undefined) return known;
    const text = textOf(this.#block, entry);
    this.#texts.set(entry, text);
    return text;
  }
}

/** Marks the resources of the wanted services; undefined if the block has none. */
export function wantedResources(
  block: Block,
  services: readonly string[] | undefined,
): Uint8Array | undefined {
  const wanted = new Uint8Array(block.resources.count);
  if (services === undefined) return wanted.fill(1);
  const entries = new Set(services.map((name) => block.dictionary.findText(name)));
  let any = false;
  for (let owner = 0; owner < wanted.length; owner++) {
    if (!entries.has(block.resourceService[owner]!)) continue;
    wanted[owner] = 1;
    any = true;
  }
  return any ? wanted : undefined;
}

export function compareTexts(one: string, two: string): number {
  return one < two ? -1 : one > two ? 1 : 0;
}
