// IPv4 addresses that old clients send as numbers, as people write them.
//
//   ip = 16909060  ──▶  ip = "1.2.3.4"          INT and DOUBLE, of spans and of their process
//
// Source: Jaeger's IP tag adjuster: the two keys, and that text stays as it is.

import { type AttributeTable, DOUBLE, INT, STRING } from "../../model/attribute-table.ts";
import type { SpanBatch } from "../../model/span-batch.ts";

const encoder = new TextEncoder();
const KEYS = ["ip", "peer.ipv4"].map((key) => encoder.encode(key));

/** Changes values in place. Cost: nothing if the batch has none of the keys. */
export function normalizeAddresses(batch: SpanBatch): void {
  for (const bytes of KEYS) {
    const key = batch.dictionary.find(bytes);
    if (key < 0) continue;
    normalize(batch, batch.resourceAttributes, key);
    normalize(batch, batch.spanAttributes, key);
  }
}

function normalize(batch: SpanBatch, table: AttributeTable, key: number): void {
  for (let at = 0; at < table.count; at++) {
    if (table.key[at] !== key) continue;
    const type = table.type[at];
    if (type !== INT && type !== DOUBLE) continue;
    const address = type === INT ? table.words[2 * at]! : Math.trunc(table.doubles[at]!) >>> 0;
    table.replace(at, STRING, batch.dictionary.internText(printAddress(address)));
  }
}

function printAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}
