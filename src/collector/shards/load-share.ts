// How much of what comes the thread with the sockets gives away: nothing while it can do all itself, and of a
// processor of its own as much as keeps it busy.
//
//   CPU of this thread in the last 50 ms    > 92 % ─▶ a tenth more goes to others
//                                           < 80 % ─▶ a tenth less
//
// CPU time, not time in the event loop: a thread that waits for a processor gains nothing from another
// thread that waits for one as well. On two processors beside a sender that takes one of them, giving half
// away cost 5 % of the rate and 20 % of the CPU.
//
// Not here: to whom (open-shards.ts).

import type { Clock } from "../../base/clock.ts";

/** Decides about one payload after the other. */
export interface Sharing {
  /** Whether others take the next payload. */
  goesOn(bytes: number): boolean;
}

/** Always as much. */
export class FixedShare implements Sharing {
  /** Of all bytes, 0..1. */
  share: number;
  /** Bytes that should have gone to others and did not. */
  #due = 0;

  constructor(share: number) {
    this.share = share;
  }

  goesOn(bytes: number): boolean {
    if (this.share === 0) this.#due = 0;
    this.#due += this.share * bytes;
    if (this.#due < bytes) return false;
    this.#due -= bytes;
    return true;
  }
}

const LOOK_MS = 50;
/** After a longer time nothing is known any more. */
const KNOWN_MS = 1_000;
const BUSY_MIN = 0.8;
const BUSY_MAX = 0.92;
const STEP = 0.1;

export class LoadShare implements Sharing {
  readonly #given = new FixedShare(0);
  readonly #clock: Clock;
  readonly #cpuMs: () => number;
  #lookedMs: number;
  #lookedCpuMs: number;

  /** @param cpuMs that this thread has used so far. */
  constructor(clock: Clock, cpuMs: () => number) {
    this.#clock = clock;
    this.#cpuMs = cpuMs;
    this.#lookedMs = clock.monotonicMs();
    this.#lookedCpuMs = cpuMs();
  }

  /** Of all bytes, 0..1. */
  get share(): number {
    return this.#given.share;
  }

  goesOn(bytes: number): boolean {
    this.#look();
    return this.#given.goesOn(bytes);
  }

  #look(): void {
    const nowMs = this.#clock.monotonicMs();
    const pastMs = nowMs - this.#lookedMs;
    if (pastMs < LOOK_MS) return;
    const cpuMs = this.#cpuMs();
    const busy = (cpuMs - this.#lookedCpuMs) / pastMs;
    this.#lookedMs = nowMs;
    this.#lookedCpuMs = cpuMs;
    const given = this.#given;
    if (pastMs > KNOWN_MS) given.share = 0;
    else if (busy > BUSY_MAX) given.share = Math.min(1, given.share + STEP);
    else if (busy < BUSY_MIN) given.share = Math.max(0, given.share - STEP);
  }
}
