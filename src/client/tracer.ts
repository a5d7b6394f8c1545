// Makes spans: ids, the decision to record, and what becomes of spans that are finished.
//
//   startSpan ─┬ a valid parent ──▶ its trace, its flags
//              └ none ──▶ new ids ──▶ debug id? ──▶ sampler ──▶ flags
//   span.finish() ── sampled ──▶ reporter.report
//
// Source: opentracing 0.14 (API), jaeger-client 3.19 tracer.js (behaviour, constructor).
// Trust: arguments are the application's and may be anything; reporters, samplers, throttlers and
// codecs may be the application's too: what they throw is counted, said once in a while, and swallowed.
// Not here: where the parts come from (config.ts), carriers (propagation/).

import {
  type Reference,
  type SpanContext as OpenTracingContext,
  type Span as OpenTracingSpan,
  Tracer as OpenTracingTracer,
  type SpanOptions as OpenTracingOptions,
} from "opentracing";
import { activeSpan, runWithSpan } from "./active-span.ts";
import { type BaggageRestrictions, DefaultBaggageRestrictions } from "./baggage-restrictions.ts";
import { BaggageSetter } from "./baggage-setter.ts";
import { type ClientMetrics, makeClientMetrics } from "./client-metrics.ts";
import { finishAfter } from "./finish-after.ts";
import { TEXT_CHARS_MAX, plainValue, printName } from "./plain-value.ts";
import { contextOf, findParent } from "./parent-context.ts";
import { makeProcessTags } from "./process-tags.ts";
import { type Codec, makeCodecs } from "./propagation/codec.ts";
import { RandomPool, type RandomWords } from "./random-ids.ts";
import { NoopReporter, type Process, type Reporter } from "./reporter.ts";
import type { SpanObserver } from "./rpc-metrics.ts";
import type { Sampler } from "./sampler.ts";
import { ConstSampler } from "./samplers/const-sampler.ts";
import { AnchoredClock, type SpanClock } from "./span-clock.ts";
import { FLAG_DEBUG, FLAG_SAMPLED, type SpanContext, makeSpanContext } from "./span-context.ts";
import { Span } from "./span.ts";
import { DefaultThrottler, type Throttler } from "./throttler.ts";

/** As users of jaeger-client have written theirs. */
export interface Logger {
  info(message: string): void;
  error(message: string): void;
  warn?(message: string): void;
}

export interface TracerOptions {
  readonly tags?: Readonly<Record<string, unknown>> | undefined;
  readonly metrics?: ClientMetrics | undefined;
  readonly logger?: Logger | undefined;
  /** Trace ids of 128 bits instead of 64. */
  readonly traceId128bit?: boolean | undefined;
  /** A span with `span.kind` = `server` takes the span id of its client, as Zipkin does it. */
  readonly shareRpcSpan?: boolean | undefined;
  readonly debugThrottler?: Throttler | undefined;
  readonly baggageRestrictions?: BaggageRestrictions | undefined;
  /** Sees every span, also those that are not sampled. */
  readonly observer?: SpanObserver | undefined;
  /** By format of OpenTracing; Jaeger's headers if it is not said. */
  readonly codecs?: Readonly<Record<string, Codec>> | undefined;
  /** Header instead of `uber-trace-id`, and prefix instead of `uberctx-`, where `codecs` is not said. */
  readonly contextKey?: string | undefined;
  readonly baggagePrefix?: string | undefined;
  /** Carries nothing to others and takes nothing from them, as a tracer that does nothing. */
  readonly isDisabled?: boolean | undefined;
  readonly clock?: SpanClock | undefined;
  readonly random?: RandomWords | undefined;
}

/** What the application did with spans that could not be done, since the start. */
export interface Misuse {
  finishedTwice: number;
  /** Tags, logs, names of a span that was finished. */
  afterFinish: number;
  /** Texts of tags and logs that were cut. */
  cut: number;
  /** Tags, logs and records of logs with fields beyond what a span may have. */
  dropped: number;
  /** Values and parts of the application that threw. */
  threw: number;
}

export interface SpanOptions {
  readonly childOf?: OpenTracingSpan | OpenTracingContext | null | undefined;
  readonly references?: readonly Reference[] | undefined;
  readonly tags?: Readonly<Record<string, unknown>> | undefined;
  /** Milliseconds since the Unix epoch, with fractions. */
  readonly startTime?: number | undefined;
}

export interface ActiveSpanOptions extends SpanOptions {
  /** Starts a trace of its own although a span is active. */
  readonly ignoreActiveSpan?: boolean | undefined;
  /** false: the function finishes the span itself. */
  readonly finishOnClose?: boolean | undefined;
}

