// Appends rows of a SpanBatch to an open block: strings and attributes become the block's own entries and
// terms, everything else is copied column by column.
//
//   batch entry ── entryOf ──▶ block entry         each distinct string is looked up once a batch
//   (key, type, value) ── terms.intern ──▶ term     one u32 an attribute
//
// Cost: about 0.7 µs a span of 12 attributes (most of it cache misses in the term table).

import type { AttributeTable } from "../../model/attribute-table.ts";
import { isEntryType, STRING } from "../../model/attribute-table.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type { Block } from "./block.ts";
import { NONE } from "./trace-table.ts";
import type { TraceTable } from "./trace-table.ts";

/** Slots of the memo of terms: 64 KB, so that it stays in the near cache. */
const MEMO_SLOTS = 2_048;
/** stamp, key, type, low, high, term; eight words, so that a slot is half a cache line. */
const MEMO_WORDS = 8;

/** Scratch of one writer, reused for every batch. */
export class Appender {
  /** The terms seen last, by attribute in the batch's own numbers: most attributes repeat. */
  readonly #memo = new Uint32Array(MEMO_SLOTS * MEMO_WORDS);
  /** Slots with another stamp are of an earlier batch or block. */
  #stamp = 0;
  /** Batch entry -> block entry + 1; 0: not looked up yet. */
  #entries = new Uint32Array(1 << 10);
  #resources = new Uint32Array(16);
  #scopes = new Uint32Array(16);
  readonly #terms: number[] = [];
  /** Entry of `service.name` in the batch, or -1. */
  #serviceKey = -1;

  /** Begins a batch, or goes on with it in another block: block entries are known no more. */
  begin(batch: SpanBatch): void {
    this.#serviceKey = batch.dictionary.findText("service.name");
    this.#stamp = (this.#stamp + 1) >>> 0;
    if (this.#stamp === 0) {
      this.#memo.fill(0);
      this.#stamp = 1;
    }
    if (this.#entries.length < batch.dictionary.count) {
      this.#entries = new Uint32Array(batch.dictionary.count * 2);
    } else {
      this.#entries.fill(0, 0, batch.dictionary.count);
    }
    if (this.#resources.length < batch.resources) {
      this.#resources = new Uint32Array(batch.resources * 2);
    } else {
      this.#resources.fill(0, 0, batch.resources);
    }
    if (this.#scopes.length < batch.scopes) this.#scopes = new Uint32Array(batch.scopes * 2);
    else this.#scopes.fill(0, 0, batch.scopes);
  }

  /**
   * Appends rows from `from` on until the batch or the block is at its end.
   * @returns the first row that was not taken.
   */
  append(batch: SpanBatch, from: number, block: Block, traces: TraceTable): number {
    let row = from;
    const ids = new Uint32Array(batch.traceId.buffer, batch.traceId.byteOffset, 4 * batch.rows);
    let known = NONE;
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (; row < batch.rows && !block.isFull(); row++) {
      const at = 4 * row;
      if (
        known === NONE ||
        ids[at + 3] !== d ||
        ids[at + 2] !== c ||
        ids[at + 1] !== b ||
        ids[at] !== a
      ) {
        a = ids[at]!;
        b = ids[at + 1]!;
        c = ids[at + 2]!;
        d = ids[at + 3]!;
        known = traces.find(a, b, c, d);
        if (known === NONE) known = traces.add(a, b, c, d);
      }
      const to = block.rows;
      const slot = traces.slot(known);
      block.trace[to] = known;
      block.previous[to] = traces.lastRow[slot]!;
      traces.lastRow[slot] = (block.number * 0x10000 + to) >>> 0;
      traces.rows[slot]!++;
      this.#appendTexts(batch, row, block, to);
      this.#appendAttributes(batch, row, block, to);
      if (batch.eventStart[row] !== batch.eventStart[row + 1])
        this.#appendEvents(batch, row, block);
      block.eventStart[to + 1] = block.events;
      if (batch.linkStart[row] !== batch.linkStart[row + 1]) this.#appendLinks(batch, row, block);
      if (block.linkStart !== undefined) block.linkStart[to + 1] = block.links;
      block.rows = to + 1;
    }
    copyColumns(batch, from, row, block);
    return row;
  }

  #entry(batch: SpanBatch, entry: number, block: Block): number {
    const known = this.#entries[entry]!;
    if (known !== 0) return known - 1;
    const from = batch.dictionary;
    const end = from.ends[entry]!;
    const found =
      entry === 0
        ? 0
        : block.dictionary.internHashed(
            from.arena,
            from.ends[entry - 1]!,
            end,
            from.hashes[entry]!,
          );
    this.#entries[entry] = found + 1;
    return found;
  }

