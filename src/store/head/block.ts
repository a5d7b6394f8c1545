// A block: up to 65,536 spans in the order in which they came, with one dictionary and one term table.
//
//   row columns      as in SpanBatch, but a trace is an ordinal of the TraceTable, and the rows of one
//                    trace hang together: previous -> older row -> … -> NONE
//   attributes       one u32 a attribute: a term. Row r owns [attributeStart[r], attributeStart[r + 1])
//   resources,       distinct ones once; their attributes are terms too
//   scopes
//   postings         (after sealing) term -> rows as u16, counting-sorted: postingStart[term] ..
//
// A row is named by block number and row: `blockNumber * 65536 + row`, as u32 (block numbers wrap around
// after 65,536 blocks; far fewer are held).
//
// An open block is appended to and scanned by queries; a sealed one has no slack, postings, and changes
// only in which of its rows live: `trace` (NONE: taken out again), `previous`, `liveRows`, `resourceRows`.
//
// Rarely used columns (status messages, trace states, dropped counts, links) exist from the first row
// that needs them.

import type { Dictionary } from "../../model/dictionary.ts";
import type { Rows, Vocabulary } from "./columns.ts";
import type { TermTable } from "./term-table.ts";
import { makePostings } from "./postings.ts";
import { type Column, SpareArrays } from "./spare-arrays.ts";

/** Rows are u16 in the postings. */
export const BLOCK_ROWS_MAX = 65_536;
/** Resources and scopes are u16 in the rows. */
export const BLOCK_OWNERS_MAX = 65_535;
/** A block is sealed early when its strings exceed this, so that offsets stay within u32. */
export const BLOCK_ARENA_BYTES_MAX = 256 * 1024 * 1024;

/** A row and an event in the columns that every block has. */
const ROW_BYTES = 65;
const EVENT_BYTES = 18;

const FIRST_OWNERS = 16;

/** Blocks differ by a few per cent: an array that is used again shall fit the next one too. */
const SPARE_SLACK = 1.125;

type Trim = <C extends Column>(column: C, length: number) => C;

/** Resources or scopes of a block: owners of terms, with up to three texts and a dropped count. */
export class OwnerTable {
  count = 0;
  /** Dictionary entries; a resource uses only `schemaUrl`. Longer than `count` until sealed. */
  name: Uint32Array = new Uint32Array(FIRST_OWNERS);
  version: Uint32Array = new Uint32Array(FIRST_OWNERS);
  schemaUrl: Uint32Array = new Uint32Array(FIRST_OWNERS);
  dropped: Uint32Array = new Uint32Array(FIRST_OWNERS);
  /** Terms of owner i: [termStart[i], termStart[i + 1]). */
  termStart: Uint32Array = new Uint32Array(FIRST_OWNERS + 1);
  terms: Uint32Array = new Uint32Array(4 * FIRST_OWNERS);
  #termCount = 0;
  /** Open addressing, linear probing: slot -> owner + 1, 0 = free. */
  #table = new Uint32Array(2 * FIRST_OWNERS);

