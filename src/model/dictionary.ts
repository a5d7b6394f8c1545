// A set of byte strings, each with a small number: every name, key and value of a SpanBatch once.
//
//   arena   |GET /|http.method|GET|…            all bytes, one after the other
//   ends    0, 5, 16, 19, …                     entry i = arena[ends[i - 1] .. ends[i]), entry 0 = ""
//   table   open addressing, linear probing     slot -> (hash, entry), entry 0 = free
//
// Interning works on bytes, so nothing is decoded on the way in; a JS string is made only when
// somebody asks for it, and once. Bytes are hashed, compared and copied four at a time; the last four
// overlap the ones before, which is what makes the odd lengths cheap.
//
// Trust: bytes may be anything. `invalidUtf8` counts entries that are not UTF-8, so that a batch of
// sound text costs no second look. What a hostile sender can do is bounded by the bytes it may send:
// an entry costs at most 30 bytes beside its own, and a probe chain stays short because nobody can
// choose strings that collide (hash-bytes.ts).

import { hashView } from "./hash-bytes.ts";
import { type MemoryBound, unbounded } from "./limits.ts";
import { isUtf8 } from "./utf8.ts";

// Of a dictionary that is added to; an empty one holds next to nothing.
const FIRST_ENTRIES = 1 << 9;
const FIRST_ARENA_BYTES = 1 << 14;
/** Slots of the table at least; a power of two. */
const SLOTS_MIN = 1 << 4;
/** Longer strings are copied by the engine's own memcpy; below it a loop is cheaper. */
const LOOP_COPY_BYTES = 256;
/** `reset` clears single slots of the table if it is over this many times what was used of it. */
const SPARSE_TABLE = 16;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
const NO_BYTES = new Uint8Array(0);

/** Hash of `bytes[start..end)`, 32 bits, good enough in its low bits for a power-of-two table. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  return hashView(viewOf(bytes), start, end);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What makes a dictionary, as `Dictionary` has it. */
export interface DictionaryContent {
  readonly arena: Uint8Array;
  readonly ends: Uint32Array;
  readonly invalidEntries: number[];
}

export class Dictionary {
  /** Number of entries; entry 0, the empty string, is always there. */
  count = 1;
  /** Bytes of all entries, valid up to `arenaBytes`. */
  arena: Uint8Array = NO_BYTES;
  arenaBytes = 0;
  /** `ends[i]` is where entry `i` ends in the arena; it starts where the one before ends. */
  ends: Uint32Array = new Uint32Array(1);
  hashes: Int32Array = new Int32Array(1);
  /** The entries that are not valid UTF-8 (values of type bytes among them), rising. */
  invalidEntries: number[] = [];
  #arenaView: DataView = viewOf(NO_BYTES);
  /** The bytes last interned from: a payload's strings come one after the other. */
  #source: Uint8Array = NO_BYTES;
  #sourceView: DataView = viewOf(NO_BYTES);
  /** Two words a slot: hash, entry. */
  #table: Int32Array = new Int32Array(2 * SLOTS_MIN);
  #texts: (string | undefined)[] = [];
  readonly #bound: MemoryBound;

  constructor(bound: MemoryBound = unbounded) {
    this.#bound = bound;
  }

