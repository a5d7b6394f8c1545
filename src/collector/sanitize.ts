// What every batch goes through before it is stored, whatever door it came in by.
//
//   text that is not UTF-8     replaced, original kept                       (sanitize-text.ts)
//   span without an id         taken out; the sender is told how many
//   service.name missing       missing-service-name
//                empty         empty-service-name
//                not a string  service-name-wrong-type
//   span name    empty         empty-span-name
//   duration     negative      1 ns, and a line in the span attribute @jaeger@warnings
//   collector.tags             added to every resource that does not have them
//
// Source: today's Jaeger, internal/jptrace/sanitizer; the warning is its text. A duration of zero is
// left alone (Jaeger "repairs" that too), and a span that no trace can hold is refused, since a
// search could find it only among all other spans without an id.
//
// Cost of a batch with nothing wrong: two comparisons a row and one look-up a resource.
// Trust: the batch is the peer's. Not here: what the numbers are counted for (intake.ts).

import { ARRAY, STRING } from "../model/attribute-table.ts";
import { RowCopier } from "../model/copy-rows.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { LENGTH, fieldTag } from "../wire/protobuf-reader.ts";
import { ProtobufWriter } from "../wire/protobuf-writer.ts";
import { LateAttributes, type Runs, addToRun } from "./late-attributes.ts";
import { sanitizeText } from "./sanitize-text.ts";

const encoder = new TextEncoder();
const SERVICE_NAME = encoder.encode("service.name");

/** Where inbound sanitizers leave their notes; the query shows them as `warnings` of the span. */
const WARNINGS_KEY = "@jaeger@warnings";

/** A batch as it may be stored, and how many of its rows may not. */
export interface Sanitized {
  /** The given batch, repaired in place; another one if rows had to be taken out. */
  readonly batch: SpanBatch;
  /** Rows without trace id or span id. */
  readonly invalidIds: number;
}

/** Makes the sanitizer of a collector that gives `tags` to every resource. */
export function makeSanitizer(tags: ReadonlyMap<string, string>): (batch: SpanBatch) => Sanitized {
  const sortedTags = [...tags].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return (received) => {
    sanitizeText(received);
    const invalidIds = countInvalidIds(received);
    const batch = invalidIds === 0 ? received : withoutInvalidIds(received);
    sanitizeServices(batch);
    sanitizeRows(batch);
    for (const [key, value] of sortedTags) addTag(batch, key, value);
    return { batch, invalidIds };
  };
}

function countInvalidIds(batch: SpanBatch): number {
  const { rows } = batch;
  let invalid = 0;
  for (let row = 0; row < rows; row++) if (hasInvalidId(batch, row)) invalid++;
  return invalid;
}

function hasInvalidId({ traceIdWords: trace, spanIdWords: span }: SpanBatch, row: number): boolean {
  const at = 4 * row;
  const isTraceless = (trace[at]! | trace[at + 1]! | trace[at + 2]! | trace[at + 3]!) === 0;
  return isTraceless || (span[2 * row]! | span[2 * row + 1]!) === 0;
}

function withoutInvalidIds(batch: SpanBatch): SpanBatch {
  const kept = new SpanBatch();
  const copier = new RowCopier(batch, kept);
  for (let row = 0; row < batch.rows; row++) if (!hasInvalidId(batch, row)) copier.copyRow(row);
  return kept;
}

/** The ranges of all resources, as they are now: the columns move when the batch grows. */
function resourcesOf(batch: SpanBatch): Runs {
  return {
    table: batch.resourceAttributes,
    starts: batch.resourceAttributeStart,
    ends: batch.resourceAttributeEnd,
  };
}

function sanitizeServices(batch: SpanBatch): void {
  const { dictionary } = batch;
  const runs = resourcesOf(batch);
  const { table, starts, ends } = runs;
  let key = dictionary.find(SERVICE_NAME);
  let missing = 0; // interned when it is needed, and once: a payload may have a million resources
  for (let resource = 0; resource < batch.resources; resource++) {
    const at = key < 0 ? -1 : table.find(key, starts[resource]!, ends[resource]!);
    if (at < 0) {
      if (key < 0) key = dictionary.internText("service.name");
      if (missing === 0) missing = dictionary.internText("missing-service-name");
      addToRun(runs, resource, key, STRING, missing);
    } else if (table.type[at] !== STRING) {
      table.replace(at, STRING, dictionary.internText("service-name-wrong-type"));
    } else if (table.words[2 * at] === 0) {
      table.replace(at, STRING, dictionary.internText("empty-service-name"));
    }
  }
}

