// Copies rows of blocks back into SpanBatches, for answers: the way out of memory and of files.
//
//   (rows, row) … ──▶ SpanBatch        terms become attributes again, texts are interned anew
//
// Resources and scopes are emitted once a batch and block.

import { DOUBLE, INT, isEntryType } from "../../model/attribute-table.ts";
import type { AttributeTable } from "../../model/attribute-table.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import type { Owners, Rows, Vocabulary } from "./columns.ts";

/** Makes one SpanBatch out of rows that are given one after the other. */
export class Emitter {
  readonly batch: SpanBatch = spare.pop() ?? new SpanBatch();
  readonly #memo = new Map<Vocabulary, BlockMemo>();
  /** Content of a resource (scope) in numbers of the batch -> its index there. */
  readonly #resources = new Map<string, number>();
  readonly #scopes = new Map<string, number>();

  /** Appends one row. @param traceId 16 bytes. */
  emit(traceId: Uint8Array, rows: Rows, from: number): void {
    const batch = this.batch;
    const block = rows.vocabulary;
    let memo = this.#memo.get(block);
    if (memo === undefined) {
      memo = { entries: new Map([[0, 0]]), resources: new Map(), scopes: new Map() };
      this.#memo.set(block, memo);
    }
    const resource = this.#resource(block, memo, rows.resource[from]!);
    const scope = this.#scope(block, memo, rows.scope[from]!);
    const row = batch.openRow(resource, scope);
    batch.traceId.set(traceId, 16 * row);
    const { spanId, parentSpanId } = rows;
    batch.spanIdWords[2 * row] = spanId[2 * from]!;
    batch.spanIdWords[2 * row + 1] = spanId[2 * from + 1]!;
    batch.parentSpanIdWords[2 * row] = parentSpanId[2 * from]!;
    batch.parentSpanIdWords[2 * row + 1] = parentSpanId[2 * from + 1]!;
    batch.startUs[row] = rows.startUs[from]!;
    batch.startRestNs[row] = rows.startRestNs[from]!;
    batch.durationNs[row] = rows.durationNs[from]!;
    batch.name[row] = this.#entry(block, memo, rows.name[from]!);
    batch.kind[row] = rows.kind[from]!;
    batch.statusCode[row] = rows.statusCode[from]!;
    batch.origin[row] = rows.origin[from]!;
    batch.flags[row] = rows.flags[from]!;
    if (rows.statusMessage !== undefined) {
      batch.statusMessage[row] = this.#entry(block, memo, rows.statusMessage[from]!);
    }
    if (rows.traceState !== undefined) {
      batch.traceState[row] = this.#entry(block, memo, rows.traceState[from]!);
    }
    if (rows.dropped !== undefined) {
      batch.droppedAttributes[row] = rows.dropped[3 * from]!;
      batch.droppedEvents[row] = rows.dropped[3 * from + 1]!;
      batch.droppedLinks[row] = rows.dropped[3 * from + 2]!;
    }
    const end = rows.attributeStart[from + 1]!;
    for (let at = rows.attributeStart[from]!; at < end; at++) {
      this.#term(block, memo, rows.attribute[at]!, batch.spanAttributes);
    }
    this.#events(rows, memo, from);
    if (rows.linkStart !== undefined) this.#links(rows, memo, from);
    batch.closeRow();
  }

