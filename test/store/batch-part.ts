// A part of a store that looks at every span for every question: slow and obvious. What joins parts is
// tested with it.
//
// Of a search it knows service, operation, kind, start and duration; conditions on attributes are the
// matter of brute-force.ts. Every answer comes a turn of the event loop later, as from another thread.

import { setImmediate } from "node:timers/promises";
import { RowCopier } from "../../src/model/copy-rows.ts";
import { STATUS_ERROR, SpanBatch } from "../../src/model/span-batch.ts";
import type {
  KeyQuery,
  Operation,
  SeriesQuery,
  TimeRange,
  TraceQuery,
  ValueQuery,
} from "../../src/model/trace-query.ts";
import { refuseCancelled } from "../../src/store/cancelled.ts";
import { CallCounts, type Hit, compareHits, makeHits } from "../../src/store/join-lists.ts";
import {
  type Calls,
  type Hits,
  NO_SERVICE,
  type Part,
  type SpanNames,
  type SpanServices,
} from "../../src/store/part.ts";
import { SeriesCounter, type SeriesLine } from "../../src/store/series-counter.ts";
import { ServiceNumbers } from "../../src/store/strangers.ts";
import { serviceText } from "./brute-force.ts";

interface Row {
  readonly batch: SpanBatch;
  readonly row: number;
  readonly trace: string;
  readonly span: string;
  readonly parent: string;
  readonly service: string;
  readonly operation: string;
  readonly startUs: number;
}

const NO_PARENT = "0".repeat(16);

export class BatchPart implements Part {
  readonly #rows: Row[] = [];

  constructor(batches: readonly SpanBatch[] = []) {
    for (const batch of batches) this.add(batch);
  }

  /** The batch is kept and must not change. */
  add(batch: SpanBatch): void {
    for (let row = 0; row < batch.rows; row++) this.#rows.push(rowOf(batch, row));
  }

  async search(
    query: TraceQuery,
    signal: AbortSignal,
    only?: readonly Uint8Array[],
  ): Promise<Hits> {
    await turn(signal);
    const wanted = only === undefined ? undefined : new Set(only.map(hex));
    const newest = new Map<string, Hit>();
    for (const row of this.#rows) {
      if (wanted?.has(row.trace) === false || !meets(row, query)) continue;
      const known = newest.get(row.trace);
      if (known !== undefined && known.startUs >= row.startUs) continue;
      newest.set(row.trace, { id: Buffer.from(row.trace, "hex"), startUs: row.startUs });
    }
    return makeHits([...newest.values()].sort(compareHits).slice(0, query.limit));
  }

