// The newest traces of a search, as many as were asked for: by newest matching start, ties by rising id.
//
//   rows of a block ─▶ BlockHits (numbers) ─▶ NewestTraces (ids) ─▶ Hits
//
// Both forget what cannot be in the answer any more, so that memory follows the limit and not what matches.

import { idKey } from "../join-lists.ts";
import type { Hits } from "../part.ts";

/** Kept beyond the limit before something is forgotten. */
const SLACK_MIN = 256;

/** Traces of one block, by their numbers, which rise with their ids. */
export class BlockHits {
  count = 0;
  trace: Uint32Array;
  startUs: Float64Array;
  /** Starts below it are of no use; an equal one may win by its id. */
  threshold: number;
  readonly #limit: number;

  constructor(limit: number, threshold: number) {
    this.#limit = limit;
    this.threshold = threshold;
    this.trace = new Uint32Array(limit + Math.max(limit, SLACK_MIN));
    this.startUs = new Float64Array(this.trace.length);
  }

  /** A trace and its newest matching start. Traces come once each, by rising number. */
  add(trace: number, startUs: number): void {
    if (startUs < this.threshold) return;
    if (this.count === this.trace.length) this.shrink();
    if (startUs < this.threshold) return;
    this.trace[this.count] = trace;
    this.startUs[this.count++] = startUs;
  }

  /** Forgets all but the newest, if more than the limit are here. */
  shrink(): void {
    const limit = this.#limit;
    if (this.count < limit) return;
    const sorted = this.startUs.slice(0, this.count).sort();
    const threshold = sorted[this.count - limit]!;
    let newer = 0;
    for (let i = 0; i < this.count; i++) if (this.startUs[i]! > threshold) newer++;
    let ties = limit - newer;
    let to = 0;
    for (let i = 0; i < this.count; i++) {
      const startUs = this.startUs[i]!;
      if (startUs < threshold || (startUs === threshold && ties-- <= 0)) continue;
      this.trace[to] = this.trace[i]!;
      this.startUs[to++] = startUs;
    }
    this.count = to;
    this.threshold = Math.max(this.threshold, threshold);
  }
}

/** Traces of all blocks. */
export class NewestTraces {
  readonly #limit: number;
  /** 16 bytes as latin-1, which sorts as bytes do. */
  readonly #startUs = new Map<string, number>();
  #threshold = -Infinity;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Starts below it cannot be in the answer; -Infinity while there is room. */
  get threshold(): number {
    return this.#threshold;
  }

  /** @param idOf 16 bytes for a number. */
  add(hits: BlockHits, idOf: (trace: number) => Uint8Array): void {
    hits.shrink();
    for (let i = 0; i < hits.count; i++) {
      const id = idKey(idOf(hits.trace[i]!));
      const startUs = hits.startUs[i]!;
      if (startUs > (this.#startUs.get(id) ?? -Infinity)) this.#startUs.set(id, startUs);
    }
    if (this.#startUs.size < this.#limit) return;
    if (this.#startUs.size > this.#limit + SLACK_MIN) this.#keep(this.#sorted());
    else this.#threshold = this.#limitStart();
  }

  hits(): Hits {
    const found = this.#sorted();
    const ids = new Uint8Array(16 * found.length);
    found.forEach(([id], n) => {
      for (let i = 0; i < 16; i++) ids[16 * n + i] = id.charCodeAt(i);
    });
    return { ids, startUs: Float64Array.from(found, ([, startUs]) => startUs) };
  }

  #limitStart(): number {
    const starts = Float64Array.from(this.#startUs.values()).sort();
    return starts[starts.length - this.#limit]!;
  }

  #keep(newest: readonly (readonly [string, number])[]): void {
    this.#startUs.clear();
    for (const [id, startUs] of newest) this.#startUs.set(id, startUs);
    this.#threshold = newest[newest.length - 1]![1];
  }

  /** The answer, as far as it is known. */
  #sorted(): (readonly [string, number])[] {
    const all = [...this.#startUs];
    all.sort((one, two) => two[1] - one[1] || (one[0] < two[0] ? -1 : 1));
    return all.slice(0, this.#limit);
  }
}