const NO_OPTIONS: SpanOptions = Object.freeze({});
const NO_REFERENCES: readonly Reference[] = Object.freeze([]);
const DEBUG_ID = "jaeger-debug-id";
/** A mistake in a loop is not to fill the application's log. */
const COMPLAINTS_MAX = 10;

export class Tracer extends OpenTracingTracer {
  readonly metrics: ClientMetrics;
  readonly _serviceName: string;
  readonly _process: Process;
  readonly _clock: SpanClock;
  readonly _misuse: Misuse = { finishedTwice: 0, afterFinish: 0, cut: 0, dropped: 0, threw: 0 };
  _reporter: Reporter;
  readonly _sampler: Sampler;
  readonly _logger: Logger | undefined;
  readonly _observer: SpanObserver | undefined;
  readonly #closeListeners: (() => void)[] = [];
  readonly #random: RandomWords;
  readonly #isLong: boolean;
  readonly #isShared: boolean;
  readonly #isDisabled: boolean;
  readonly #throttler: Throttler;
  readonly #restrictions: BaggageRestrictions;
  readonly #baggage: BaggageSetter;
  readonly #injectors = new Map<string, Pick<Codec, "inject">>();
  readonly #extractors = new Map<string, Pick<Codec, "extract">>();
  #samplerTags: Record<string, unknown> = {};
  #complaints = 0;
  #reported = 0;
  #closing: Promise<void> | undefined;

  constructor(
    serviceName: string,
    reporter: Reporter = new NoopReporter(),
    sampler: Sampler = new ConstSampler(false),
    options: TracerOptions = {},
  ) {
    super();
    this.metrics = options.metrics ?? makeClientMetrics();
    this._serviceName = serviceName;
    this._process = { serviceName, tags: makeProcessTags(options.tags ?? {}) };
    this._clock = options.clock ?? new AnchoredClock();
    this._reporter = reporter;
    this._sampler = sampler;
    this._logger = options.logger;
    this._observer = options.observer;
    this.#random = options.random ?? new RandomPool();
    this.#isLong = options.traceId128bit === true;
    this.#isShared = options.shareRpcSpan === true;
    this.#isDisabled = options.isDisabled === true;
    this.#throttler = options.debugThrottler ?? new DefaultThrottler();
    this.#restrictions = options.baggageRestrictions ?? new DefaultBaggageRestrictions();
    this.#baggage = new BaggageSetter(this.#restrictions, this.metrics);
    const codecs = options.codecs ?? this.#makeCodecs(options);
    for (const [format, codec] of Object.entries(codecs)) {
      this.registerInjector(format, codec);
      this.registerExtractor(format, codec);
    }
    this.#throttler.setProcess(this._process);
    reporter.setProcess(this._process);
  }

  /**
   * Starts a span; without `childOf` and references it begins a trace, whether a span is active or not.
   *
   * Never throws: a parent that is no context of ours counts as none, and so do options that throw.
   */
  override startSpan(name: string, options?: SpanOptions | OpenTracingOptions): Span {
    const operation =
      typeof name === "string" && name.length <= TEXT_CHARS_MAX ? name : printName(name);
    try {
      return this.#start(operation, options ?? NO_OPTIONS);
    } catch (error) {
      this.#threw("an option of startSpan", error); // a getter, or a proxy
      return this.#start(operation, NO_OPTIONS);
    }
  }

  #start(operation: string, given: SpanOptions): Span {
    const references = Array.isArray(given.references)
      ? (given.references as readonly Reference[])
      : NO_REFERENCES;
    const parent = contextOf(given.childOf) ?? this.#parentOf(references);
    const tags = given.tags;
    const isServer = tags !== undefined && tags !== null && tags["span.kind"] === "server";