  /** Forgets everything and keeps the memory. Cost: what was used. */
  reset(): void {
    this.#clearTable();
    this.count = 1;
    this.arenaBytes = 0;
    if (this.invalidEntries.length > 0) this.invalidEntries = [];
    if (this.#texts.length > 0) this.#texts = [];
    this.#setSource(NO_BYTES);
  }

  /** How many entries are not valid UTF-8. */
  get invalidUtf8(): number {
    return this.invalidEntries.length;
  }

  /** The entry with the bytes `bytes[start..end)`, added if it is new. Amortized O(length). */
  intern(bytes: Uint8Array, start: number, end: number): number {
    if (start === end) return 0;
    if (bytes !== this.#source) this.#setSource(bytes);
    return this.#intern(start, end, hashView(this.#sourceView, start, end));
  }

  /** As `intern` for a caller that has the hash already (another dictionary's `hashes`). */
  internHashed(bytes: Uint8Array, start: number, end: number, hash: number): number {
    if (start === end) return 0;
    if (bytes !== this.#source) this.#setSource(bytes);
    return this.#intern(start, end, hash);
  }

  /**
   * As `intern` for a caller that has a guess which entry it will be; any number may be guessed.
   * A right guess costs a comparison instead of hash, probe and comparison.
   */
  internGuessed(bytes: Uint8Array, start: number, end: number, guess: number): number {
    if (bytes !== this.#source) this.#setSource(bytes);
    if (guess < this.count && this.#equals(guess, start, end)) return guess;
    if (start === end) return 0;
    return this.#intern(start, end, hashView(this.#sourceView, start, end));
  }

  /** The entry with these bytes, or -1. */
  find(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    this.#setSource(bytes);
    const hash = hashView(this.#sourceView, 0, bytes.length);
    const entry = this.#table[this.#findSlot(0, bytes.length, hash) + 1]!;
    this.#setSource(NO_BYTES);
    return entry === 0 ? -1 : entry;
  }

  internText(text: string): number {
    if (text.length === 0) return 0;
    const bytes = encoder.encode(text);
    return this.intern(bytes, 0, bytes.length);
  }

  findText(text: string): number {
    return this.find(encoder.encode(text));
  }

  /** Entry `entry` as a view into the arena: valid until the next entry is added. */
  bytes(entry: number): Uint8Array {
    return this.arena.subarray(this.start(entry), this.ends[entry]);
  }

  start(entry: number): number {
    return entry === 0 ? 0 : this.ends[entry - 1]!;
  }

  length(entry: number): number {
    return this.ends[entry]! - this.start(entry);
  }

  /** Entry `entry` as text; bytes that are not UTF-8 become U+FFFD. Decoded once. */
  text(entry: number): string {
    if (entry === 0) return "";
    let text = this.#texts[entry];
    if (text === undefined) {
      text = decoder.decode(this.bytes(entry));
      this.#texts[entry] = text;
    }
    return text;
  }

  /** True if entry `entry` is valid UTF-8. Cost: O(1) while the dictionary holds only UTF-8. */
  isUtf8(entry: number): boolean {
    return this.invalidUtf8 === 0 || isUtf8(this.arena, this.start(entry), this.ends[entry]);
  }

  /** Bytes of memory held by the arrays. */
  memoryBytes(): number {
    return (
      this.arena.byteLength + this.ends.byteLength + this.hashes.byteLength + this.#table.byteLength
    );
  }

  /**
   * Becomes a dictionary whose arrays are given and belong to it from now on: those of another thread,
   * where hashes differ. Cost: about 30 ns an entry.
   *
   * @param content the entries in order, entry 0 first; different ones; arrays without slack.
   */
  adopt(content: DictionaryContent): void {
    const { arena, ends, invalidEntries } = content;
    this.reset();
    this.#setArena(arena);
    this.arenaBytes = arena.length;
    this.ends = ends;
    this.count = ends.length;
    this.invalidEntries = invalidEntries;
    this.hashes = new Int32Array(ends.length);
    let start = 0;
    for (let entry = 1; entry < this.count; entry++) {
      const end = ends[entry]!;
      this.hashes[entry] = hashView(this.#arenaView, start, end);
      start = end;
    }
    let slots = SLOTS_MIN;
    while (slots * 3 < this.count * 4) slots *= 2;
    this.#rehash(slots);
  }

  /** Gives back the slack of the arrays; the dictionary stays usable. Cost: one copy. */
  trim(): void {
    this.#setArena(this.arena.slice(0, this.arenaBytes));
    this.ends = this.ends.slice(0, this.count);
    this.hashes = this.hashes.slice(0, this.count);
    this.#texts = [];
    this.#setSource(NO_BYTES);
    let slots = SLOTS_MIN;
    while (slots * 3 < this.count * 4) slots *= 2;
    if (slots * 2 < this.#table.length) this.#rehash(slots);
  }

  #setSource(bytes: Uint8Array): void {
    this.#source = bytes;
    this.#sourceView = viewOf(bytes);
  }

  #setArena(arena: Uint8Array): void {
    this.arena = arena;
    this.#arenaView = viewOf(arena);
  }

  #intern(start: number, end: number, hash: number): number {
    const slot = this.#findSlot(start, end, hash);
    const entry = this.#table[slot + 1]!;
    return entry === 0 ? this.#add(slot, start, end, hash) : entry;
  }

  /** Index in the table of the slot that has these bytes of the source, or of the free one. */
  #findSlot(start: number, end: number, hash: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    let slot = (hash << 1) & mask;
    for (;;) {
      const entry = table[slot + 1]!;
      if (entry === 0) return slot;
      if (table[slot] === hash && this.#equals(entry, start, end)) return slot;
      slot = (slot + 2) & mask;
    }
  }

  /** True if `entry` is the bytes `[start, end)` of the source. */
  #equals(entry: number, start: number, end: number): boolean {
    let own = entry === 0 ? 0 : this.ends[entry - 1]!;
    const ownEnd = this.ends[entry]!;
    if (ownEnd - own !== end - start) return false;
    const view = this.#sourceView;
    const arena = this.#arenaView;
    let at = start;
    for (; at + 4 <= end; at += 4, own += 4) {
      if (view.getInt32(at, true) !== arena.getInt32(own, true)) return false;
    }
    if (at === end) return true;
    if (end - start >= 4) return view.getInt32(end - 4, true) === arena.getInt32(ownEnd - 4, true);
    for (; at < end; at++, own++) if (view.getUint8(at) !== arena.getUint8(own)) return false;
    return true;
  }

  #add(slot: number, start: number, end: number, hash: number): number {
    if (this.arenaBytes + end - start > this.arena.length) this.#growArena(end - start);
    if (this.count >= this.ends.length) this.#growEntries();
    const isFull = (this.count + 1) * 8 > this.#table.length * 3;
    // All that may throw comes before the entry counts: what counts is in the table.
    // Slots are two words: as many as there are words now is twice as many slots.
    const slots = Math.max(this.#table.length, FIRST_ENTRIES);
    if (isFull) this.#bound.take(8 * (slots - Math.max(this.#table.length / 2, FIRST_ENTRIES)));
    const isAscii = this.#copyToArena(start, end);
    const entry = this.count++;
    const own = this.arenaBytes;
    this.arenaBytes = own + end - start;
    this.ends[entry] = this.arenaBytes;
    this.hashes[entry] = hash;
    if (!isAscii && !isUtf8(this.arena, own, this.arenaBytes)) this.invalidEntries.push(entry);
    if (isFull) {
      this.#rehash(slots);
    } else {
      this.#table[slot] = hash;
      this.#table[slot + 1] = entry;
    }
    return entry;
  }

  /** Copies `[start, end)` of the source behind the last entry. @returns true if it is ASCII. */
  #copyToArena(start: number, end: number): boolean {
    const view = this.#sourceView;
    const arena = this.#arenaView;
    let to = this.arenaBytes;
    let seen = 0;
    let at = start;
    if (end - start > LOOP_COPY_BYTES) {
      this.arena.set(this.#source.subarray(start, end), to);
      for (; at + 4 <= end; at += 4) seen |= view.getInt32(at, true);
      to += at - start;
    }
    for (; at + 4 <= end; at += 4, to += 4) {
      const word = view.getInt32(at, true);
      seen |= word;
      arena.setInt32(to, word, true);
    }
    for (; at < end; at++, to++) {
      const byte = view.getUint8(at);
      seen |= byte;
      arena.setUint8(to, byte);
    }
    return (seen & 0x80808080) === 0;
  }

  #growArena(more: number): void {
    const size = Math.max(this.arena.length * 2, FIRST_ARENA_BYTES, this.arenaBytes + more);
    this.#bound.take(size - Math.max(this.arena.length, FIRST_ARENA_BYTES));
    const grown = new Uint8Array(size);
    grown.set(this.arena.subarray(0, this.arenaBytes));
    this.#setArena(grown);
  }

  #growEntries(): void {
    const size = Math.max(this.ends.length * 2, FIRST_ENTRIES);
    this.#bound.take(8 * (size - Math.max(this.ends.length, FIRST_ENTRIES)));
    const ends = new Uint32Array(size);
    ends.set(this.ends);
    this.ends = ends;
    const hashes = new Int32Array(size);
    hashes.set(this.hashes);
    this.hashes = hashes;
  }

  #rehash(slots: number): void {
    const table = new Int32Array(slots * 2);
    const mask = table.length - 1;
    for (let entry = 1; entry < this.count; entry++) {
      const hash = this.hashes[entry]!;
      let slot = (hash << 1) & mask;
      while (table[slot + 1] !== 0) slot = (slot + 2) & mask;
      table[slot] = hash;
      table[slot + 1] = entry;
    }
    this.#table = table;
  }

  /** Frees every slot. One huge payload must not make each small one after it pay for its table. */
  #clearTable(): void {
    const table = this.#table;
    if (this.count * SPARSE_TABLE > table.length) {
      table.fill(0);
      return;
    }
    const mask = table.length - 1;
    for (let entry = 1; entry < this.count; entry++) {
      let slot = (this.hashes[entry]! << 1) & mask;
      while (table[slot + 1] !== entry) slot = (slot + 2) & mask;
      table[slot + 1] = 0;
    }
  }
}
