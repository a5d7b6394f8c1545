// The time of spans: the wall clock for when, the monotonic clock for how long.
//
//   now  = offset of the anchor + monotonic ms      fractions of a ms since the Unix epoch
//   once a second: is it still the wall clock's? ── no ──▶ a new anchor, for spans that start later
//
// A span keeps the anchor it started with, so a step of the wall clock never changes a duration,
// and a process that was asleep for an hour does not date its spans an hour back for ever.
// Not here: times as µs (reporters/).

/** How far the two clocks may be apart before the wall clock is followed. */
const DRIFT_MS_MAX = 10;
/** How often that is looked at: a call of the wall clock a second costs nothing. */
const LOOK_EVERY_MS = 1_000;

export interface Anchor {
  /** Wall clock minus monotonic clock. */
  readonly offsetMs: number;
}

export interface SpanClock {
  /** The anchor that `nowMs` counts from at the moment. */
  readonly anchor: Anchor;
  /** Milliseconds since the Unix epoch, with fractions. */
  nowMs(): number;
  /** The same by an anchor of earlier. */
  sinceMs(anchor: Anchor): number;
}

/** The machine's clocks, or others in a test. */
export class AnchoredClock implements SpanClock {
  anchor: Anchor;
  #lookAtMs: number;
  readonly #monotonicMs: () => number;
  readonly #wallMs: () => number;

  constructor(
    monotonicMs: () => number = () => performance.now(),
    wallMs: () => number = () => Date.now(),
    offsetMs: number = performance.timeOrigin,
  ) {
    this.#monotonicMs = monotonicMs;
    this.#wallMs = wallMs;
    this.anchor = { offsetMs };
    this.#lookAtMs = Number.NEGATIVE_INFINITY;
  }

  nowMs(): number {
    const monotonicMs = this.#monotonicMs();
    if (monotonicMs >= this.#lookAtMs) this.#look(monotonicMs);
    return this.anchor.offsetMs + monotonicMs;
  }

  sinceMs(anchor: Anchor): number {
    return anchor.offsetMs + this.#monotonicMs();
  }

  #look(monotonicMs: number): void {
    this.#lookAtMs = monotonicMs + LOOK_EVERY_MS;
    const offsetMs = this.#wallMs() - monotonicMs;
    if (Math.abs(offsetMs - this.anchor.offsetMs) > DRIFT_MS_MAX) this.anchor = { offsetMs };
  }
}