  #entry(block: Vocabulary, memo: BlockMemo, entry: number): number {
    let known = memo.entries.get(entry);
    if (known === undefined) {
      known = block.internEntry(entry, this.batch.dictionary);
      memo.entries.set(entry, known);
    }
    return known;
  }

  #term(block: Vocabulary, memo: BlockMemo, term: number, to: AttributeTable): void {
    const key = this.#entry(block, memo, block.terms.key[term]!);
    const type = block.terms.type[term]!;
    const low = block.terms.low[term]!;
    if (type === INT) {
      to.addInt(key, low, block.terms.high[term]!);
    } else if (type === DOUBLE) {
      to.addInt(key, low, block.terms.high[term]!);
      to.type[to.count - 1] = DOUBLE;
    } else {
      to.add(key, type, isEntryType(type) ? this.#entry(block, memo, low) : low);
    }
  }

  #events(rows: Rows, memo: BlockMemo, from: number): void {
    const block = rows.vocabulary;
    const batch = this.batch;
    const end = rows.eventStart[from + 1]!;
    for (let at = rows.eventStart[from]!; at < end; at++) {
      const event = batch.openEvent();
      batch.eventUs[event] = rows.eventUs[at]!;
      batch.eventRestNs[event] = rows.eventRestNs[at]!;
      batch.eventName[event] = this.#entry(block, memo, rows.eventName[at]!);
      if (rows.eventDropped !== undefined) batch.eventDropped[event] = rows.eventDropped[at]!;
      const last = rows.eventTermStart[at + 1]!;
      for (let term = rows.eventTermStart[at]!; term < last; term++) {
        this.#term(block, memo, rows.eventTerm[term]!, batch.eventAttributes);
      }
      batch.closeEvent();
    }
  }

  #links(rows: Rows, memo: BlockMemo, from: number): void {
    const block = rows.vocabulary;
    const batch = this.batch;
    const end = rows.linkStart![from + 1]!;
    for (let at = rows.linkStart![from]!; at < end; at++) {
      const link = batch.openLink();
      const ids = new Uint8Array(rows.linkIds.buffer, rows.linkIds.byteOffset + 24 * at, 24);
      batch.linkTraceId.set(ids.subarray(0, 16), 16 * link);
      batch.linkSpanId.set(ids.subarray(16), 8 * link);
      batch.linkTraceState[link] = this.#entry(block, memo, rows.linkRest[3 * at]!);
      batch.linkFlags[link] = rows.linkRest[3 * at + 1]!;
      batch.linkDropped[link] = rows.linkRest[3 * at + 2]!;
      const last = rows.linkTermStart[at + 1]!;
      for (let term = rows.linkTermStart[at]!; term < last; term++) {
        this.#term(block, memo, rows.linkTerm[term]!, batch.linkAttributes);
      }
      batch.closeLink();
    }
  }

  #resource(block: Vocabulary, memo: BlockMemo, owner: number): number {
    let known = memo.resources.get(owner);
    if (known === undefined) {
      const from = block.resources;
      const schemaUrl = this.#entry(block, memo, from.schemaUrl[owner]!);
      const dropped = from.dropped[owner]!;
      const content = this.#ownerContent(block, memo, from, owner, [schemaUrl, dropped]);
      known = this.#resources.get(content);
      if (known === undefined) {
        known = this.batch.openResource();
        this.batch.resourceSchemaUrl[known] = schemaUrl;
        this.batch.resourceDropped[known] = dropped;
        this.#ownerTerms(block, memo, from, owner, this.batch.resourceAttributes);
        this.batch.closeResource(known);
        this.#resources.set(content, known);
      }
      memo.resources.set(owner, known);
    }
    return known;
  }

  #scope(block: Vocabulary, memo: BlockMemo, owner: number): number {
    let known = memo.scopes.get(owner);
    if (known === undefined) {
      const from = block.scopes;
      const name = this.#entry(block, memo, from.name[owner]!);
      const version = this.#entry(block, memo, from.version[owner]!);
      const schemaUrl = this.#entry(block, memo, from.schemaUrl[owner]!);
      const dropped = from.dropped[owner]!;
      const texts = [name, version, schemaUrl, dropped];
      const content = this.#ownerContent(block, memo, from, owner, texts);
      known = this.#scopes.get(content);
      if (known === undefined) {
        known = this.batch.openScope();
        this.batch.scopeName[known] = name;
        this.batch.scopeVersion[known] = version;
        this.batch.scopeSchemaUrl[known] = schemaUrl;
        this.batch.scopeDropped[known] = dropped;
        this.#ownerTerms(block, memo, from, owner, this.batch.scopeAttributes);
        this.batch.closeScope(known);
        this.#scopes.set(content, known);
      }
      memo.scopes.set(owner, known);
    }
    return known;
  }

  /** Equal owners of different blocks are one owner in the answer. */
  #ownerContent(
    block: Vocabulary,
    memo: BlockMemo,
    from: Owners,
    owner: number,
    numbers: number[],
  ): string {
    const terms = block.terms;
    const end = from.termStart[owner + 1]!;
    for (let at = from.termStart[owner]!; at < end; at++) {
      const term = from.terms[at]!;
      const type = terms.type[term]!;
      const low = terms.low[term]!;
      const word = isEntryType(type) ? this.#entry(block, memo, low) : low;
      numbers.push(this.#entry(block, memo, terms.key[term]!), type, word, terms.high[term]!);
    }
    return numbers.join();
  }

  #ownerTerms(
    block: Vocabulary,
    memo: BlockMemo,
    from: Owners,
    owner: number,
    to: AttributeTable,
  ): void {
    const end = from.termStart[owner + 1]!;
    for (let at = from.termStart[owner]!; at < end; at++) {
      this.#term(block, memo, from.terms[at]!, to);
    }
  }
}

interface BlockMemo {
  readonly entries: Map<number, number>;
  readonly resources: Map<number, number>;
  readonly scopes: Map<number, number>;
}

/** Batches that nobody reads any more: their arrays have grown already. */
const spare: SpanBatch[] = [];
const SPARE_MAX = 8;
/** Of a trace of some thousand spans: larger ones are rare. */
const SPARE_BYTES_MAX = 2 * 1024 * 1024;

/** The caller has made a batch of an Emitter into something else, and nobody reads it any more. */
export function reuseBatch(batch: SpanBatch): void {
  if (spare.length === SPARE_MAX || batch.memoryBytes() > SPARE_BYTES_MAX) return;
  batch.reset();
  spare.push(batch);
}
