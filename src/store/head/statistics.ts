// What is counted over the spans of a head: services, operations, calls between services, and series.
//
// All of it is computed from the held spans when it is asked for, so it is never out of date. Works in
// slices, as search.ts.

import { KIND_CLIENT, KIND_SERVER, STATUS_ERROR } from "../../model/span-batch.ts";
import type {
  Dependency,
  Operation,
  Series,
  SeriesQuery,
  TimeRange,
} from "../../model/trace-query.ts";
import { SeriesCounter } from "../series-counter.ts";
import type { Block } from "./block.ts";
import type { Head } from "./head.ts";
import type { Pause } from "./pause.ts";

/** Traces between two looks at the clock. */
const TRACES_BETWEEN_PAUSES = 256;

export function servicesOf(head: Head): string[] {
  const names = new Set<string>();
  for (const block of head.blocks) {
    for (let owner = 0; owner < block.resources.count; owner++) {
      if (block.resourceRows[owner]! > 0) names.add(serviceName(block, owner));
    }
  }
  return [...names].sort(compareTexts);
}

export async function operationsOf(
  head: Head,
  service: string | undefined,
  kind: number | undefined,
  pause: Pause,
): Promise<Operation[]> {
  const found = new Map<string, Operation>();
  for (const block of head.blocks) {
    const wanted = wantedResources(block, service === undefined ? undefined : [service]);
    if (wanted === undefined) continue;
    const seen = new Set<number>();
    for (let row = 0; row < block.rows; row++) {
      if (wanted[block.resource[row]!] === 0) continue;
      const pair = block.name[row]! * 256 + block.kind[row]!;
      if (seen.has(pair) || !head.isLive(block, row)) continue;
      seen.add(pair);
      if (kind !== undefined && block.kind[row] !== kind) continue;
      const operation = { name: textOf(block, block.name[row]!), kind: block.kind[row]! };
      found.set(`${operation.kind} ${operation.name}`, operation);
    }
    await pause();
  }
  return [...found.values()].sort(
    (one, two) => compareTexts(one.name, two.name) || one.kind - two.kind,
  );
}

/**
 * Calls from the service of a parent span to the service of its child. Spans that share an id, as
 * Zipkin's client and server do, are a call too. Calls within a service are not counted.
 */
export async function dependenciesOf(
  head: Head,
  range: TimeRange,
  pause: Pause,
): Promise<Dependency[]> {
  const counts = new Map<string, { parent: string; child: string; callCount: number }>();
  const names = new Map<Block, string[]>();
  const first = head.traces.oldest;
  const count = head.traces.count;
  for (let k = 0; k < count; k++) {
    if (k % TRACES_BETWEEN_PAUSES === 0) await pause();
    const ordinal = (first + k) >>> 0;
    if (head.traces.isHeld(ordinal)) countCalls(head, ordinal, range, names, counts);
  }
  return [...counts.values()].sort(
    (one, two) => compareTexts(one.parent, two.parent) || compareTexts(one.child, two.child),
  );
}

export async function seriesOf(head: Head, query: SeriesQuery, pause: Pause): Promise<Series[]> {
  const counter = new SeriesCounter(query);
  for (const block of head.blocks) {
    if (block.startUsMax < counter.startUsMin || block.startUsMin > counter.startUsMax) continue;
    const wanted = wantedResources(block, query.services);
    if (wanted === undefined) continue;
    for (let row = 0; row < block.rows; row++) {
      const resource = block.resource[row]!;
      if (wanted[resource] === 0 || !counter.wants(block.startUs[row]!, block.kind[row]!)) continue;
      if (!head.isLive(block, row)) continue;
      counter.add(
        serviceName(block, resource),
        query.byOperation ? textOf(block, block.name[row]!) : undefined,
        block.startUs[row]!,
        block.durationNs[row]!,
        block.statusCode[row] === STATUS_ERROR,
      );
    }
    await pause();
  }
  return counter.finish();
}

interface SpanPlace {
  readonly service: string;
  readonly kind: number;
}

function countCalls(
  head: Head,
  ordinal: number,
  range: TimeRange,
  names: Map<Block, string[]>,
  counts: Map<string, { parent: string; child: string; callCount: number }>,
): void {
  const parents = new Map<number, SpanPlace[]>();
  head.forEachRow(ordinal, (block, row) => {
    const place = { service: nameOf(names, block, row), kind: block.kind[row]! };
    const id = idKey(block.spanId, row);
    const known = parents.get(id);
    if (known === undefined) parents.set(id, [place]);
    else if (known.length < SHARED_ID_MAX) known.push(place);
  });
  head.forEachRow(ordinal, (block, row) => {
    const startUs = block.startUs[row]!;
    if (startUs < range.startUsMin || startUs > range.startUsMax) return;
    const child = nameOf(names, block, row);
    const sharing = parents.get(idKey(block.spanId, row))!;
    const client =
      block.kind[row] === KIND_SERVER && sharing.length > 1
        ? sharing.find((place) => place.kind === KIND_CLIENT)
        : undefined;
    const parent = client ?? parents.get(idKey(block.parentSpanId, row))?.[0];
    if (parent === undefined || parent.service === child) return;
    const key = JSON.stringify([parent.service, child]);
    const call = counts.get(key);
    if (call === undefined) counts.set(key, { parent: parent.service, child, callCount: 1 });
    else call.callCount++;
  });
}

/** Two spans share an id with Zipkin; more than a few is somebody's mistake. */
const SHARED_ID_MAX = 4;

/**
 * A span id as a map key. 53 of its 64 bits: two spans of one trace that agree in those are taken for one
 * another once in 2^53 pairs.
 */
function idKey(column: Uint32Array, row: number): number {
  const low = column[2 * row]!;
  const high = column[2 * row + 1]!;
  // The end of an id counts whole: ids that somebody counted up differ only there.
  return high * 0x20_0000 + (low & 0x1f_ffff);
}

function nameOf(names: Map<Block, string[]>, block: Block, row: number): string {
  let known = names.get(block);
  if (known === undefined) {
    known = [];
    names.set(block, known);
  }
  const owner = block.resource[row]!;
  return (known[owner] ??= serviceName(block, owner));
}

/** Marks the resources of the wanted services; undefined if the block has none. */
function wantedResources(
  block: Block,
  services: readonly string[] | undefined,
): Uint8Array | undefined {
  const wanted = new Uint8Array(block.resources.count);
  if (services === undefined) return wanted.fill(1);
  const entries = new Set(services.map((name) => block.dictionary.findText(name)));
  let any = false;
  for (let owner = 0; owner < wanted.length; owner++) {
    if (!entries.has(block.resourceService[owner]!)) continue;
    wanted[owner] = 1;
    any = true;
  }
  return any ? wanted : undefined;
}

function serviceName(block: Block, owner: number): string {
  return textOf(block, block.resourceService[owner]!);
}

/** Decoded without filling the dictionary's cache: a block would keep the texts for good. */
function textOf(block: Block, entry: number): string {
  return entry === 0 ? "" : decoder.decode(block.dictionary.bytes(entry));
}

const decoder = new TextDecoder();

function compareTexts(one: string, two: string): number {
  return one < two ? -1 : one > two ? 1 : 0;
}
