// One span while the application works on it.
//
//   tracer.startSpan ──▶ setTag, log, setBaggageItem … ──▶ finish ──▶ reporter
//
// A span that is not sampled keeps its context and its name, and takes no tag and no log, so it costs
// next to nothing. What reaches a finished span is ignored and counted: it could not be reported.
//
// Source: opentracing 0.14 (API), jaeger-client 3.19 (the fields that begin with _, which users read).
// Trust: every argument is the application's and may be anything; nothing throws.
// Not here: ids and the decision to sample (tracer.ts), what becomes of values (plain-value.ts).

import { type Reference, Span as OpenTracingSpan } from "opentracing";
import { TEXT_CHARS_MAX, cutText, plainValue, printName } from "./plain-value.ts";
import type { ObservedSpan } from "./rpc-metrics.ts";
import { FLAG_DEBUG, FLAG_SAMPLED, type SpanContext } from "./span-context.ts";
import type { Anchor } from "./span-clock.ts";
import type { SpanOptions, Tracer } from "./tracer.ts";

export interface Tag {
  readonly key: string;
  readonly value: unknown;
}

export interface LogRecord {
  /** Milliseconds since the Unix epoch, with fractions. */
  readonly timestamp: number;
  readonly fields: readonly Tag[];
}

/** Far more than a screen shows; a loop that tags one span for ever stays within it. */
export const TAGS_MAX = 1_024;
export const LOGS_MAX = 1_024;
/** Also of a record of a log. */
const FIELDS_MAX = 256;

const SAMPLING_PRIORITY = "sampling.priority";

// Shared by all spans that have none.
const NO_TAGS: Tag[] = [];
const NO_LOGS: LogRecord[] = [];
Object.freeze(NO_TAGS);
Object.freeze(NO_LOGS);

export class Span extends OpenTracingSpan {
  _operationName: string;
  _spanContext: SpanContext;
  /** Milliseconds since the Unix epoch, with fractions. */
  _startTime: number;
  /** Milliseconds, with fractions; undefined until a sampled span is finished. */
  _duration: number | undefined;
  /** Frozen while empty. */
  _tags: Tag[];
  _logs: LogRecord[];
  _references: readonly Reference[];
  /** Tags and logs beyond the bounds, which are not reported. */
  _droppedTags: number;
  _droppedLogs: number;
  readonly #tracer: Tracer;
  readonly #anchor: Anchor;
  readonly #observed: ObservedSpan | undefined;
  #isFinished: boolean;

  /** Made by a tracer only. */
  constructor(
    tracer: Tracer,
    operationName: string,
    context: SpanContext,
    options: SpanOptions,
    references: readonly Reference[],
  ) {
    super();
    const clock = tracer._clock;
    const { startTime } = options;
    this._operationName = operationName;
    this._spanContext = context;
    this._startTime = isTime(startTime) ? startTime : clock.nowMs();
    this._duration = undefined;
    this._tags = NO_TAGS;
    this._logs = NO_LOGS;
    this._references = references;
    this._droppedTags = 0;
    this._droppedLogs = 0;
    this.#tracer = tracer;
    this.#anchor = clock.anchor;
    this.#isFinished = false;
    const observer = tracer._observer;
    this.#observed =
      observer === undefined ? undefined : observer.startSpan(operationName, options.tags);
  }

  override context(): SpanContext {
    return this._spanContext;
  }

  override tracer(): Tracer {
    return this.#tracer;
  }

  get operationName(): string {
    return this._operationName;
  }

