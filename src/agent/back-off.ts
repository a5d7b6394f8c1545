// How long an address is left alone after a failure: longer each time, spread by chance, never for long.
//
//   failures  1      2      3     …      8 and more
//   wait      100    200    400   …      10,000 ms, times 0.5 to 1

/** A collector that was started anew is there within a second. */
const WAIT_MS_MIN = 100;
/** Found again soon after an outage of any length; a connect that fails costs next to nothing. */
const WAIT_MS_MAX = 10_000;
/** What a collector may ask for: beyond, it is asked again to see whether it still means it. */
const ASKED_MS_MAX = 60_000;

/**
 * @param failures in a row, from 1.
 * @param random 0 ≤ x < 1.
 * @param askedMs what the peer asked for, if it did.
 */
export function backOffMs(failures: number, random: () => number, askedMs = 0): number {
  const exponent = Math.min(failures - 1, 20);
  const waitMs = Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** exponent) * (0.5 + random() / 2);
  return Math.max(waitMs, Math.min(askedMs, ASKED_MS_MAX) * (1 + random() / 4));
}
