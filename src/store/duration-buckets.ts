// The buckets in which durations are counted: by a chart, and in the statistics of a block.
//
//   bucket 0 is below 1 µs · bucket b > 0 begins at 2^((b - 1) / 8) µs · the last one has no end
//
// A quantile that is read out of them is off by less than 5 %.
// Source: docs/formats/segment.md; what is on disk is counted by the same function.

const BUCKETS_PER_OCTAVE = 8;
/** 44 octaves: the last bucket begins above 2^53 ns. */
export const DURATION_BUCKETS: number = 44 * BUCKETS_PER_OCTAVE;
const FIRST_NS = 1_000;
const BUCKETS_PER_E = BUCKETS_PER_OCTAVE / Math.LN2;
const FIRST_LOG = Math.log(FIRST_NS);

export function durationBucketOf(durationNs: number): number {
  if (!(durationNs >= FIRST_NS)) return 0;
  const bucket = 1 + Math.floor((Math.log(durationNs) - FIRST_LOG) * BUCKETS_PER_E);
  return Math.min(bucket, DURATION_BUCKETS - 1);
}

/**
 * The duration that `quantile` (0..1) of `calls` do not exceed, ns; interpolated within its bucket. NaN
 * without calls.
 */
export function quantileOf(buckets: Float64Array, calls: number, quantile: number): number {
  if (calls === 0) return NaN;
  const rank = Math.min(1, Math.max(0, quantile)) * calls;
  let below = 0;
  for (let i = 0; i < DURATION_BUCKETS; i++) {
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
