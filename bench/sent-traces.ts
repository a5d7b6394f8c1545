// Which traces were acknowledged: what the generator writes and the query bench draws from.
//
//   record  16 bytes trace id · u32 user · u32 unit · u32 trace within the unit · u32 spans
//
// Numbers are little endian. The unit and the trace within it say which spans it has (span-model.ts).

import { readFileSync, writeFileSync } from "node:fs";
import type { SendValues } from "./holed-bytes.ts";
import type { Unit } from "./span-model.ts";

const RECORD_BYTES = 32;
const FIRST_RECORDS = 1 << 12;

export interface SentTrace {
  /** 32 hex digits. */
  readonly id: string;
  readonly user: number;
  readonly unit: number;
  readonly trace: number;
  readonly spans: number;
}

export class SentTraces {
  #bytes = Buffer.alloc(FIRST_RECORDS * RECORD_BYTES);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** All traces of a unit, as they were sent. @param spans of each trace of the unit. */
  add(unit: Unit, number: number, values: SendValues, spans: Uint32Array): void {
    for (let trace = 0; trace < unit.traces; trace++) {
      const at = this.#count * RECORD_BYTES;
      if (at === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, this.#bytes]);
      for (let word = 0; word < 4; word++) {
        this.#bytes.writeUInt32BE(values.traces[4 * trace + word]!, at + 4 * word);
      }
      this.#bytes.writeUInt32LE(values.users[trace]!, at + 16);
      this.#bytes.writeUInt32LE(number, at + 20);
      this.#bytes.writeUInt32LE(trace, at + 24);
      this.#bytes.writeUInt32LE(spans[trace]!, at + 28);
      this.#count++;
    }
  }

  at(index: number): SentTrace {
    const at = index * RECORD_BYTES;
    const bytes = this.#bytes;
    return {
      id: bytes.toString("hex", at, at + 16),
      user: bytes.readUInt32LE(at + 16),
      unit: bytes.readUInt32LE(at + 20),
      trace: bytes.readUInt32LE(at + 24),
      spans: bytes.readUInt32LE(at + 28),
    };
  }

  save(path: string): void {
    writeFileSync(path, this.#bytes.subarray(0, this.#count * RECORD_BYTES));
  }

  static load(path: string): SentTraces {
    const sent = new SentTraces();
    const bytes = readFileSync(path);
    sent.#bytes = bytes.length === 0 ? sent.#bytes : bytes;
    sent.#count = bytes.length / RECORD_BYTES;
    return sent;
  }
}

/** Spans of each trace of a unit. */
export function countSpans(unit: Unit): Uint32Array {
  const spans = new Uint32Array(unit.traces);
  for (const { trace } of unit.spans) spans[trace]!++;
  return spans;
}