  async readTraces(
    ids: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<readonly (SpanBatch | undefined)[]> {
    await turn(signal);
    return ids.map((id) => {
      const wanted = hex(id);
      const rows = this.#rows.filter((row) => row.trace === wanted);
      return rows.length === 0 ? undefined : makeTrace(rows);
    });
  }

  async services(signal: AbortSignal): Promise<readonly string[]> {
    await turn(signal);
    return [...new Set(this.#rows.map((row) => row.service))].sort();
  }

  async operations(
    service: string | undefined,
    kind: number | undefined,
    signal: AbortSignal,
  ): Promise<readonly Operation[]> {
    await turn(signal);
    const found = new Map<string, Operation>();
    for (const row of this.#rows) {
      const operation = { name: row.operation, kind: row.batch.kind[row.row]! };
      if (service !== undefined && row.service !== service) continue;
      if (kind !== undefined && operation.kind !== kind) continue;
      found.set(JSON.stringify([operation.name, operation.kind]), operation);
    }
    const byName = (one: Operation, two: Operation): number =>
      one.name < two.name ? -1 : one.name > two.name ? 1 : one.kind - two.kind;
    return [...found.values()].sort(byName);
  }

  async calls(range: TimeRange, signal: AbortSignal): Promise<Calls> {
    await turn(signal);
    const known = new Map(this.#rows.map((row) => [row.trace + row.span, row.service]));
    const counts = new CallCounts();
    const strangers: Row[] = [];
    for (const row of this.#rows) {
      if (row.parent === NO_PARENT) continue;
      if (row.startUs < range.startUsMin || row.startUs > range.startUsMax) continue;
      const parent = known.get(row.trace + row.parent);
      if (parent === undefined) strangers.push(row);
      else counts.add(parent, row.service, 1);
    }
    const numbers = new ServiceNumbers();
    return {
      counts: counts.sorted(),
      strangers: {
        service: Uint32Array.from(strangers, (row) => numbers.of(row.service)),
        services: numbers.services,
        traceIds: Buffer.from(strangers.map((row) => row.trace).join(""), "hex"),
        spanIds: Buffer.from(strangers.map((row) => row.parent).join(""), "hex"),
      },
    };
  }

  async spanServices({ traceIds, spanIds }: SpanNames, signal: AbortSignal): Promise<SpanServices> {
    await turn(signal);
    const known = new Map(this.#rows.map((row) => [row.trace + row.span, row.service]));
    const numbers = new ServiceNumbers();
    const service = Uint32Array.from({ length: spanIds.length / 8 }, (_, at) => {
      const trace = hex(traceIds.subarray(16 * at, 16 * at + 16));
      const found = known.get(trace + hex(spanIds.subarray(8 * at, 8 * at + 8)));
      return found === undefined ? NO_SERVICE : numbers.of(found);
    });
    return { services: numbers.services, service };
  }

  async series(query: SeriesQuery, signal: AbortSignal): Promise<readonly SeriesLine[]> {
    await turn(signal);
    const counter = new SeriesCounter(query);
    for (const { batch, row, service, operation, startUs } of this.#rows) {
      if (!query.services.includes(service) || !counter.wants(startUs, batch.kind[row]!)) continue;
      const name = query.byOperation ? operation : undefined;
      const isError = batch.statusCode[row] === STATUS_ERROR;
      counter.add(service, name, startUs, batch.durationNs[row]!, isError);
    }
    return counter.lines();
  }

  async attributeKeys(query: KeyQuery, signal: AbortSignal): Promise<readonly string[]> {
    const keys = await this.#spanAttributes(query, signal);
    return firstOf(
      keys.map(([key]) => key),
      query,
    );
  }

  async attributeValues(query: ValueQuery, signal: AbortSignal): Promise<readonly string[]> {
    const found = await this.#spanAttributes(query, signal);
    const values = found.filter(([key]) => key === query.key).map(([, value]) => value);
    return firstOf(values, query);
  }

  /** Of spans only, with a text for a value: numbers of the dictionary would do as well. */
  async #spanAttributes(query: KeyQuery, signal: AbortSignal): Promise<[string, string][]> {
    await turn(signal);
    const found: [string, string][] = [];
    for (const { batch, row, service, startUs } of this.#rows) {
      if (query.service !== undefined && query.service !== service) continue;
      if (startUs < query.startUsMin || startUs > query.startUsMax) continue;
      const table = batch.spanAttributes;
      for (let at = batch.attributeStart[row]!; at < batch.attributeStart[row + 1]!; at++) {
        const value = String(table.bigs[at]);
        found.push([batch.dictionary.text(table.key[at]!), value]);
      }
    }
    return found;
  }
}

function firstOf(texts: readonly string[], { prefix, limit }: KeyQuery): string[] {
  const wanted = new Set(texts.filter((text) => text.startsWith(prefix)));
  return [...wanted].sort().slice(0, limit);
}

function meets({ batch, row, service, operation, startUs }: Row, query: TraceQuery): boolean {
  const durationNs = batch.durationNs[row]!;
  return (
    startUs >= query.startUsMin &&
    startUs <= query.startUsMax &&
    (query.service === undefined || service === query.service) &&
    (query.operation === undefined || operation === query.operation) &&
    (query.kind === undefined || batch.kind[row] === query.kind) &&
    (query.durationNsMin === undefined || durationNs >= query.durationNsMin) &&
    (query.durationNsMax === undefined || durationNs <= query.durationNsMax)
  );
}

function rowOf(batch: SpanBatch, row: number): Row {
  return {
    batch,
    row,
    trace: hex(batch.traceId.subarray(16 * row, 16 * row + 16)),
    span: hex(batch.spanId.subarray(8 * row, 8 * row + 8)),
    parent: hex(batch.parentSpanId.subarray(8 * row, 8 * row + 8)),
    service: serviceText(batch, row),
    operation: batch.dictionary.text(batch.name[row]!),
    startUs: batch.startUs[row]!,
  };
}

function makeTrace(rows: readonly Row[]): SpanBatch {
  const trace = new SpanBatch();
  const copiers = new Map<SpanBatch, RowCopier>();
  const sorted = rows.toSorted(
    (one, two) =>
      one.startUs - two.startUs ||
      one.batch.startRestNs[one.row]! - two.batch.startRestNs[two.row]!,
  );
  for (const { batch, row } of sorted) {
    let copier = copiers.get(batch);
    if (copier === undefined) copiers.set(batch, (copier = new RowCopier(batch, trace)));
    copier.copyRow(row);
  }
  return trace;
}

async function turn(signal: AbortSignal): Promise<void> {
  refuseCancelled(signal);
  await setImmediate();
  refuseCancelled(signal);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
