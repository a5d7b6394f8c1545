// Attributes that say which library made a span describe the process: that is where they go.
//
//   span  telemetry.sdk.name = "opentelemetry"   ──▶   resource  telemetry.sdk.name = "opentelemetry"
//
// A resource that says otherwise stays as it is; then the span keeps its attribute and gets a warning.
// Source: Jaeger v2, adjuster MoveLibraryAttributes: the keys, and that only equal text is equal.

import { STRING } from "../../model/attribute-table.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type { RowWarnings } from "./row-warnings.ts";

const encoder = new TextEncoder();
const KEYS = [
  "telemetry.sdk.language",
  "telemetry.sdk.name",
  "telemetry.sdk.version",
  "telemetry.distro.name",
  "telemetry.distro.version",
].map((text) => ({ text, bytes: encoder.encode(text) }));

/** A value of a resource, either its own or one that moves to it. */
interface Held {
  readonly type: number;
  readonly low: number;
  readonly high: number;
  readonly moved: boolean;
}

/**
 * Adds to resources in place.
 * @returns one byte an attribute of `batch.spanAttributes`, 1 = it has moved; undefined: none has.
 */
export function moveLibraryAttributes(
  batch: SpanBatch,
  warnings: RowWarnings,
): Uint8Array | undefined {
  const keys = new Map<number, string>();
  for (const { text, bytes } of KEYS) {
    const key = batch.dictionary.find(bytes);
    if (key >= 0) keys.set(key, text);
  }
  if (keys.size === 0) return undefined;

  const table = batch.spanAttributes;
  let moved: Uint8Array | undefined;
  const heldOf = new Map<number, Map<number, Held>>();
  for (let row = 0; row < batch.rows; row++) {
    for (let at = batch.attributeStart[row]!; at < batch.attributeStart[row + 1]!; at++) {
      const key = table.key[at]!;
      const text = keys.get(key);
      if (text === undefined) continue;
      const held = heldBy(batch, batch.resource[row]!, keys, heldOf);
      const [type, low, high] = [table.type[at]!, table.words[2 * at]!, table.words[2 * at + 1]!];
      const known = held.get(key);
      if (known !== undefined && !(type === STRING && known.type === STRING && known.low === low)) {
        const what = "conflicting values between Span and Resource for attribute";
        warnings.add(row, `${what} ${text}`);
        continue;
      }
      if (known === undefined) held.set(key, { type, low, high, moved: true });
      moved ??= new Uint8Array(table.count);
      moved[at] = 1;
    }
  }
  for (const [resource, held] of heldOf) addMoved(batch, resource, held);
  return moved;
}

/** What a resource says of the keys; read once, since a resource may be long and have many spans. */
function heldBy(
  batch: SpanBatch,
  resource: number,
  keys: ReadonlyMap<number, string>,
  heldOf: Map<number, Map<number, Held>>,
): Map<number, Held> {
  const known = heldOf.get(resource);
  if (known !== undefined) return known;
  const held = new Map<number, Held>();
  const { key, type, words } = batch.resourceAttributes;
  const end = batch.resourceAttributeEnd[resource]!;
  for (let at = batch.resourceAttributeStart[resource]!; at < end; at++) {
    if (!keys.has(key[at]!) || held.has(key[at]!)) continue;
    const value = { type: type[at]!, low: words[2 * at]!, high: words[2 * at + 1]! };
    held.set(key[at]!, { ...value, moved: false });
  }
  heldOf.set(resource, held);
  return held;
}

/** A resource's attributes lie in one run, so a longer run begins anew at the end of the table. */
function addMoved(batch: SpanBatch, resource: number, held: ReadonlyMap<number, Held>): void {
  const more = [...held].filter(([, value]) => value.moved);
  if (more.length === 0) return;
  const table = batch.resourceAttributes;
  const start = batch.resourceAttributeStart[resource]!;
  const end = batch.resourceAttributeEnd[resource]!;
  batch.resourceAttributeStart[resource] = table.count;
  for (let at = start; at < end; at++) {
    table.addWords(table.key[at]!, table.type[at]!, table.words[2 * at]!, table.words[2 * at + 1]!);
  }
  for (const [key, value] of more) table.addWords(key, value.type, value.low, value.high);
  batch.closeResource(resource);
}