  #appendTexts(batch: SpanBatch, row: number, block: Block, to: number): void {
    block.name[to] = this.#entry(batch, batch.name[row]!, block);
    const resource = this.#resource(batch, batch.resource[row]!, block);
    block.resource[to] = resource;
    block.resourceRows[resource]!++;
    block.scope[to] = this.#scope(batch, batch.scope[row]!, block);
    const message = batch.statusMessage[row]!;
    if (message !== 0) {
      block.statusMessage ??= new Uint32Array(block.rowsMax);
      block.statusMessage[to] = this.#entry(batch, message, block);
    }
    const state = batch.traceState[row]!;
    if (state !== 0) {
      block.traceState ??= new Uint32Array(block.rowsMax);
      block.traceState[to] = this.#entry(batch, state, block);
    }
    const attributes = batch.droppedAttributes[row]!;
    const events = batch.droppedEvents[row]!;
    const links = batch.droppedLinks[row]!;
    if ((attributes | events | links) !== 0) {
      block.dropped ??= new Uint32Array(3 * block.rowsMax);
      block.dropped[3 * to] = attributes;
      block.dropped[3 * to + 1] = events;
      block.dropped[3 * to + 2] = links;
    }
  }

  #term(batch: SpanBatch, table: AttributeTable, at: number, block: Block): number {
    const key = table.key[at]!;
    const type = table.type[at]!;
    const low = table.words[2 * at]!;
    const high = table.words[2 * at + 1]!;
    const memo = this.#memo;
    const slot =
      ((Math.imul(key, 0x9e3779b1) ^ Math.imul(low ^ high, 0x85ebca6b)) >>> 21) * MEMO_WORDS;
    if (
      memo[slot] === this.#stamp &&
      memo[slot + 1] === key &&
      memo[slot + 2] === type &&
      memo[slot + 3] === low &&
      memo[slot + 4] === high
    ) {
      return memo[slot + 5]!;
    }
    const own = isEntryType(type) ? this.#entry(batch, low, block) : low;
    const term = block.terms.intern(this.#entry(batch, key, block), type, own, high);
    memo[slot] = this.#stamp;
    memo[slot + 1] = key;
    memo[slot + 2] = type;
    memo[slot + 3] = low;
    memo[slot + 4] = high;
    memo[slot + 5] = term;
    return term;
  }

  #appendAttributes(batch: SpanBatch, row: number, block: Block, to: number): void {
    const table = batch.spanAttributes;
    const end = batch.attributeStart[row + 1]!;
    let at = batch.attributeStart[row]!;
    let next = block.attributes;
    if (next + end - at > block.attribute.length) {
      block.attribute = grownWords(block.attribute, next + end - at);
    }
    for (; at < end; at++) block.attribute[next++] = this.#term(batch, table, at, block);
    block.attributes = next;
    block.attributeStart[to + 1] = next;
  }

  #appendEvents(batch: SpanBatch, row: number, block: Block): void {
    const end = batch.eventStart[row + 1]!;
    for (let event = batch.eventStart[row]!; event < end; event++) {
      const to = block.events;
      if (to === block.eventName.length) growEvents(block);
      block.eventUs[to] = batch.eventUs[event]!;
      block.eventRestNs[to] = batch.eventRestNs[event]!;
      block.eventName[to] = this.#entry(batch, batch.eventName[event]!, block);
      const dropped = batch.eventDropped[event]!;
      if (dropped !== 0) {
        block.eventDropped ??= new Uint32Array(block.eventName.length);
        block.eventDropped[to] = dropped;
      }
      const last = batch.eventAttributeStart[event + 1]!;
      for (let at = batch.eventAttributeStart[event]!; at < last; at++) {
        if (block.eventTerms === block.eventTerm.length) {
          block.eventTerm = grownWords(block.eventTerm, block.eventTerms + 1);
        }
        block.eventTerm[block.eventTerms++] = this.#term(batch, batch.eventAttributes, at, block);
      }
      block.events = to + 1;
      block.eventTermStart[to + 1] = block.eventTerms;
    }
  }

  #appendLinks(batch: SpanBatch, row: number, block: Block): void {
    block.linkStart ??= new Uint32Array(block.rowsMax + 1);
    const { linkTraceId, linkSpanId, links } = batch;
    const trace = new Uint32Array(linkTraceId.buffer, linkTraceId.byteOffset, 4 * links);
    const span = new Uint32Array(linkSpanId.buffer, linkSpanId.byteOffset, 2 * links);
    const end = batch.linkStart[row + 1]!;
    for (let link = batch.linkStart[row]!; link < end; link++) {
      const to = block.links;
      if (6 * to === block.linkIds.length) growLinks(block);
      for (let word = 0; word < 4; word++) block.linkIds[6 * to + word] = trace[4 * link + word]!;
      block.linkIds[6 * to + 4] = span[2 * link]!;
      block.linkIds[6 * to + 5] = span[2 * link + 1]!;
      block.linkRest[3 * to] = this.#entry(batch, batch.linkTraceState[link]!, block);
      block.linkRest[3 * to + 1] = batch.linkFlags[link]!;
      block.linkRest[3 * to + 2] = batch.linkDropped[link]!;
      const last = batch.linkAttributeStart[link + 1]!;
      for (let at = batch.linkAttributeStart[link]!; at < last; at++) {
        if (block.linkTerms === block.linkTerm.length) {
          block.linkTerm = grownWords(block.linkTerm, block.linkTerms + 1);
        }
        block.linkTerm[block.linkTerms++] = this.#term(batch, batch.linkAttributes, at, block);
      }
      block.links = to + 1;
      block.linkTermStart[to + 1] = block.linkTerms;
    }
  }

  #resource(batch: SpanBatch, resource: number, block: Block): number {
    const known = this.#resources[resource]!;
    if (known !== 0) return known - 1;
    const terms = this.#terms;
    terms.length = 0;
    const table = batch.resourceAttributes;
    const end = batch.resourceAttributeEnd[resource]!;
    let service = -1;
    for (let at = batch.resourceAttributeStart[resource]!; at < end; at++) {
      terms.push(this.#term(batch, table, at, block));
      if (service < 0 && table.key[at] === this.#serviceKey && table.type[at] === STRING) {
        service = this.#entry(batch, table.words[2 * at]!, block);
      }
    }
    const before = block.resources.count;
    const owner = block.resources.intern(
      0,
      0,
      this.#entry(batch, batch.resourceSchemaUrl[resource]!, block),
      batch.resourceDropped[resource]!,
      terms,
    );
    if (block.resources.count > before) block.addResource(owner, Math.max(0, service));
    this.#resources[resource] = owner + 1;
    return owner;
  }

  #scope(batch: SpanBatch, scope: number, block: Block): number {
    const known = this.#scopes[scope]!;
    if (known !== 0) return known - 1;
    const terms = this.#terms;
    terms.length = 0;
    const end = batch.scopeAttributeEnd[scope]!;
    for (let at = batch.scopeAttributeStart[scope]!; at < end; at++) {
      terms.push(this.#term(batch, batch.scopeAttributes, at, block));
    }
    const owner = block.scopes.intern(
      this.#entry(batch, batch.scopeName[scope]!, block),
      this.#entry(batch, batch.scopeVersion[scope]!, block),
      this.#entry(batch, batch.scopeSchemaUrl[scope]!, block),
      batch.scopeDropped[scope]!,
      terms,
    );
    this.#scopes[scope] = owner + 1;
    return owner;
  }
}

