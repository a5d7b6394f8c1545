// Who called whom, as far as a head can tell: counts, and the parents that somebody else has to know.
//
//   rows of a trace ─ span id ─▶ row of the parent ─▶ (parent service, child service) -> count
//                          └──── not here ─▶ stranger
//
// A server span that shares its id with a client span, as Zipkin's do, is called by that one. Of several
// spans with one id the first by start is the parent. Calls within a service are not counted. The same
// rules hold for files (block/family.ts).
//
// Cost: about 0.15 µs a row; in slices, as search.ts.

import { KIND_CLIENT, KIND_SERVER } from "../../model/span-batch.ts";
import type { Dependency, TimeRange } from "../../model/trace-query.ts";
import { type Calls, NO_SERVICE, type SpanNames, type SpanServices } from "../part.ts";
import { checkStrangers } from "../strangers.ts";
import type { Block } from "./block.ts";
import type { HeadView } from "./head.ts";
import type { Pause } from "./pause.ts";
import { ServiceNames } from "./service-names.ts";
import { SpanIds } from "./span-ids.ts";
import { NONE } from "./trace-table.ts";

/** Traces between two looks at the clock. */
const TRACES_BETWEEN_PAUSES = 256;
/** Two service numbers in one key. */
const PAIR = 0x400_0000;
const FIRST_STRANGERS = 64;

/** Calls made by spans of the view that start within `range`. @throws as `checkStrangers`. */
export async function callsOf(view: HeadView, range: TimeRange, pause: Pause): Promise<Calls> {
  const { traces } = view.head;
  const family = new Family(view, range);
  const end = traces.next;
  let at = 0;
  // Ordinals are counted up to where they ended at first: traces may go meanwhile, at the front.
  for (let ordinal = traces.oldest; ordinal !== end; ordinal = (ordinal + 1) >>> 0) {
    if (at++ % TRACES_BETWEEN_PAUSES === 0) await pause();
    if (traces.has(ordinal)) family.add(ordinal);
  }
  return family.finish();
}

class Family {
  readonly #view: HeadView;
  readonly #range: TimeRange;
  readonly #names = new ServiceNames();
  readonly #counts = new Map<number, number>();
  readonly #spans = new SpanIds();
  #strangers = 0;
  #traceIds = new Uint8Array(16 * FIRST_STRANGERS);
  #spanIds = new Uint32Array(2 * FIRST_STRANGERS);
  #service = new Uint32Array(FIRST_STRANGERS);

  constructor(view: HeadView, range: TimeRange) {
    this.#view = view;
    this.#range = range;
  }

  add(ordinal: number): void {
    const spans = this.#spans;
    const { head, from } = this.#view;
    const { startUsMin, startUsMax } = this.#range;
    spans.reset(head.traces.rows[head.traces.slot(ordinal)]!);
    head.forEachRow(ordinal, (block, row) => spans.add(block, row), from);
    for (let at = 0; at < spans.count; at++) {
      const block = spans.block(at);
      const row = spans.row(at);
      const startUs = block.startUs[row]!;
      if (startUs >= startUsMin && startUs <= startUsMax) this.#addCall(ordinal, block, row);
    }
  }

  finish(): Calls {
    const services = this.#names.names;
    const counts: Dependency[] = [];
    for (const [pair, callCount] of this.#counts) {
      const parent = services[Math.floor(pair / PAIR)]!;
      counts.push({ parent, child: services[pair % PAIR]!, callCount });
    }
    counts.sort((one, two) => compare(one.parent, two.parent) || compare(one.child, two.child));
    const strangers = {
      services,
      service: this.#service.slice(0, this.#strangers),
      traceIds: this.#traceIds.slice(0, 16 * this.#strangers),
      spanIds: new Uint8Array(this.#spanIds.slice(0, 2 * this.#strangers).buffer),
    };
    return { counts, strangers };
  }

  #addCall(ordinal: number, block: Block, row: number): void {
    const spans = this.#spans;
    const low = block.parentSpanId[2 * row]!;
    const high = block.parentSpanId[2 * row + 1]!;
    const isChild = (low | high) !== 0;
    let caller = -1;
    if (block.kind[row] === KIND_SERVER && spans.hasTwins) {
      caller = spans.find(block.spanId[2 * row]!, block.spanId[2 * row + 1]!, KIND_CLIENT);
    }
    if (caller < 0 && isChild) caller = spans.find(low, high);
    if (caller < 0) {
      if (isChild) this.#addStranger(ordinal, block, row);
      return;
    }
    const parent = this.#names.number(spans.block(caller), spans.row(caller));
    const child = this.#names.number(block, row);
    if (parent === child) return;
    const pair = parent * PAIR + child;
    this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + 1);
  }

  #addStranger(ordinal: number, block: Block, row: number): void {
    const at = this.#strangers++;
    checkStrangers(this.#strangers);
    if (at === this.#service.length) this.#grow();
    this.#traceIds.set(this.#view.head.traces.id(ordinal), 16 * at);
    this.#spanIds[2 * at] = block.parentSpanId[2 * row]!;
    this.#spanIds[2 * at + 1] = block.parentSpanId[2 * row + 1]!;
    this.#service[at] = this.#names.number(block, row);
  }

  #grow(): void {
    const size = 2 * this.#service.length;
    const traceIds = new Uint8Array(16 * size);
    traceIds.set(this.#traceIds);
    this.#traceIds = traceIds;
    const spanIds = new Uint32Array(2 * size);
    spanIds.set(this.#spanIds);
    this.#spanIds = spanIds;
    const service = new Uint32Array(size);
    service.set(this.#service);
    this.#service = service;
  }
}

/** The services of spans, as far as they are in the view. Spans of one trace should stand together. */
export async function spanServicesOf(
  view: HeadView,
  { traceIds, spanIds }: SpanNames,
  pause: Pause,
): Promise<SpanServices> {
  const count = traceIds.length / 16;
  const ids = new Uint32Array(new Uint8Array(spanIds).buffer); // a copy: it has to be aligned
  const names = new ServiceNames();
  const service = new Uint32Array(count).fill(NO_SERVICE);
  const spans = new SpanIds();
  let traces = 0;
  for (let from = 0; from < count;) {
    if (traces++ % TRACES_BETWEEN_PAUSES === 0) await pause();
    let end = from + 1;
    while (end < count && isSameTrace(traceIds, from, end)) end++;
    const ordinal = view.head.findTrace(traceIds.subarray(16 * from, 16 * from + 16));
    if (ordinal !== NONE) {
      spans.reset(view.head.traces.rows[view.head.traces.slot(ordinal)]!);
      view.head.forEachRow(ordinal, (block, row) => spans.add(block, row), view.from);
      for (let at = from; at < end; at++) {
        const found = spans.find(ids[2 * at]!, ids[2 * at + 1]!);
        if (found >= 0) service[at] = names.number(spans.block(found), spans.row(found));
      }
    }
    from = end;
  }
  return { services: names.names, service };
}

function isSameTrace(ids: Uint8Array, one: number, two: number): boolean {
  for (let at = 0; at < 16; at++) if (ids[16 * one + at] !== ids[16 * two + at]) return false;
  return true;
}

function compare(one: string, two: string): number {
  return one < two ? -1 : one > two ? 1 : 0;
}