function sanitizeRows(batch: SpanBatch): void {
  const { name, durationNs, rows } = batch;
  let unnamed = 0;
  let negative = 0;
  for (let row = 0; row < rows; row++) {
    if (name[row] === 0) unnamed++;
    if (durationNs[row]! < 0) negative++;
  }
  if (unnamed > 0) {
    const entry = batch.dictionary.internText("empty-span-name");
    for (let row = 0; row < rows; row++) if (name[row] === 0) name[row] = entry;
  }
  if (negative > 0) sanitizeDurations(batch);
}

function sanitizeDurations(batch: SpanBatch): void {
  const { dictionary, durationNs, spanAttributes: table, attributeStart: starts, rows } = batch;
  const key = dictionary.internText(WARNINGS_KEY);
  const late = new LateAttributes();
  const writer = new ProtobufWriter();
  for (let row = 0; row < rows; row++) {
    if (durationNs[row]! >= 0) continue;
    const warning = printWarning(batch, row);
    durationNs[row] = 1;
    const at = table.find(key, starts[row]!, starts[row + 1]!);
    const type = at < 0 ? -1 : table.type[at]!;
    const entry = at < 0 ? 0 : table.words[2 * at]!;
    writer.reset();
    if (type === STRING) writeElement(writer, dictionary.text(entry));
    writeElement(writer, warning);
    let elements = writer.bytes.subarray(0, writer.at);
    // Elements of a repeated field may be appended to its bytes.
    if (type === ARRAY) elements = joinBytes(dictionary.bytes(entry), elements);
    const warnings = dictionary.intern(elements, 0, elements.length);
    if (type === ARRAY || type === STRING) table.replace(at, ARRAY, warnings);
    else late.add(row, key, ARRAY, warnings);
  }
  late.insertInto(table, starts, rows);
}

/** One element of an ArrayValue: `values { string_value: text }`. */
function writeElement(writer: ProtobufWriter, text: string): void {
  const element = writer.open(fieldTag(1, LENGTH));
  writer.writeText(fieldTag(1, LENGTH), text);
  writer.close(element);
}

function joinBytes(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function printWarning(batch: SpanBatch, row: number): string {
  const us = batch.startUs[row]!;
  const ns = batch.startRestNs[row]!;
  const end = printGoTime(us, ns + batch.durationNs[row]!);
  return (
    "Negative duration detected, sanitizing end timestamp. " +
    `Original end timestamp: ${end}, adjusted to: ${printGoTime(us, ns + 1)}`
  );
}

/** As Go prints a time in UTC: `2023-11-14 22:13:20.000001 +0000 UTC`. */
function printGoTime(us: number, ns: number): string {
  const totalUs = us + Math.floor(ns / 1_000);
  const second = Math.floor(totalUs / 1e6);
  const restNs = (totalUs - second * 1e6) * 1_000 + (ns - Math.floor(ns / 1_000) * 1_000);
  const date = new Date(second * 1_000);
  if (Number.isNaN(date.getTime())) return `${second} s and ${restNs} ns since 1970`;
  const fraction = restNs === 0 ? "" : `.${String(restNs).padStart(9, "0").replace(/0+$/, "")}`;
  return `${date.toISOString().slice(0, -5).replace("T", " ")}${fraction} +0000 UTC`;
}

/** Adds a string attribute to every resource that does not have the same one already. */
function addTag(batch: SpanBatch, key: string, value: string): void {
  const runs = resourcesOf(batch);
  const { table, starts, ends } = runs;
  const keyEntry = batch.dictionary.internText(key);
  const valueEntry = batch.dictionary.internText(value);
  for (let resource = 0; resource < batch.resources; resource++) {
    let isThere = false;
    for (let at = starts[resource]!; at < ends[resource]!; at++) {
      const isSame = table.key[at] === keyEntry && table.words[2 * at] === valueEntry;
      if (isSame && table.type[at] === STRING) isThere = true;
    }
    if (!isThere) addToRun(runs, resource, keyEntry, STRING, valueEntry);
  }
}
