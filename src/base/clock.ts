// Time as an argument: the one file that reads the machine's clocks.
//
// Not here: formatting of times (wire/… for each format).

export interface Clock {
  /** Microseconds since the Unix epoch; steps with the system's clock. */
  nowUs(): number;
  /** Milliseconds from an arbitrary origin; never goes back. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowUs: () => Date.now() * 1_000,
  monotonicMs: () => performance.now(),
};
