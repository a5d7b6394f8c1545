// Moves spans of hosts whose clocks contradict their parents'.
//
//   parent  |-----------------|             parent  |-----------------|
//   child  |-----|                    ──▶   child         |-----|         centred: both ways of the
//                                                                          call took equally long
//   a child that lasted longer than its parent is only moved to start with it
//   a child on its parent's host moves as its parent did
//
// Moving is bounded, and by default off; what was not done is told in a warning of the span.
// Source: Jaeger's clock skew adjuster (the rule and the texts). The host of a process is what `ip`,
// `host.id`, `host.ip`, `host.name` say, the first of them; without any, every child is compared.
// Trust: parents may form circles (which no root leads to, so they stay as they are), ids may be
// there twice (only the first span takes part), and a trace may be as deep as it is long.

import { printDurationNs } from "../../base/duration.ts";
import { ARRAY, STRING } from "../../model/attribute-table.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type { RowWarnings } from "./row-warnings.ts";
import type { SpanIdIndex } from "./span-id-index.ts";

const encoder = new TextEncoder();
const HOST_KEYS = ["ip", "host.id", "host.ip", "host.name"].map((key) => encoder.encode(key));

const NO_ROW = -1;

/**
 * Changes starts and times of events in place.
 *
 * @param index of the span ids of `batch`.
 * @param maxNs a span that would have to move further stays; 0: all stay.
 * Cost: some passes over the rows, about 0.2 µs a span.
 */
export function correctClockSkew(
  batch: SpanBatch,
  index: SpanIdIndex,
  maxNs: number,
  warnings: RowWarnings,
): void {
  const tree = makeTree(batch, index, warnings);
  const hosts = hostsOf(batch);
  const hostOf = (row: number): number => hosts[batch.resource[row]!]!;
  const deltaNs = new Float64Array(batch.rows);
  const pending: number[] = [...tree.roots].reverse();
  while (pending.length > 0) {
    const row = pending.pop()!;
    const parent = tree.parent[row]!;
    if (parent !== NO_ROW) {
      const isElsewhere = hostOf(row) === 0 || hostOf(row) !== hostOf(parent);
      const ownNs = isElsewhere ? skewOf(batch, row, parent) : deltaNs[parent]!;
      deltaNs[row] = ownNs;
      moveRow(batch, row, ownNs, maxNs, warnings);
    }
    for (let child = tree.child[row]!; child !== NO_ROW; child = tree.sibling[child]!) {
      pending.push(child);
    }
  }
}

interface Tree {
  readonly roots: readonly number[];
  /** Row → row, -1 = none. */
  readonly parent: Int32Array;
  readonly child: Int32Array;
  readonly sibling: Int32Array;
}

function makeTree(batch: SpanBatch, index: SpanIdIndex, warnings: RowWarnings): Tree {
  const parent = new Int32Array(batch.rows).fill(NO_ROW);
  const child = new Int32Array(batch.rows).fill(NO_ROW);
  const sibling = new Int32Array(batch.rows).fill(NO_ROW);
  const roots: number[] = [];
  for (let row = 0; row < batch.rows; row++) {
    if (index.first(batch.spanId, row) !== row) {
      warnings.add(row, "duplicate span IDs; skipping clock skew adjustment");
      continue;
    }
    if (isZero(batch.parentSpanId, row)) {
      roots.push(row);
      continue;
    }
    const found = index.first(batch.parentSpanId, row);
    if (found < 0) {
      const id = printId(batch.parentSpanId, row);
      warnings.add(row, `invalid parent span IDs=${id}; skipping clock skew adjustment`);
      roots.push(row);
      continue;
    }
    parent[row] = found;
    sibling[row] = child[found]!;
    child[found] = row;
  }
  return { roots, parent, child, sibling };
}

/** Resource → dictionary entry that names its host, 0 = unknown. */
function hostsOf(batch: SpanBatch): Uint32Array {
  const table = batch.resourceAttributes;
  const keys = HOST_KEYS.map((key) => batch.dictionary.find(key));
  const hosts = new Uint32Array(batch.resources);
  for (let resource = 0; resource < batch.resources; resource++) {
    const start = batch.resourceAttributeStart[resource]!;
    const end = batch.resourceAttributeEnd[resource]!;
    for (const key of keys) {
      const at = key < 0 ? -1 : table.find(key, start, end);
      if (at < 0 || (table.type[at] !== STRING && table.type[at] !== ARRAY)) continue;
      hosts[resource] = table.words[2 * at]!;
      break;
    }
  }
  return hosts;
}

/** How far `row` has to move to fit into `parent`, in ns. */
function skewOf(batch: SpanBatch, row: number, parent: number): number {
  const us = batch.startUs[row]! - batch.startUs[parent]!;
  const laterNs = us * 1_000 + (batch.startRestNs[row]! - batch.startRestNs[parent]!);
  const childNs = batch.durationNs[row]!;
  const parentNs = batch.durationNs[parent]!;
  if (childNs > parentNs) return laterNs < 0 ? -laterNs : 0;
  if (laterNs >= 0 && laterNs + childNs <= parentNs) return 0;
  return Math.trunc((parentNs - childNs) / 2) - laterNs;
}

function moveRow(
  batch: SpanBatch,
  row: number,
  deltaNs: number,
  maxNs: number,
  warnings: RowWarnings,
): void {
  if (deltaNs === 0) return;
  const delta = printDurationNs(deltaNs);
  if (maxNs === 0) {
    const what = "clock skew adjustment disabled; not applying calculated delta of";
    warnings.add(row, `${what} ${delta}`);
    return;
  }
  if (Math.abs(deltaNs) > maxNs) {
    const max = printDurationNs(maxNs);
    const what = `max clock skew adjustment delta of ${max} exceeded`;
    warnings.add(row, `${what}; not applying calculated delta of ${delta}`);
    return;
  }
  moveTime(batch.startUs, batch.startRestNs, row, deltaNs);
  for (let event = batch.eventStart[row]!; event < batch.eventStart[row + 1]!; event++) {
    moveTime(batch.eventUs, batch.eventRestNs, event, deltaNs);
  }
  warnings.add(row, `This span's timestamps were adjusted by ${delta}`);
}

function moveTime(us: Float64Array, restNs: Uint16Array, at: number, deltaNs: number): void {
  const ns = restNs[at]! + deltaNs;
  us[at] = us[at]! + Math.floor(ns / 1_000);
  restNs[at] = ns - Math.floor(ns / 1_000) * 1_000;
}

function isZero(ids: Uint8Array, row: number): boolean {
  for (let at = 8 * row; at < 8 * row + 8; at++) if (ids[at] !== 0) return false;
  return true;
}

function printId(ids: Uint8Array, row: number): string {
  let text = "";
  for (let at = 8 * row; at < 8 * row + 8; at++) text += ids[at]!.toString(16).padStart(2, "0");
  return text;
}
