// Arrays of blocks that have gone, for the next block: an engine that fills and lets go several blocks a
// second would otherwise make and throw away as many times 20 MB, and V8 looks through its whole heap after
// every 30 MB or so.
//
//   block goes ─ give ─▶ spare buffers ─ take ─▶ arrays of zeros for a new block
//
// Limits: BYTES_MAX of spare buffers; what is above is left to the garbage collector.

import { Dictionary } from "../../model/dictionary.ts";
import { TermTable } from "./term-table.ts";

/** Two blocks of usual spans. */
const BYTES_MAX = 40 * 1024 * 1024;
/** A buffer is taken for what needs at least this part of it. */
const USED_MIN = 1 / 2;
/** Dictionaries and term tables: one is filled while another is let go. */
const TABLES_MAX = 2;
/** A dictionary and a table of usual spans have some 8 MB; larger ones are let go. */
const TABLE_BYTES_MAX = 24 * 1024 * 1024;

export type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

type ColumnKind<C extends Column> = new (buffer: ArrayBuffer, offset: number, length: number) => C;

export class SpareArrays {
  bytes = 0;
  /** By size, the smallest first. */
  readonly #buffers: ArrayBuffer[] = [];
  readonly #dictionaries: Dictionary[] = [];
  readonly #terms: TermTable[] = [];

  words(length: number): Uint32Array<ArrayBuffer> {
    return this.#take(Uint32Array<ArrayBuffer>, length, 4 * length);
  }

  shorts(length: number): Uint16Array<ArrayBuffer> {
    return this.#take(Uint16Array<ArrayBuffer>, length, 2 * length);
  }

  octets(length: number): Uint8Array<ArrayBuffer> {
    return this.#take(Uint8Array<ArrayBuffer>, length, length);
  }

  doubles(length: number): Float64Array<ArrayBuffer> {
    return this.#take(Float64Array<ArrayBuffer>, length, 8 * length);
  }

  /** An empty one. */
  dictionary(): Dictionary {
    return this.#dictionaries.pop() ?? new Dictionary();
  }

  /** An empty one. */
  termTable(termsExpected: number): TermTable {
    return this.#terms.pop() ?? new TermTable(termsExpected);
  }

  /** The array must not be used again by who gives it. */
  give(column: Column | undefined): void {
    if (column === undefined) return;
    const { buffer } = column;
    if (!(buffer instanceof ArrayBuffer) || buffer.byteLength === 0) return;
    if (this.bytes + buffer.byteLength > BYTES_MAX) return;
    this.bytes += buffer.byteLength;
    this.#buffers.splice(this.#placeOf(buffer.byteLength), 0, buffer);
  }

  /** As `give`. */
  giveTables(dictionary: Dictionary, terms: TermTable): void {
    const bytes = dictionary.memoryBytes() + terms.memoryBytes();
    if (this.#dictionaries.length === TABLES_MAX || bytes > TABLE_BYTES_MAX) return;
    dictionary.reset();
    terms.reset();
    this.#dictionaries.push(dictionary);
    this.#terms.push(terms);
  }

  #take<C extends Column>(kind: ColumnKind<C>, length: number, bytes: number): C {
    const at = this.#placeOf(bytes);
    const found = this.#buffers[at];
    if (found === undefined || bytes < found.byteLength * USED_MIN) {
      return new kind(new ArrayBuffer(bytes), 0, length);
    }
    this.#buffers.splice(at, 1);
    this.bytes -= found.byteLength;
    const column = new kind(found, 0, length);
    column.fill(0);
    return column;
  }

  /** Where the first buffer of at least so many bytes is. */
  #placeOf(bytes: number): number {
    let low = 0;
    let high = this.#buffers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#buffers[middle]!.byteLength < bytes) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
