// Who decides whether a trace is recorded, and how it signs its decision.
//
//   root span ─▶ isSampled(operation, tags, context) ─▶ yes: tags sampler.type, sampler.param
//
// Asked once for each trace that begins here; spans of a trace that came from elsewhere inherit its answer.
//
// Source: jaeger-client 3.19 (names, tags); jaeger-client-go 2.30.
// Not here: which sampler a configuration means (config.ts), debug spans, which no sampler decides on.

import type { SpanContext } from "./span-context.ts";

export const SAMPLER_TYPE = "sampler.type";
export const SAMPLER_PARAM = "sampler.param";

export type SamplerTags = Record<string, unknown>;

export interface Sampler {
  readonly name: string;
  /**
   * @param tags gets `sampler.type` and `sampler.param` when the answer is yes, and nothing else.
   * @param context has the new trace's id; without it the decision is drawn by lot.
   */
  isSampled(operation: string, tags: SamplerTags, context?: SpanContext): boolean;
  /**
   * Whether the answer depends on the operation: a no may then be asked for again, once, when the first
   * span of the trace gets another name.
   */
  readonly decidesByOperation?: boolean;
  /** Ends what it does by itself. Calls back at once. */
  close(callback?: () => void): void;
  toString(): string;
  /** Whether `other` decides alike: the same kind with the same parameters. */
  equal(other: Sampler): boolean;
}

/** Of a context, what samplers read: the low 64 bits of the trace id, as two words (signed or not). */
export interface TraceIdLow {
  readonly traceLowHigh: number;
  readonly traceLowLow: number;
}
