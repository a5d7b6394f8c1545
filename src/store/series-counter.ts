// Counts calls, errors and durations over time for charts: one pass over spans, then sliding windows.
//
//   spans, or minutes of statistics ─▶ slices of one step ─▶ lines ─┐
//   lines of other parts ───────────────────────────────────────────┴─ added up ─▶ finish
//   point k = slices that lie in [at - window, at)
//
// Every part of a store counts its spans and gives lines; whoever asked adds the lines up and makes the
// points. Only sums cross from one part to the other: quantiles are read out of summed up buckets.

import { assert } from "../base/assert.ts";
import { SpoorError } from "../base/errors.ts";
import type { Series, SeriesPoint, SeriesQuery } from "../model/trace-query.ts";
import { DURATION_BUCKETS, durationBucketOf, quantileOf } from "./duration-buckets.ts";

/** Points of one line; a chart has fewer pixels. */
export const POINTS_MAX = 11_000;
/** Steps of one window: as many as points. */
const WINDOW_STEPS_MAX = POINTS_MAX;
/** Steps of all lines: 16 MB, and 0.4 s of summing up at most. */
const STEPS_MAX = 1_000_000;
/** Steps with durations, 1.4 kB each: 140 MB. */
const DURATION_STEPS_MAX = 100_000;

const MINUTE_US = 60_000_000;

/** What one part counted of one line: plain data, of which several add up. */
export interface SeriesLine {
  readonly service: string;
  /** Left out if operations are not told apart. */
  readonly operation?: string;
  /** One entry a slice, the oldest first. */
  readonly calls: Float64Array;
  readonly errors: Float64Array;
  /** Only what is not zero: `count[n]` calls of slice `slice[n]` lasted as `bucket[n]` says. */
  readonly durations: {
    readonly slice: Uint32Array;
    readonly bucket: Uint16Array;
    readonly count: Uint32Array;
  };
}

/** Spans that were counted before, all of one minute, service, operation and kind. */
export interface CountedSpans {
  readonly calls: number;
  /** Calls with STATUS_ERROR. */
  readonly errors: number;
  /** `bucketCalls[n]` of them lasted as `bucket[n]` (duration-buckets.ts) says, n in [from, to). */
  readonly bucket: Uint16Array;
  readonly bucketCalls: Uint32Array;
  readonly from: number;
  readonly to: number;
}

interface Line {
  readonly service: string;
  readonly operation: string | undefined;
  readonly calls: Float64Array;
  readonly errors: Float64Array;
  /** Slice -> bucket -> count; slices without calls have none. */
  readonly durations: (Uint32Array | undefined)[];
}

export class SeriesCounter {
  /** Spans that start outside are of no use; both ends inclusive. */
  readonly startUsMin: number;
  readonly startUsMax: number;
  /**
   * True if every slice consists of whole minutes since the epoch: then `addCounts` may stand in for
   * `add`.
   */
  readonly takesMinutes: boolean;
  readonly #query: SeriesQuery;
  readonly #points: number;
  readonly #slices: number;
  readonly #kinds: ReadonlySet<number>;
  readonly #lines = new Map<string, Line>();
  #durationSteps = 0;

