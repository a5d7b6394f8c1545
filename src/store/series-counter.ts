// Counts calls, errors and durations over time for charts: one pass over spans, then sliding windows.
//
//   spans ─▶ slices of one step ─▶ point k = slices that lie in (at - window, at]
//
// Durations are counted in buckets that grow by 2^(1/8), so a quantile is off by less than 5 %.

import { SpoorError } from "../base/errors.ts";
import type { Series, SeriesPoint, SeriesQuery } from "../model/trace-query.ts";

/** Points of one line; a chart has fewer pixels. */
export const POINTS_MAX = 11_000;
/** Steps of one window: as many as points. */
const WINDOW_STEPS_MAX = POINTS_MAX;
/** Steps of all lines: 16 MB, and 0.4 s of summing up at most. */
const STEPS_MAX = 1_000_000;
/** Steps with durations, 1.4 kB each: 140 MB. */
const DURATION_STEPS_MAX = 100_000;
const BUCKETS_PER_OCTAVE = 8;
/** Bucket 0 is below 1 µs; the last is above 2^53 ns. */
const BUCKETS = 44 * BUCKETS_PER_OCTAVE;
const FIRST_NS = 1_000;

interface Line {
  readonly service: string;
  readonly operation: string | undefined;
  readonly calls: Float64Array;
  readonly errors: Float64Array;
  /** Slice -> bucket -> count; slices without calls have none. */
  readonly durations: (Uint32Array | undefined)[];
}

export class SeriesCounter {
  /** Spans that start outside are of no use. */
  readonly startUsMin: number;
  readonly startUsMax: number;
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
    this.startUsMax = query.endUs;
    this.startUsMin = query.endUs - this.#slices * query.stepUs;
    this.#kinds = new Set(query.kinds);
  }

  wants(startUs: number, kind: number): boolean {
    return (
      startUs > this.startUsMin &&
      startUs <= this.startUsMax &&
      (this.#kinds.size === 0 || this.#kinds.has(kind))
    );
  }

  /**
   * Counts one span that `wants` said yes to.
   *
   * @throws SpoorError `bad-input` if the answer becomes too large: nothing is left out of one.
   */
  add(
    service: string,
    operation: string | undefined,
    startUs: number,
    durationNs: number,
    error: boolean,
  ): void {
    const key = operation === undefined ? service : `${service}\n${operation}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      checkBound("steps of all lines", (this.#lines.size + 1) * this.#slices, STEPS_MAX);
      line = {
        service,
        operation,
        calls: new Float64Array(this.#slices),
        errors: new Float64Array(this.#slices),
        durations: [],
      };
      this.#lines.set(key, line);
    }
    const back = Math.floor((this.startUsMax - startUs) / this.#query.stepUs);
    const slice = this.#slices - 1 - back;
    line.calls[slice]!++;
    if (error) line.errors[slice]!++;
    if (this.#query.quantile === undefined) return;
    let buckets = line.durations[slice];
    if (buckets === undefined) {
      checkBound("steps with durations", ++this.#durationSteps, DURATION_STEPS_MAX);
      buckets = new Uint32Array(BUCKETS);
      line.durations[slice] = buckets;
    }
    buckets[bucketOf(durationNs)]!++;
  }

  /** The lines, sorted by service and operation. */
  finish(): Series[] {
    const lines = [...this.#lines.values()];
    lines.sort(
      (one, two) => compare(one.service, two.service) || compare(one.operation, two.operation),
    );
    return lines.map((line) => {
      const points = this.#pointsOf(line);
      const { service, operation } = line;
      return operation === undefined ? { service, points } : { service, operation, points };
    });
  }

  #pointsOf(line: Line): SeriesPoint[] {
    const window = this.#slices - this.#points + 1;
    const points: SeriesPoint[] = [];
    const sum = new Float64Array(BUCKETS);
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

function bucketOf(durationNs: number): number {
  if (durationNs < FIRST_NS) return 0;
  const bucket = 1 + Math.floor(Math.log2(durationNs / FIRST_NS) * BUCKETS_PER_OCTAVE);
  return Math.min(bucket, BUCKETS - 1);
}

function addBuckets(sum: Float64Array, buckets: Uint32Array | undefined, sign: number): void {
  if (buckets === undefined) return;
  for (let i = 0; i < BUCKETS; i++) sum[i]! += sign * buckets[i]!;
}

/** Interpolated within the bucket that holds the quantile. */
function quantileOf(buckets: Float64Array, calls: number, quantile: number): number {
  if (calls === 0) return NaN;
  const rank = Math.min(1, Math.max(0, quantile)) * calls;
  let below = 0;
  for (let i = 0; i < BUCKETS; i++) {
    const count = buckets[i]!;
    if (count > 0 && below + count >= rank) {
      const low = i === 0 ? 0 : FIRST_NS * 2 ** ((i - 1) / BUCKETS_PER_OCTAVE);
      const high = FIRST_NS * 2 ** (i / BUCKETS_PER_OCTAVE);
      return low + ((high - low) * (rank - below)) / count;
    }
    below += count;
  }
  return NaN;
}

function compare(one: string | undefined, two: string | undefined): number {
  const left = one ?? "";
  const right = two ?? "";
  return left < right ? -1 : left > right ? 1 : 0;
}