  /** The owner with this content, added if it is new. */
  intern(
    name: number,
    version: number,
    schemaUrl: number,
    dropped: number,
    terms: readonly number[],
  ): number {
    const mask = this.#table.length - 1;
    let slot = hashOwner(name, version, schemaUrl, dropped, terms) & mask;
    for (let owner = this.#table[slot]! - 1; owner >= 0; owner = this.#table[slot]! - 1) {
      const isTexts =
        this.name[owner] === name &&
        this.version[owner] === version &&
        this.schemaUrl[owner] === schemaUrl &&
        this.dropped[owner] === dropped;
      if (isTexts && this.#hasTerms(owner, terms)) return owner;
      slot = (slot + 1) & mask;
    }
    const owner = this.count++;
    this.#table[slot] = owner + 1;
    if (owner === this.name.length) this.#grow();
    this.name[owner] = name;
    this.version[owner] = version;
    this.schemaUrl[owner] = schemaUrl;
    this.dropped[owner] = dropped;
    const end = this.#termCount + terms.length;
    if (end > this.terms.length) this.terms = resized(this.terms, 2 * end);
    this.terms.set(terms, this.#termCount);
    this.#termCount = end;
    this.termStart[owner + 1] = end;
    if (2 * this.count > this.#table.length) this.#rehash();
    return owner;
  }

  /** No more owners will come: gives the slack and the look-up memory back. */
  seal(): void {
    this.#table = new Uint32Array(0);
    this.name = this.name.slice(0, this.count);
    this.version = this.version.slice(0, this.count);
    this.schemaUrl = this.schemaUrl.slice(0, this.count);
    this.dropped = this.dropped.slice(0, this.count);
    this.termStart = this.termStart.slice(0, this.count + 1);
    this.terms = this.terms.slice(0, this.#termCount);
  }

  memoryBytes(): number {
    const lists = this.termStart.byteLength + this.terms.byteLength;
    return this.name.byteLength * 4 + lists + this.#table.byteLength;
  }

  #hasTerms(owner: number, terms: readonly number[]): boolean {
    const start = this.termStart[owner]!;
    if (this.termStart[owner + 1]! - start !== terms.length) return false;
    for (let i = 0; i < terms.length; i++) if (this.terms[start + i] !== terms[i]) return false;
    return true;
  }

  #rehash(): void {
    const table = new Uint32Array(this.#table.length * 2);
    const mask = table.length - 1;
    for (let owner = 0; owner < this.count; owner++) {
      const terms = this.terms.subarray(this.termStart[owner], this.termStart[owner + 1]);
      const texts = [this.name[owner]!, this.version[owner]!, this.schemaUrl[owner]!] as const;
      let slot = hashOwner(...texts, this.dropped[owner]!, terms) & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = owner + 1;
    }
    this.#table = table;
  }

  #grow(): void {
    const size = this.name.length * 2;
    this.name = resized(this.name, size);
    this.version = resized(this.version, size);
    this.schemaUrl = resized(this.schemaUrl, size);
    this.dropped = resized(this.dropped, size);
    this.termStart = resized(this.termStart, size + 1);
  }
}

/** What a block is told when it is opened. */
export interface BlockName {
  readonly id: number;
  readonly number: number;
}

export class Block implements Rows, Vocabulary {
  /** 1, 2, 3, … in the order in which blocks were opened; never given out again. */
  readonly id: number;
  /** In the names of rows; given out again once the block has gone. */
  readonly number: number;
  sealed = false;
  /** When it was sealed, ms since the Unix epoch; 0 if the head has no clock. */
  sealedMs = 0;
  /** Numbers of the first and the last record of the log that have rows here; 0: none. */
  firstSequence = 0;
  lastSequence = 0;
  /** Rows of record `lastSequence` that lie here and in the blocks before. */
  lastSequenceRows = 0;
  /** False if record `lastSequence` goes on in the next block. */
  lastSequenceEnds = true;
  /** The last record with rows here that is known to be durable; 0: none. */
  settledSequence = 0;
  rows = 0;
  /** Rows whose trace is still held, less those that were taken out again. */
  liveRows = 0;
  /** Span starts, µs. */
  startUsMin = Infinity;
  startUsMax = -Infinity;

  readonly dictionary: Dictionary;
  readonly terms: TermTable;
  readonly resources: OwnerTable = new OwnerTable();
  readonly scopes: OwnerTable = new OwnerTable();
  /** Live rows of each resource. */
  resourceRows: Uint32Array = new Uint32Array(FIRST_OWNERS);
  /** Dictionary entry of each resource's service name. */
  resourceService: Uint32Array = new Uint32Array(FIRST_OWNERS);

  /** Ordinal of the row's trace; NONE: the row was taken out again. */
  trace: Uint32Array;
  /**
   * The next older row of the trace, or NONE. It may lie in a block that has gone, whose number may have
   * been given to a newer one: `Head.forEachRow` knows.
   */
  previous: Uint32Array;
  /** Two words a row: the 8 bytes as they are. */
  spanId: Uint32Array;
  parentSpanId: Uint32Array;
  startUs: Float64Array;
  startRestNs: Uint16Array;
  durationNs: Float64Array;
  name: Uint32Array;
  kind: Uint8Array;
  statusCode: Uint8Array;
  origin: Uint8Array;
  flags: Uint32Array;
  resource: Uint16Array;
  scope: Uint16Array;
  attributeStart: Uint32Array;
  eventStart: Uint32Array;
  statusMessage: Uint32Array | undefined;
  traceState: Uint32Array | undefined;
  /** Three words a row: dropped attributes, events, links. */
  dropped: Uint32Array | undefined;
  linkStart: Uint32Array | undefined;

  attributes = 0;
  attribute: Uint32Array;

  events = 0;
  eventUs: Float64Array;
  eventRestNs: Uint16Array;
  eventName: Uint32Array;
  eventTermStart: Uint32Array;
  eventDropped: Uint32Array | undefined;
  eventTerms = 0;
  eventTerm: Uint32Array;

  links = 0;
  /** 6 words a link: trace id, span id. */
  linkIds: Uint32Array = new Uint32Array(0);
  /** 3 words a link: trace state, flags, dropped attributes. */
  linkRest: Uint32Array = new Uint32Array(0);
  linkTermStart: Uint32Array = new Uint32Array(1);
  linkTerms = 0;
  linkTerm: Uint32Array = new Uint32Array(0);

  /** After sealing: rows with term t in span, event or link: [postingStart[t], postingStart[t + 1]). */
  postingStart: Uint32Array = new Uint32Array(0);
  posting: Uint16Array = new Uint16Array(0);

  /** Rows that the row columns have room for. */
  #rowsHeld: number;
  #spares: SpareArrays | undefined;

  /**
   * @param rowsMax at most BLOCK_ROWS_MAX. @param before sizes the first arrays like this block's.
   * @param spares where arrays come from; the block keeps its slack then, and can be given back.
   */
  constructor({ id, number }: BlockName, rowsMax: number, before?: Block, spares?: SpareArrays) {
    this.id = id;
    this.number = number;
    this.#rowsHeld = rowsMax;
    this.#spares = spares;
    const from = spares ?? new SpareArrays();
    this.dictionary = from.dictionary();
    this.terms = from.termTable(before === undefined ? 0 : before.terms.count);
    this.trace = from.words(rowsMax);
    this.previous = from.words(rowsMax);
    this.spanId = from.words(2 * rowsMax);
    this.parentSpanId = from.words(2 * rowsMax);
    this.startUs = from.doubles(rowsMax);
    this.startRestNs = from.shorts(rowsMax);
    this.durationNs = from.doubles(rowsMax);
    this.name = from.words(rowsMax);
    this.kind = from.octets(rowsMax);
    this.statusCode = from.octets(rowsMax);
    this.origin = from.octets(rowsMax);
    this.flags = from.words(rowsMax);
    this.resource = from.shorts(rowsMax);
    this.scope = from.shorts(rowsMax);
    this.attributeStart = from.words(rowsMax + 1);
    this.eventStart = from.words(rowsMax + 1);
    const slack = spares === undefined ? 1 : SPARE_SLACK;
    const sized = (least: number, count = 0): number => Math.max(least, Math.ceil(slack * count));
    this.attribute = from.words(sized(4 * rowsMax, before?.attributes));
    const events = sized(64, before?.events);
    this.eventUs = from.doubles(events);
    this.eventRestNs = from.shorts(events);
    this.eventName = from.words(events);
    this.eventTermStart = from.words(events + 1);
    this.eventTerm = from.words(sized(64, before?.eventTerms));
  }

  get vocabulary(): Vocabulary {
    return this;
  }

  internEntry(entry: number, to: Dictionary): number {
    const from = this.dictionary;
    const start = from.start(entry);
    return to.internHashed(from.arena, start, from.ends[entry]!, from.hashes[entry]!);
  }

  get rowsMax(): number {
    return this.trace.length;
  }

  /** True if the block should take no more rows. */
  isFull(): boolean {
    return (
      this.rows === this.trace.length ||
      this.resources.count >= BLOCK_OWNERS_MAX ||
      this.scopes.count >= BLOCK_OWNERS_MAX ||
      this.dictionary.arenaBytes > BLOCK_ARENA_BYTES_MAX
    );
  }

  /** Term of row `row`'s first `service.name`, as a dictionary entry. */
  serviceOfRow(row: number): number {
    return this.resourceService[this.resource[row]!]!;
  }

  /** Notes the service of resource `resource`, which is the last one. */
  addResource(resource: number, service: number): void {
    if (resource === this.resourceService.length) {
      this.resourceRows = resized(this.resourceRows, 2 * resource);
      this.resourceService = resized(this.resourceService, 2 * resource);
    }
    this.resourceService[resource] = service;
  }

  /**
   * Ends appending: trims every array and builds the postings. Cost: about 0.3 µs a row, once.
   *
   * With spares, arrays are views of the larger ones that they were; not of a block that is mostly empty.
   */
  seal(): void {
    this.sealed = true;
    const { rows } = this;
    const keepsSlack = this.#spares !== undefined && 2 * rows >= this.trace.length;
    const trim: Trim = keepsSlack
      ? (column, length) => column.subarray(0, length) as typeof column
      : (column, length) => column.slice(0, length) as typeof column;
    if (!keepsSlack) {
      this.dictionary.trim();
      this.terms.trim();
      this.#rowsHeld = rows;
    }
    this.resources.seal();
    this.scopes.seal();
    this.resourceRows = this.resourceRows.slice(0, this.resources.count);
    this.resourceService = this.resourceService.slice(0, this.resources.count);
    if (rows < this.trace.length) this.#trimRows(rows, trim);
    this.attribute = trim(this.attribute, this.attributes);
    this.eventUs = trim(this.eventUs, this.events);
    this.eventRestNs = trim(this.eventRestNs, this.events);
    this.eventName = trim(this.eventName, this.events);
    this.eventTermStart = trim(this.eventTermStart, this.events + 1);
    this.eventDropped = this.eventDropped?.slice(0, this.events);
    this.eventTerm = trim(this.eventTerm, this.eventTerms);
    this.linkIds = this.linkIds.slice(0, 6 * this.links);
    this.linkRest = this.linkRest.slice(0, 3 * this.links);
    this.linkTermStart = this.linkTermStart.slice(0, this.links + 1);
    this.linkTerm = this.linkTerm.slice(0, this.linkTerms);
    const { postingStart, posting } = makePostings(this, this.#spares);
    this.postingStart = postingStart;
    this.posting = posting;
  }

  /** Gives the arrays to the spares that they came from: nobody may look at the block any more. */
  giveBack(): void {
    const spares = this.#spares;
    if (spares === undefined) return;
    this.#spares = undefined;
    const lists = [this.attribute, this.eventUs, this.eventRestNs, this.eventName];
    const terms = [this.eventTermStart, this.eventTerm, this.postingStart, this.posting];
    for (const column of [...this.#rowColumns(), ...lists, ...terms]) spares.give(column);
    spares.giveTables(this.dictionary, this.terms);
  }

  #rowColumns(): readonly (Column | undefined)[] {
    return [
      this.trace,
      this.previous,
      this.spanId,
      this.parentSpanId,
      this.startUs,
      this.startRestNs,
      this.durationNs,
      this.name,
      this.kind,
      this.statusCode,
      this.origin,
      this.flags,
      this.resource,
      this.scope,
      this.attributeStart,
      this.eventStart,
      this.statusMessage,
      this.traceState,
      this.dropped,
      this.linkStart,
    ];
  }

  /** Bytes that the block's arrays hold, slack included. */
  memoryBytes(): number {
    const optional =
      size(this.statusMessage) + size(this.traceState) + size(this.dropped) + size(this.linkStart);
    return (
      this.#rowsHeld * ROW_BYTES +
      optional +
      this.dictionary.memoryBytes() +
      this.terms.memoryBytes() +
      this.resources.memoryBytes() +
      this.scopes.memoryBytes() +
      this.resourceRows.byteLength * 2 +
      this.attribute.buffer.byteLength +
      (this.eventUs.buffer.byteLength / 8) * EVENT_BYTES +
      size(this.eventDropped) +
      this.eventTerm.buffer.byteLength +
      this.linkIds.byteLength +
      this.linkRest.byteLength +
      this.linkTermStart.byteLength +
      this.linkTerm.byteLength +
      this.postingStart.buffer.byteLength +
      this.posting.buffer.byteLength
    );
  }

  #trimRows(rows: number, trim: Trim): void {
    this.trace = trim(this.trace, rows);
    this.previous = trim(this.previous, rows);
    this.spanId = trim(this.spanId, 2 * rows);
    this.parentSpanId = trim(this.parentSpanId, 2 * rows);
    this.startUs = trim(this.startUs, rows);
    this.startRestNs = trim(this.startRestNs, rows);
    this.durationNs = trim(this.durationNs, rows);
    this.name = trim(this.name, rows);
    this.kind = trim(this.kind, rows);
    this.statusCode = trim(this.statusCode, rows);
    this.origin = trim(this.origin, rows);
    this.flags = trim(this.flags, rows);
    this.resource = trim(this.resource, rows);
    this.scope = trim(this.scope, rows);
    this.attributeStart = trim(this.attributeStart, rows + 1);
    this.eventStart = trim(this.eventStart, rows + 1);
    this.statusMessage = this.statusMessage?.slice(0, rows);
    this.traceState = this.traceState?.slice(0, rows);
    this.dropped = this.dropped?.slice(0, 3 * rows);
    this.linkStart = this.linkStart?.slice(0, rows + 1);
  }
}

function size(column: Uint32Array | undefined): number {
  return column === undefined ? 0 : column.byteLength;
}

// Differs in every process: nobody outside can prepare owners that collide.
const SEED = (Math.random() * 0x7fffffff) | 1;

function hashOwner(
  name: number,
  version: number,
  schemaUrl: number,
  dropped: number,
  terms: ArrayLike<number>,
): number {
  let hash = Math.imul(name ^ SEED, 0x9e3779b1) ^ Math.imul(version, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15) ^ schemaUrl, 0x2c1b3c6d) ^ dropped;
  for (let i = 0; i < terms.length; i++) {
    hash = Math.imul(hash ^ (hash >>> 13) ^ terms[i]!, SEED);
  }
  return hash ^ (hash >>> 16);
}

function resized(column: Uint32Array, length: number): Uint32Array {
  const larger = new Uint32Array(length);
  larger.set(column);
  return larger;
}