  /** @throws SpoorError `bad-input` if that are more points, or steps of a window, than can be. */
  constructor(query: SeriesQuery) {
    this.#query = query;
    this.#points = Math.floor(query.lookbackUs / query.stepUs) + 1;
    const windows = Math.max(1, Math.round(query.windowUs / query.stepUs));
    checkBound("points of a line", this.#points, POINTS_MAX);
    checkBound("steps in a window", windows, WINDOW_STEPS_MAX);
    this.#slices = this.#points + windows - 1;
    this.startUsMin = query.endUs - this.#slices * query.stepUs;
    this.startUsMax = Math.ceil(query.endUs) - 1;
    this.takesMinutes = query.endUs % MINUTE_US === 0 && query.stepUs % MINUTE_US === 0;
    this.#kinds = new Set(query.kinds);
  }

  wants(startUs: number, kind: number): boolean {
    return (
      startUs >= this.startUsMin &&
      startUs <= this.startUsMax &&
      (this.#kinds.size === 0 || this.#kinds.has(kind))
    );
  }

  /**
   * Counts one span that `wants` said yes to.
   *
   * @param operation left out unless the query tells operations apart.
   * @throws SpoorError `bad-input` if the answer becomes too large: nothing is left out of one.
   */
  add(
    service: string,
    operation: string | undefined,
    startUs: number,
    durationNs: number,
    error: boolean,
  ): void {
    const line = this.#line(service, operation);
    const slice = this.#sliceOf(startUs);
    line.calls[slice]!++;
    if (error) line.errors[slice]!++;
    if (this.#query.quantile === undefined) return;
    this.#buckets(line, slice)[durationBucketOf(durationNs)]!++;
  }

  /**
   * Counts the spans of a whole minute at once; only if `takesMinutes`, and `wants` said yes to the
   * minute's start and the spans' kind.
   *
   * @param minute whole minutes since the epoch. @throws as `add`.
   */
  addCounts(
    service: string,
    operation: string | undefined,
    minute: number,
    counted: CountedSpans,
  ): void {
    assert(this.takesMinutes, "the slices are whole minutes");
    const line = this.#line(service, operation);
    const slice = this.#sliceOf(minute * MINUTE_US);
    line.calls[slice]! += counted.calls;
    line.errors[slice]! += counted.errors;
    if (this.#query.quantile === undefined || counted.from === counted.to) return;
    const buckets = this.#buckets(line, slice);
    for (let at = counted.from; at < counted.to; at++) {
      buckets[counted.bucket[at]!]! += counted.bucketCalls[at]!;
    }
  }

  /** Adds what another part counted for the same query. @throws as `add`. */
  addLines(lines: readonly SeriesLine[]): void {
    for (const { service, operation, calls, errors, durations } of lines) {
      assert(calls.length === this.#slices, "parts of one answer have the same slices");
      const line = this.#line(service, operation);
      for (let slice = 0; slice < calls.length; slice++) {
        line.calls[slice]! += calls[slice]!;
        line.errors[slice]! += errors[slice]!;
      }
      const { slice, bucket, count } = durations;
      for (let at = 0; at < slice.length; at++) {
        this.#buckets(line, slice[at]!)[bucket[at]!]! += count[at]!;
      }
    }
  }

  /** What was counted, to be added to what others count. */
  lines(): SeriesLine[] {
    return this.#sorted().map(({ service, operation, calls, errors, durations }) => {
      const rest = { calls, errors, durations: sparse(durations) };
      return operation === undefined
        ? Object.assign(rest, { service })
        : Object.assign(rest, { service, operation });
    });
  }

  /** The lines as points, sorted by service and operation. */
  finish(): Series[] {
    return this.#sorted().map((line) => {
      const points = this.#pointsOf(line);
      const { service, operation } = line;
      return operation === undefined ? { service, points } : { service, operation, points };
    });
  }

  #line(service: string, operation: string | undefined): Line {
    const key = operation === undefined ? service : JSON.stringify([service, operation]);
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    checkBound("steps of all lines", (this.#lines.size + 1) * this.#slices, STEPS_MAX);
    const calls = new Float64Array(this.#slices);
    const errors = new Float64Array(this.#slices);
    const line = { service, operation, calls, errors, durations: [] };
    this.#lines.set(key, line);
    return line;
  }

  #sliceOf(startUs: number): number {
    const slice = Math.floor((startUs - this.startUsMin) / this.#query.stepUs);
    return Math.min(slice, this.#slices - 1); // steps that are no whole numbers round
  }

  #buckets(line: Line, slice: number): Uint32Array {
    const known = line.durations[slice];
    if (known !== undefined) return known;
    checkBound("steps with durations", ++this.#durationSteps, DURATION_STEPS_MAX);
    const buckets = new Uint32Array(DURATION_BUCKETS);
    line.durations[slice] = buckets;
    return buckets;
  }

  #sorted(): Line[] {
    return [...this.#lines.values()].sort(
      (one, two) => compare(one.service, two.service) || compare(one.operation, two.operation),
    );
  }

  #pointsOf(line: Line): SeriesPoint[] {
    const window = this.#slices - this.#points + 1;
    const points: SeriesPoint[] = [];
    const sum = new Float64Array(DURATION_BUCKETS);
    let calls = 0;
    let errors = 0;
    for (let slice = 0; slice < this.#slices; slice++) {
      calls += line.calls[slice]!;
      errors += line.errors[slice]!;
      addBuckets(sum, line.durations[slice], 1);
      const leaving = slice - window;
      if (leaving >= 0) {
        calls -= line.calls[leaving]!;
        errors -= line.errors[leaving]!;
        addBuckets(sum, line.durations[leaving], -1);
      }
      const point = slice - window + 1;
      if (point < 0) continue;
      const atUs = this.#query.endUs - (this.#points - 1 - point) * this.#query.stepUs;
      const quantile = this.#query.quantile;
      const durationNs = quantile === undefined ? NaN : quantileOf(sum, calls, quantile);
      points.push({ atUs, calls, errors, durationNs });
    }
    return points;
  }
}

function checkBound(what: string, found: number, expectedAtMost: number): void {
  if (found <= expectedAtMost) return;
  const message = `too many ${what} are asked for: take fewer services or a longer step`;
  throw new SpoorError("bad-input", message, { found, expectedAtMost });
}

function addBuckets(sum: Float64Array, buckets: Uint32Array | undefined, sign: number): void {
  if (buckets === undefined) return;
  for (let i = 0; i < DURATION_BUCKETS; i++) sum[i]! += sign * buckets[i]!;
}

function sparse(durations: readonly (Uint32Array | undefined)[]): SeriesLine["durations"] {
  let used = 0;
  for (const buckets of durations) used += buckets?.reduce(countUsed, 0) ?? 0;
  const slice = new Uint32Array(used);
  const bucket = new Uint16Array(used);
  const count = new Uint32Array(used);
  let to = 0;
  durations.forEach((buckets, from) => {
    for (let i = 0; buckets !== undefined && i < DURATION_BUCKETS; i++) {
      if (buckets[i] === 0) continue;
      slice[to] = from;
      bucket[to] = i;
      count[to++] = buckets[i]!;
    }
  });
  return { slice, bucket, count };
}

function countUsed(sum: number, count: number): number {
  return count === 0 ? sum : sum + 1;
}

function compare(one: string | undefined, two: string | undefined): number {
  const left = one ?? "";
  const right = two ?? "";
  return left < right ? -1 : left > right ? 1 : 0;
}
