// What the adjusters found odd about single spans, and how it reaches who reads the trace.
//
//   warnings.add(row, "…") ─▶ write ─▶ span attribute `@jaeger@warnings` = ARRAY of STRING
//                                      behind the row's own attributes, or longer if it was there
//
// Source: Jaeger v2, internal/jptrace/warning.go: the key, and that warnings add up.
// Not here: showing them (the writers of wire know the key).

import { ARRAY } from "../../model/attribute-table.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import { ProtobufWriter } from "../../wire/protobuf-writer.ts";
import { rewriteSpanAttributes } from "./rewrite-attributes.ts";

export const WARNINGS_KEY = "@jaeger@warnings";

/** ArrayValue { 1 values: AnyValue { 1 string_value } } */
const VALUES = 0x0a;
const STRING_VALUE = 0x0a;

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
   * Cost: one copy of the span attributes, 1 µs a warning; nothing if there is nothing to do.
   */
  write(batch: SpanBatch, dropped: Uint8Array | undefined): void {
    if (this.#texts.size === 0) {
      if (dropped !== undefined) rewriteSpanAttributes(batch, dropped, undefined);
      return;
    }
    const { dictionary, spanAttributes } = batch;
    const key = dictionary.internText(WARNINGS_KEY);
    const entries = new Uint32Array(batch.rows);
    const out = new ProtobufWriter();
    for (const [row, texts] of this.#texts) {
      out.reset();
      const end = batch.attributeStart[row + 1]!;
      const known = spanAttributes.find(key, batch.attributeStart[row]!, end);
      const isLonger = known >= 0 && spanAttributes.type[known] === ARRAY;
      for (const text of texts) {
        const mark = out.open(VALUES);
        out.writeText(STRING_VALUE, text);
        out.close(mark);
      }
      if (isLonger) {
        // Elements of a list may simply follow each other.
        const before = dictionary.bytes(spanAttributes.words[2 * known]!);
        const all = new Uint8Array(before.length + out.at);
        all.set(before);
        all.set(out.bytes.subarray(0, out.at), before.length);
        spanAttributes.replace(known, ARRAY, dictionary.intern(all, 0, all.length));
      } else {
        entries[row] = dictionary.intern(out.bytes, 0, out.at);
      }
    }
    rewriteSpanAttributes(batch, dropped, { key, type: ARRAY, entries });
  }
}