  get serviceName(): string {
    return this.#tracer._serviceName;
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  override setOperationName(name: string): this {
    if (this.#isFinished) {
      this.#tracer._misuse.afterFinish++;
      return this;
    }
    this._operationName = printName(name);
    if (this.#observed !== undefined) this.#observed.setOperationName(this._operationName);
    if (this._spanContext.isUndecided) this.#tracer._decideAgain(this);
    return this;
  }

  override setTag(key: string, value: unknown): this {
    if (this.#observed !== undefined && !this.#isFinished) this.#observed.setTag(key, value);
    if (key === SAMPLING_PRIORITY && !this.#setPriority(value)) return this;
    if (this.#isWriteable()) this._addTag(key, value);
    return this;
  }

  override addTags(tags: Readonly<Record<string, unknown>>): this {
    if (typeof tags !== "object" || tags === null) return this;
    try {
      // First, as it may make the span take the others.
      const priority = tags[SAMPLING_PRIORITY];
      if (priority !== undefined) this.setTag(SAMPLING_PRIORITY, priority);
      if (this.#observed !== undefined && !this.#isFinished) this.#observeTags(tags);
      if (!this.#isWriteable()) return this;
      for (const key in tags) {
        if (key !== SAMPLING_PRIORITY && Object.hasOwn(tags, key)) this._addTag(key, tags[key]);
      }
    } catch {
      this.#tracer._misuse.threw++; // a getter or a proxy of the application
    }
    return this;
  }

  /** @param timestamp milliseconds since the Unix epoch; now if left out. */
  override log(fields: Readonly<Record<string, unknown>>, timestamp?: number): this {
    if (!this.#isWriteable()) return this;
    if (this._logs.length >= LOGS_MAX) {
      this._droppedLogs++;
      this.#tracer._misuse.dropped++;
      return this;
    }
    const taken = this.#takeFields(fields);
    if (this._logs === NO_LOGS) this._logs = [];
    const now = isTime(timestamp) ? timestamp : this.#tracer._clock.sinceMs(this.#anchor);
    this._logs.push({ timestamp: now, fields: taken });
    return this;
  }

  override logEvent(event: string, payload?: unknown): void {
    this.log(payload === undefined ? { event } : { event, payload });
  }

  override setBaggageItem(key: string, value: string): this {
    const name = normalizeBaggageKey(key);
    this._spanContext = this.#tracer._setBaggage(this, name, cutText(printName(value)));
    return this;
  }

  override getBaggageItem(key: string): string | undefined {
    return this._spanContext.baggage?.[normalizeBaggageKey(key)];
  }

  /** @param finishTime milliseconds since the Unix epoch; now if left out. */
  override finish(finishTime?: number): void {
    if (this.#isFinished) {
      this.#tracer._finishedTwice(this);
      return;
    }
    this.#isFinished = true;
    const context = this._spanContext;
    const isSampled = context.isSampled();
    if (!isSampled && context.isUndecided) this.#tracer._decideNoMore(this);
    if (!isSampled && this.#observed === undefined) return;
    const end = isTime(finishTime) ? finishTime : this.#tracer._clock.sinceMs(this.#anchor);
    const duration = end - this._startTime;
    if (this.#observed !== undefined) this.#observed.finish(duration);
    if (!isSampled) return;
    this._duration = duration;
    this.#tracer._report(this);
  }

  /** Appends without asking whether the span is sampled or finished. */
  _addTag(key: string, value: unknown): void {
    if (this._tags.length >= TAGS_MAX) {
      this._droppedTags++;
      this.#tracer._misuse.dropped++;
      return;
    }
    if (this._tags === NO_TAGS) this._tags = [];
    const name = typeof key === "string" ? key : printName(key);
    this._tags.push({ key: name, value: typeof value === "string" ? this.#cut(value) : value });
  }

  /** For logs: without what would make it circular. */
  toJSON(): object {
    const { _operationName, _startTime, _duration, _tags, _logs } = this;
    return {
      operationName: _operationName,
      context: this._spanContext,
      startTime: _startTime,
      duration: _duration,
      tags: plainTags(_tags),
      logs: _logs.map(({ timestamp, fields }) => ({ timestamp, fields: plainTags(fields) })),
    };
  }

  #observeTags(tags: Readonly<Record<string, unknown>>): void {
    for (const key of Object.keys(tags)) this.#observed?.setTag(key, tags[key]);
  }

  #isWriteable(): boolean {
    if (this.#isFinished) {
      this.#tracer._misuse.afterFinish++;
      return false;
    }
    const context = this._spanContext;
    return context.isSampled() || context.isUndecided;
  }

  #cut(text: string): string {
    if (text.length <= TEXT_CHARS_MAX) return text;
    this.#tracer._misuse.cut++;
    return cutText(text);
  }

  #takeFields(fields: Readonly<Record<string, unknown>>): Tag[] {
    const taken: Tag[] = [];
    if (typeof fields !== "object" || fields === null) return taken;
    try {
      for (const key in fields) {
        if (!Object.hasOwn(fields, key)) continue;
        if (taken.length >= FIELDS_MAX) {
          this.#tracer._misuse.dropped++;
          break;
        }
        const value = fields[key];
        taken.push({ key, value: typeof value === "string" ? this.#cut(value) : value });
      }
    } catch {
      this.#tracer._misuse.threw++;
    }
    return taken;
  }

  /**
   * `sampling.priority`: above 0 makes the trace a debug one, as far as the throttler lets it; 0 and
   * below stops the recording of the trace in this process.
   *
   * @returns whether that changed anything, so that the tag is to be kept.
   */
  #setPriority(value: unknown): boolean {
    if (value === undefined || value === null || this.#isFinished) return false;
    const context = this._spanContext;
    context.isUndecided = false;
    if (!(Number(value) > 0)) {
      context.flags &= ~(FLAG_SAMPLED | FLAG_DEBUG);
      return true;
    }
    if (context.isDebug() || !this.#tracer._isDebugAllowed(this._operationName)) return false;
    context.flags |= FLAG_SAMPLED | FLAG_DEBUG;
    return true;
  }
}

function plainTags(tags: readonly Tag[]): object[] {
  return tags.map(({ key, value }) => ({ key, value: plainValue(value) }));
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && value > 0 && value < Number.POSITIVE_INFINITY;
}

/** As headers spell it: lower case, with - for _. */
function normalizeBaggageKey(key: string): string {
  return printName(key).replaceAll("_", "-").toLowerCase();
}