    if (parent === undefined || !parent.isValid) {
      return this.#startTrace(operation, parent, given, references);
    }
    const context = parent._makeChild();
    if (this.#isShared && isServer) {
      context.spanHigh = parent.spanHigh;
      context.spanLow = parent.spanLow;
      context.parentHigh = parent.parentHigh;
      context.parentLow = parent.parentLow;
    } else {
      this.#drawSpanId(context);
    }
    const span = new Span(this, operation, context, given, references);
    if (tags !== undefined) span.addTags(tags);
    if (context.isSampled()) {
      this.metrics.spansStartedSampled.increment(1);
      if (isServer) this.metrics.tracesJoinedSampled.increment(1);
    } else {
      this.metrics.spansStartedNotSampled.increment(1);
      if (isServer) this.metrics.tracesJoinedNotSampled.increment(1);
    }
    return span;
  }

  /**
   * Calls `fn` with a new span, which is active in all that `fn` calls and starts, and the child of
   * the span that is active now, unless the options name a parent. The span is finished when `fn`
   * has returned or its promise is settled; if it throws, with `error` and a log of what was thrown.
   */
  startActiveSpan<T>(name: string, fn: (span: Span) => T): T;
  startActiveSpan<T>(name: string, options: ActiveSpanOptions, fn: (span: Span) => T): T;
  startActiveSpan<T>(
    name: string,
    optionsOrFn: ActiveSpanOptions | ((span: Span) => T),
    maybeFn?: (span: Span) => T,
  ): T {
    const isShort = typeof optionsOrFn === "function";
    const fn = (isShort ? optionsOrFn : maybeFn) as (span: Span) => T;
    const options = isShort ? NO_OPTIONS : optionsOrFn;
    const span = this.startSpan(name, withActiveParent(options));
    const run = (): T => fn(span);
    if ((options as ActiveSpanOptions).finishOnClose === false) return runWithSpan(span, run);
    return finishAfter(span, () => runWithSpan(span, run));
  }

  /** The span that the current code works for, of whichever tracer; undefined outside of any. */
  activeSpan(): Span | undefined {
    return activeSpan();
  }

  /** Writes a context into a carrier. An unknown format, or a context of another library: nothing. */
  override inject(
    context: OpenTracingSpan | OpenTracingContext,
    format: string,
    carrier: unknown,
  ): void {
    const ours = contextOf(context);
    if (ours === undefined || this.#isDisabled) return;
    ours.isUndecided = false; // the next service is told
    const injector = this.#injectors.get(format);
    if (injector === undefined) return this._complain(`inject: no format ${printName(format)}`);
    try {
      injector.inject(ours, carrier);
    } catch (error) {
      this.#threw("an injector", error);
    }
  }

  /** null if the carrier has no context, or one that cannot be read (which is counted). */
  override extract(format: string, carrier: unknown): SpanContext | null {
    if (this.#isDisabled) return null;
    const extractor = this.#extractors.get(format);
    if (extractor === undefined) {
      this._complain(`extract: no format ${printName(format)}`);
      return null;
    }
    try {
      const context = extractor.extract(carrier);
      if (context?.isValid === true) context.isRemote = true;
      return context ?? null;
    } catch (error) {
      this.#threw("an extractor", error);
      return null;
    }
  }

  registerInjector(format: string, injector: Pick<Codec, "inject">): void {
    this.#injectors.set(format, injector);
  }

  registerExtractor(format: string, extractor: Pick<Codec, "extract">): void {
    this.#extractors.set(format, extractor);
  }

  /** Milliseconds since the Unix epoch, with fractions. */
  now(): number {
    return this._clock.nowMs();
  }

  /** What the application did with spans of this tracer that could not be done. */
  get misuse(): Readonly<Misuse> {
    return this._misuse;
  }

  /** Spans that have been given to the reporter. */
  get reportedSpans(): number {
    return this.#reported;
  }

  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  /** Resolves when all finished spans have been handed over or given up. Never rejects. */
  flush(): Promise<void> {
    return settled(() => this._reporter.flush());
  }

  /** Flushes and lets go of everything; spans that finish later are dropped. Never rejects. */
  close(callback?: () => void): Promise<void> {
    this.#closing ??= this.#close();
    return callback === undefined ? this.#closing : this.#closing.then(() => callback());
  }

  /** Calls back as soon as it is closed. */
  _onClose(listener: () => void): void {
    this.#closeListeners.push(listener);
  }

  async #close(): Promise<void> {
    for (const listener of this.#closeListeners) listener();
    const reporter = this._reporter;
    this._reporter = new NoopReporter();
    await settled(() => reporter.close());
    for (const part of [this._sampler, this.#throttler, this.#restrictions]) {
      try {
        part.close?.();
      } catch (error) {
        this.#threw("a close", error);
      }
    }
  }

  _report(span: Span): void {
    this.#reported++;
    this.metrics.spansFinished.increment(1);
    try {
      this._reporter.report(span);
    } catch (error) {
      this.#threw("a reporter", error);
    }
  }

  _finishedTwice(span: Span): void {
    this._misuse.finishedTwice++;
    this._complain(
      `operation=${span._operationName}, context=${span.context().toString()}: finished twice`,
    );
  }

  _setBaggage(span: Span, key: string, value: string): SpanContext {
    try {
      return this.#baggage.setBaggage(span, key, value);
    } catch (error) {
      this.#threw("baggage restrictions", error);
      return span.context();
    }
  }

  _isDebugAllowed(operation: string): boolean {
    try {
      return this.#throttler.isAllowed(operation);
    } catch (error) {
      this.#threw("a throttler", error);
      return false;
    }
  }

  /** Asks the sampler for a span with another name, once: the first of its trace, not yet sampled. */
  _decideAgain(span: Span): void {
    if (this._decideNoMore(span) && !span.context().isSampled()) this.#decide(span);
  }

  /** @returns whether it is the first span of its trace, which alone had a say */
  _decideNoMore(span: Span): boolean {
    const context = span.context();
    const first = context._first ?? context;
    if (first.spanHigh !== context.spanHigh || first.spanLow !== context.spanLow) return false;
    context.isUndecided = false;
    return true;
  }

  #startTrace(
    operation: string,
    parent: SpanContext | undefined,
    given: SpanOptions,
    references: readonly Reference[],
  ): Span {
    const context = makeSpanContext();
    this.#drawTraceId(context);
    let debugId: string | undefined;
    if (parent !== undefined) {
      context.baggage = parent.baggage;
      if (parent.isRemote) context.flags = parent.flags;
      if (parent.isDebugIDContainerOnly() && this._isDebugAllowed(operation)) {
        debugId = parent.debugId;
        context.flags = FLAG_SAMPLED | FLAG_DEBUG;
      }
    }
    const span = new Span(this, operation, context, given, references);
    if (debugId === undefined && parent?.isRemote !== true) {
      this.#decide(span);
      context.isUndecided = this._sampler.decidesByOperation === true && !context.isSampled();
    }
    if (given.tags !== undefined) span.addTags(given.tags);
    if (debugId !== undefined) span._addTag(DEBUG_ID, debugId);
    if (context.isSampled()) {
      this.metrics.spansStartedSampled.increment(1);
      this.metrics.tracesStartedSampled.increment(1);
    } else {
      this.metrics.spansStartedNotSampled.increment(1);
      this.metrics.tracesStartedNotSampled.increment(1);
    }
    return span;
  }

  #decide(span: Span): void {
    const tags = this.#samplerTags;
    const context = span.context();
    try {
      if (!this._sampler.isSampled(span._operationName, tags, context)) return;
    } catch (error) {
      this.#threw("a sampler", error);
      return;
    }
    context.flags |= FLAG_SAMPLED;
    this.#samplerTags = {};
    for (const key of Object.keys(tags)) span._addTag(key, tags[key]);
  }

  #parentOf(references: readonly Reference[]): SpanContext | undefined {
    if (references.length === 0) return undefined;
    try {
      return findParent(references);
    } catch (error) {
      this.#threw("a reference", error);
      return undefined;
    }
  }

  /** The span id of a root is the low half of its trace id, as other Jaeger clients have it. */
  #drawTraceId(context: SpanContext): void {
    const random = this.#random;
    this.#drawSpanId(context);
    context.traceLowHigh = context.spanHigh;
    context.traceLowLow = context.spanLow;
    if (!this.#isLong) return;
    context.traceHighHigh = random.next();
    context.traceHighLow = random.next();
  }

  #drawSpanId(context: SpanContext): void {
    const random = this.#random;
    do {
      context.spanHigh = random.next();
      context.spanLow = random.next();
    } while ((context.spanHigh | context.spanLow) === 0);
  }

  #makeCodecs({ contextKey, baggagePrefix }: TracerOptions): Record<string, Codec> {
    const onGarbage = (): void => this.metrics.decodingErrors.increment();
    return { ...makeCodecs({ propagation: ["jaeger"], contextKey, baggagePrefix, onGarbage }) };
  }

  #threw(what: string, error: unknown): void {
    this._misuse.threw++;
    this._complain(`${what} threw ${String(plainValue(error))}`);
  }

  _complain(message: string): void {
    if (this.#complaints >= COMPLAINTS_MAX) return;
    this.#complaints++;
    try {
      const rest = this.#complaints === COMPLAINTS_MAX ? " (no more of this will be said)" : "";
      this._logger?.error(`spoor: ${message}${rest}`);
    } catch {
      // A logger that throws cannot be told of.
    }
  }
}

async function settled(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch {
    // A reporter of the application's own; ours never reject.
  }
}

function withActiveParent(options: ActiveSpanOptions): SpanOptions {
  if (options.ignoreActiveSpan === true) return options;
  if (options.childOf !== undefined && options.childOf !== null) return options;
  if (options.references !== undefined && options.references.length > 0) return options;
  const childOf = activeSpan();
  return childOf === undefined ? options : { ...options, childOf };
}
