// What the adjusters found odd about single spans, and how it reaches who reads the trace.
//
//   warnings.add(row, "…") ─▶ write ─▶ span attribute `@jaeger@warnings` = ARRAY of STRING
//                                      behind the row's own attributes, or longer if it was there
//
// Source: Jaeger v2, internal/jptrace/warning.go: the key, and that warnings add up.
// Not here: showing them (the writers of wire know the key).

import { ARRAY } from "../../model/attribute-table.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import { rewriteSpanAttributes } from "./rewrite-attributes.ts";

export const WARNINGS_KEY = "@jaeger@warnings";

const encoder = new TextEncoder();

export class RowWarnings {
  readonly #texts = new Map<number, string[]>();

  add(row: number, text: string): void {
    const texts = this.#texts.get(row);
    if (texts === undefined) this.#texts.set(row, [text]);
    else texts.push(text);
  }

  /** The texts of a row, oldest first. */
  of(row: number): readonly string[] {
    return this.#texts.get(row) ?? [];
  }

  /**
   * Puts all warnings into `batch`, and takes the attributes with a 1 in `dropped` out.
   *
   * @param dropped one byte an attribute of `batch.spanAttributes`; left out: none goes.
   * Cost: one copy of the span attributes, or nothing if there is nothing to do.
   */
  write(batch: SpanBatch, dropped: Uint8Array | undefined): void {
    if (this.#texts.size === 0 && dropped === undefined) return;
    const key = batch.dictionary.internText(WARNINGS_KEY);
    const entries = new Map<string, number>();
    rewriteSpanAttributes(batch, dropped, (row, table, first) => {
      const texts = this.#texts.get(row);
      if (texts === undefined) return;
      const bytes = concat(texts.map(encodeElement));
      const known = table.find(key, first, table.count);
      if (known >= 0 && table.type[known] === ARRAY) {
        const before = batch.dictionary.bytes(table.words[2 * known]!);
        table.replace(known, ARRAY, internBytes(batch, concat([before, bytes])));
        return;
      }
      const text = texts.join("\0");
      const entry = entries.get(text) ?? internBytes(batch, bytes);
      entries.set(text, entry);
      table.add(key, ARRAY, entry);
    });
  }
}

function internBytes(batch: SpanBatch, bytes: Uint8Array): number {
  return batch.dictionary.intern(bytes, 0, bytes.length);
}

/** One element of OTLP's ArrayValue: field 1, an AnyValue with field 1, a string. */
function encodeElement(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  const value = concat([Uint8Array.of(0x0a), encodeVarint(bytes.length), bytes]);
  return concat([Uint8Array.of(0x0a), encodeVarint(value.length), value]);
}

function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
