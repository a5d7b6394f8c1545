// Who called whom, as files can tell.
//
//   block within the range ─▶ its counted calls, and the parents that are not in it
//   block at an end of it ──▶ rows ─▶ calls, and parents that are not in it
//   parents ─▶ their services in other blocks (span-services.ts); the rest are strangers to all files
//
// A server span that shares its id with a client span of its block is called by that one, every other span
// by its parent, as in docs/formats/segment.md. Calls within a service are not counted.
//
// Cost: a block within the range 3 ms at most, for the traces that are not whole in it; one at an end 20 ms.

import type { TimeRange } from "../../model/trace-query.ts";
import type { FileBlock } from "../block/block-reader.ts";
import type { Pause } from "../head/pause.ts";
import { CallCounts } from "../join-lists.ts";
import type { Calls } from "../part.ts";
import { ServiceNumbers, Strangers, checkStrangers, joinStrangers } from "../strangers.ts";
import type { BlockView, HeldBlock } from "./block-set.ts";
import { BlockTexts } from "./block-texts.ts";
import { FamilyReader } from "./family-reader.ts";
import { findSpanServices } from "./span-services.ts";

/** As `Part.calls`. */
export async function countCalls(view: BlockView, range: TimeRange, pause: Pause): Promise<Calls> {
  const counts = new CallCounts();
  const found = new FoundStrangers();
  for (const held of view.blocks) {
    if (held.startUsMax < range.startUsMin || held.startUsMin > range.startUsMax) continue;
    await countBlock(view, held, range, counts, found, pause);
    await pause();
  }
  const strangers = new Strangers(found.list());
  strangers.resolve(await findSpanServices(view, strangers.names, pause), counts);
  return { counts: counts.sorted(), strangers: joinStrangers([strangers]) };
}

/** What is read before damage is met is right, and counted. */
async function countBlock(
  view: BlockView,
  held: HeldBlock,
  range: TimeRange,
  counts: CallCounts,
  strangers: FoundStrangers,
  pause: Pause,
): Promise<void> {
  const isWithin = held.startUsMin >= range.startUsMin && held.startUsMax <= range.startUsMax;
  const reader = view.use(held, (block) => {
    if (isWithin) addCounted(block, counts);
    return new FamilyReader(block, isWithin ? undefined : range, (id, low, high, service) =>
      strangers.add(id, low, high, service),
    );
  });
  if (reader === undefined) return;
  for (let page = 0; page < reader.pages; page++) {
    const isRead = view.use(held, () => {
      reader.read(page);
      return true;
    });
    // Rows behind it may belong to a trace whose begin is not known.
    if (isRead === undefined) break;
    await pause();
  }
  reader.addCalls(counts);
}

/** The calls that were counted when the block was written. */
function addCounted(block: FileBlock, counts: CallCounts): void {
  const { parent, child, count } = block.statistics.calls;
  const texts = new BlockTexts(block);
  const pairs = new Map<number, number>();
  for (let at = 0; at < count.length; at++) {
    const pair = parent[at]! * 0x1_0000_0000 + child[at]!;
    pairs.set(pair, (pairs.get(pair) ?? 0) + count[at]!);
  }
  for (const [pair, calls] of pairs) {
    counts.add(texts.text(Math.floor(pair / 0x1_0000_0000)), texts.text(pair >>> 0), calls);
  }
}

const FIRST_STRANGERS = 1_024;

/** Parents that are not in the block of their child, as they are found. */
class FoundStrangers {
  #count = 0;
  #traceIds = new Uint8Array(16 * FIRST_STRANGERS);
  #spanWords = new Uint32Array(2 * FIRST_STRANGERS);
  #service = new Uint32Array(FIRST_STRANGERS);
  readonly #services = new ServiceNumbers();

  /** @throws SpoorError `bad-input` if there are more than an answer may have. */
  add(traceId: Uint8Array, low: number, high: number, service: string): void {
    checkStrangers(this.#count + 1);
    if (this.#count === this.#service.length) this.#grow();
    this.#traceIds.set(traceId, 16 * this.#count);
    this.#spanWords[2 * this.#count] = low;
    this.#spanWords[2 * this.#count + 1] = high;
    this.#service[this.#count++] = this.#services.of(service);
  }

  list(): Calls["strangers"] {
    return {
      traceIds: this.#traceIds.slice(0, 16 * this.#count),
      spanIds: new Uint8Array(this.#spanWords.slice(0, 2 * this.#count).buffer),
      services: this.#services.services,
      service: this.#service.slice(0, this.#count),
    };
  }

  #grow(): void {
    const traceIds = new Uint8Array(2 * this.#traceIds.length);
    traceIds.set(this.#traceIds);
    this.#traceIds = traceIds;
    const spanWords = new Uint32Array(2 * this.#spanWords.length);
    spanWords.set(this.#spanWords);
    this.#spanWords = spanWords;
    const service = new Uint32Array(2 * this.#service.length);
    service.set(this.#service);
    this.#service = service;
  }
}
