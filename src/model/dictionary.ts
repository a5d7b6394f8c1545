// A set of byte strings, each with a small number: every name, key and value of a SpanBatch once.
//
//   arena   |GET /|http.method|GET|…            all bytes, one after the other
//   ends    0, 5, 16, 19, …                     entry i = arena[ends[i - 1] .. ends[i]), entry 0 = ""
//   table   open addressing, linear probing     slot -> entry, 0 = free (the empty string needs none)
//
// Interning works on bytes, so nothing is decoded on the way in; a JS string is made only when
// somebody asks for it, and once.
//
// Trust: bytes may be anything. `invalidUtf8` counts entries that are not UTF-8, so that a batch of
// sound text costs no second look. What a hostile sender can do is bounded by the bytes it may send:
// an entry costs at most 20 bytes beside its own, and a probe chain stays short because the hash is
// seeded per process and mixes every byte.

import { isUtf8 } from "./utf8.ts";

const FIRST_ENTRIES = 1 << 10;
const FIRST_ARENA_BYTES = 1 << 15;
/** Longer strings are copied by the engine's own memcpy; below it a loop is cheaper. */
const LOOP_COPY_BYTES = 48;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
// Differs in every process: nobody outside can prepare strings that collide.
const SEED = (Math.random() * 0x7fffffff) | 0;

/** Hash of `bytes[start..end)`, 32 bits, good enough in its low bits for a power-of-two table. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = SEED ^ Math.imul(end - start, 0x9e3779b1);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word =
      bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash = Math.imul(hash ^ word, 0x5bd1e995);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) {
    hash = Math.imul(hash ^ bytes[at]!, 0x5bd1e995);
    hash ^= hash >>> 13;
  }
  hash = Math.imul(hash, 0x85ebca6b);
  return hash ^ (hash >>> 16);
}

export class Dictionary {
  /** Number of entries; entry 0, the empty string, is always there. */
  count = 1;
  /** Bytes of all entries, valid up to `arenaBytes`. */
  arena: Uint8Array = new Uint8Array(FIRST_ARENA_BYTES);
  arenaBytes = 0;
  /** `ends[i]` is where entry `i` ends in the arena; it starts where the one before ends. */
  ends: Uint32Array = new Uint32Array(FIRST_ENTRIES);
  hashes: Int32Array = new Int32Array(FIRST_ENTRIES);
  /** The entries that are not valid UTF-8 (values of type bytes among them), rising. */
  invalidEntries: number[] = [];
  #table: Uint32Array = new Uint32Array(FIRST_ENTRIES * 2);
  #texts: (string | undefined)[] = [];

  /** Forgets everything and keeps the memory. Cost: the size of the table. */
  reset(): void {
    if (this.count > 1) this.#table.fill(0);
    this.count = 1;
    this.arenaBytes = 0;
    if (this.invalidEntries.length > 0) this.invalidEntries = [];
    if (this.#texts.length > 0) this.#texts = [];
  }

  /** How many entries are not valid UTF-8. */
  get invalidUtf8(): number {
    return this.invalidEntries.length;
  }

  /** The entry with the bytes `bytes[start..end)`, added if it is new. Amortized O(length). */
  intern(bytes: Uint8Array, start: number, end: number): number {
    if (start === end) return 0;
    return this.internHashed(bytes, start, end, hashBytes(bytes, start, end));
  }

  /** As `intern` for a caller that has the hash already (another dictionary's `hashes`). */
  internHashed(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (;;) {
      const entry = this.#table[slot]!;
      if (entry === 0) break;
      if (this.hashes[entry] === hash && this.#equals(entry, bytes, start, end)) return entry;
      slot = (slot + 1) & mask;
    }
    return this.#add(slot, bytes, start, end, hash);
  }

  /** The entry with these bytes, or -1. */
  find(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    const hash = hashBytes(bytes, 0, bytes.length);
    const mask = this.#table.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#table[slot]!;
      if (entry === 0) return -1;
      if (this.hashes[entry] === hash && this.#equals(entry, bytes, 0, bytes.length)) return entry;
    }
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
    return this.invalidUtf8 === 0 || isUtf8(this.arena, this.start(entry), this.ends[entry]!);
  }

  /** Bytes of memory held by the arrays. */
  memoryBytes(): number {
    return (
      this.arena.byteLength + this.ends.byteLength + this.hashes.byteLength + this.#table.byteLength
    );
  }

  /** Gives back the slack of the arrays; the dictionary stays usable. Cost: one copy. */
  trim(): void {
    this.arena = this.arena.slice(0, this.arenaBytes);
    this.ends = this.ends.slice(0, this.count);
    this.hashes = this.hashes.slice(0, this.count);
    this.#texts = [];
    let slots = FIRST_ENTRIES;
    while (slots * 3 < this.count * 4) slots *= 2;
    if (slots < this.#table.length) this.#rehash(slots);
  }

  #equals(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const own = entry === 0 ? 0 : this.ends[entry - 1]!;
    if (this.ends[entry]! - own !== end - start) return false;
    const arena = this.arena;
    for (let at = start, from = own; at < end; at++, from++) {
      if (arena[from] !== bytes[at]) return false;
    }
    return true;
  }

  #add(slot: number, bytes: Uint8Array, start: number, end: number, hash: number): number {
    const length = end - start;
    if (this.arenaBytes + length > this.arena.length) this.#growArena(length);
    const arena = this.arena;
    const to = this.arenaBytes;
    let high = 0;
    if (length <= LOOP_COPY_BYTES) {
      for (let i = 0; i < length; i++) {
        const byte = bytes[start + i]!;
        high |= byte;
        arena[to + i] = byte;
      }
    } else {
      arena.set(bytes.subarray(start, end), to);
      for (let at = start; at < end; at++) high |= bytes[at]!;
    }
    this.arenaBytes = to + length;
    const entry = this.count++;
    if (entry >= this.ends.length) this.#growEntries();
    this.ends[entry] = this.arenaBytes;
    this.hashes[entry] = hash;
    if (high > 0x7f && !isUtf8(arena, to, to + length)) this.invalidEntries.push(entry);
    if (this.count * 4 > this.#table.length * 3) this.#rehash(this.#table.length * 2);
    else this.#table[slot] = entry;
    return entry;
  }

  #growArena(more: number): void {
    const grown = new Uint8Array(Math.max(this.arena.length * 2, this.arenaBytes + more));
    grown.set(this.arena.subarray(0, this.arenaBytes));
    this.arena = grown;
  }

  #growEntries(): void {
    const ends = new Uint32Array(this.ends.length * 2);
    ends.set(this.ends);
    this.ends = ends;
    const hashes = new Int32Array(this.hashes.length * 2);
    hashes.set(this.hashes);
    this.hashes = hashes;
  }

  #rehash(slots: number): void {
    const table = new Uint32Array(slots);
    const mask = slots - 1;
    for (let entry = 1; entry < this.count; entry++) {
      let slot = this.hashes[entry]! & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = entry;
    }
    this.#table = table;
  }
}
