// What collectors that sample adaptively know together: who calculates, from what, and the result.
//
//   each collector ── addThroughput ─▶ ┐
//   the leader     ◀─ findThroughput ─ ┤ SamplingState
//   the leader     ── saveResult ────▶ ┤
//   each collector ◀─ latestResult ─── ┘   acquireLease: one holder at a time
//
// Memory (memory-state.ts): collectors of one process. A file of the data directory (file-state.ts): one
// process that goes on after a restart. A directory (shared-state.ts): processes that agree.
// Source: Jaeger v1.76, internal/storage/v1/api/samplingstore (InsertThroughput, GetThroughput,
// InsertProbabilitiesAndQPS, GetLatestProbabilities) and distributedlock (Acquire, Forfeit).

/** What one collector counted of one operation within one interval. */
export interface Throughput {
  readonly service: string;
  readonly operation: string;
  /** Root spans that were sampled by probability; 0 if all were sampled by the lower bound. */
  readonly count: number;
  /** Values of `sampler.param` that were seen, as printProbability writes them; at most 10. */
  readonly probabilities: readonly string[];
}

export interface OperationResult {
  readonly service: string;
  readonly operation: string;
  readonly probability: number;
  /** Sampled traces a second that it was calculated from. */
  readonly tracesPerSecond: number;
}

export interface SamplingState {
  /** Stamps with the time of the call. @throws SpoorError `unavailable`, as all methods. */
  addThroughput(rows: readonly Throughput[]): Promise<void>;
  /** What was added after `afterUs` and not after `untilUs` (Unix epoch). */
  findThroughput(afterUs: number, untilUs: number): Promise<readonly Throughput[]>;
  /** What the leader found; a state that knows that another leads by now may drop it. */
  saveResult(rows: readonly OperationResult[]): Promise<void>;
  /** What was saved last; empty if nothing was. */
  latestResult(): Promise<readonly OperationResult[]>;
  /** Takes or renews the lead for `ttlMs`. @returns false while another holds it. */
  acquireLease(holder: string, ttlMs: number): Promise<boolean>;
  /** Gives the lead up, if `holder` has it. */
  releaseLease(holder: string): Promise<void>;
}