/** The columns that need no translation, for rows [from, end), which were appended last. */
function copyColumns(batch: SpanBatch, from: number, end: number, block: Block): void {
  const rows = end - from;
  if (rows === 0) return;
  const to = block.rows - rows;
  const spanIds = new Uint32Array(batch.spanId.buffer, batch.spanId.byteOffset, 2 * batch.rows);
  const parents = new Uint32Array(
    batch.parentSpanId.buffer,
    batch.parentSpanId.byteOffset,
    2 * batch.rows,
  );
  block.spanId.set(spanIds.subarray(2 * from, 2 * end), 2 * to);
  block.parentSpanId.set(parents.subarray(2 * from, 2 * end), 2 * to);
  block.startUs.set(batch.startUs.subarray(from, end), to);
  block.startRestNs.set(batch.startRestNs.subarray(from, end), to);
  block.durationNs.set(batch.durationNs.subarray(from, end), to);
  block.kind.set(batch.kind.subarray(from, end), to);
  block.statusCode.set(batch.statusCode.subarray(from, end), to);
  block.origin.set(batch.origin.subarray(from, end), to);
  block.flags.set(batch.flags.subarray(from, end), to);
  block.liveRows += rows;
  for (let row = from; row < end; row++) {
    const startUs = batch.startUs[row]!;
    if (startUs < block.startUsMin) block.startUsMin = startUs;
    if (startUs > block.startUsMax) block.startUsMax = startUs;
  }
}

function growEvents(block: Block): void {
  const size = block.eventName.length * 2;
  const us = new Float64Array(size);
  us.set(block.eventUs);
  block.eventUs = us;
  const rest = new Uint16Array(size);
  rest.set(block.eventRestNs);
  block.eventRestNs = rest;
  block.eventName = grownWords(block.eventName, size);
  block.eventTermStart = grownWords(block.eventTermStart, size + 1);
  if (block.eventDropped !== undefined) block.eventDropped = grownWords(block.eventDropped, size);
}

function growLinks(block: Block): void {
  const size = Math.max(16, block.links * 2);
  block.linkIds = exactly(block.linkIds, 6 * size);
  block.linkRest = exactly(block.linkRest, 3 * size);
  block.linkTermStart = exactly(block.linkTermStart, size + 1);
}

function exactly(column: Uint32Array, size: number): Uint32Array {
  const grown = new Uint32Array(size);
  grown.set(column);
  return grown;
}

/** At least doubled, and at least `needed` long. */
function grownWords(column: Uint32Array, needed: number): Uint32Array {
  return exactly(column, Math.max(needed, Math.ceil(column.length * 1.5), 64));
}
