// What of a span crosses to its children and to other processes: ids, flags, baggage.
//
//   trace id  highHigh highLow lowHigh lowLow   four 32-bit words; the first two 0: a 64-bit id
//   span id   high low                          parent id: high low, both 0: a root
//   flags     1 sampled · 2 debug · 8 firehose  one word for all spans of a trace in this process
//
// Words are numbers as `| 0` leaves them, signed, so that V8 keeps them without boxing; text and
// buffers are made when somebody asks. A context does not change once it is shared, but for its
// flags: a span that is sampled by a tag takes with it all spans of its trace in this process.
// Source: jaeger-client 3.19 (shape), Jaeger's propagation format (text).
// Not here: headers and other carriers (propagation/), who decides the flags (tracer.ts).

import { SpanContext as OpenTracingContext } from "opentracing";

export const FLAG_SAMPLED = 1;
export const FLAG_DEBUG = 2;
const FLAGS_MASK = 0xff;
/** Beyond the flags of the wire: the sampler may be asked again when the span gets another name. */
const UNDECIDED = 0x100;

const WORD_DIGITS = 8;
const scratch: Buffer = Buffer.allocUnsafe(16);

export type Baggage = Readonly<Record<string, string>>;

export class SpanContext extends OpenTracingContext {
  traceHighHigh: number;
  traceHighLow: number;
  traceLowHigh: number;
  traceLowLow: number;
  spanHigh: number;
  spanLow: number;
  parentHigh: number;
  parentLow: number;
  /** Has no prototype; never changed in place. */
  baggage: Baggage | undefined;
  /** W3C tracestate as it came. */
  traceState: string | undefined;
  /** What `jaeger-debug-id` said: the trace that starts from this context is to be sampled. */
  debugId: string | undefined;
  /** Came from another process. */
  isRemote: boolean;
  /** Flags and UNDECIDED, valid where `_first` is null. */
  _state: number;
  /** The first context of the trace in this process, whose flags count; null: this one. */
  _first: SpanContext | null;

  constructor() {
    super();
    this.traceHighHigh = 0;
    this.traceHighLow = 0;
    this.traceLowHigh = 0;
    this.traceLowLow = 0;
    this.spanHigh = 0;
    this.spanLow = 0;
    this.parentHigh = 0;
    this.parentLow = 0;
    this.baggage = undefined;
    this.traceState = undefined;
    this.debugId = undefined;
    this.isRemote = false;
    this._state = 0;
    this._first = null;
  }

  get flags(): number {
    return (this._first ?? this)._state & FLAGS_MASK;
  }

  set flags(flags: number) {
    const first = this._first ?? this;
    first._state = (first._state & UNDECIDED) | (flags & FLAGS_MASK);
  }

  /** Whether the sampler's no may still become a yes: see `Sampler` and `setOperationName`. */
  get isUndecided(): boolean {
    return ((this._first ?? this)._state & UNDECIDED) !== 0;
  }

  set isUndecided(undecided: boolean) {
    const first = this._first ?? this;
    first._state = undecided ? first._state | UNDECIDED : first._state & ~UNDECIDED;
  }

  /** 16 lower-case hex digits, 32 if the trace id has more than 64 bits. */
  get traceIdStr(): string {
    return this.traceId.toString("hex");
  }

  get spanIdStr(): string {
    return printWords(this.spanHigh, this.spanLow);
  }

  /** null for a root. */
  get parentIdStr(): string | null {
    if ((this.parentHigh | this.parentLow) === 0) return null;
    return printWords(this.parentHigh, this.parentLow);
  }

  /** 8 bytes, 16 if the trace id has more than 64 bits; a copy each time. */
  get traceId(): Buffer {
    const isLong = (this.traceHighHigh | this.traceHighLow) !== 0;
    const bytes = Buffer.allocUnsafe(isLong ? 16 : 8);
    let at = 0;
    if (isLong) {
      bytes.writeInt32BE(this.traceHighHigh, 0);
      bytes.writeInt32BE(this.traceHighLow, 4);
      at = 8;
    }
    bytes.writeInt32BE(this.traceLowHigh, at);
    bytes.writeInt32BE(this.traceLowLow, at + 4);
    return bytes;
  }

  get spanId(): Buffer {
    return copyWords(this.spanHigh, this.spanLow);
  }

  get parentId(): Buffer | null {
    if ((this.parentHigh | this.parentLow) === 0) return null;
    return copyWords(this.parentHigh, this.parentLow);
  }

  /** Has a trace id and a span id, so that a span can be its child. */
  get isValid(): boolean {
    return (
      (this.traceHighHigh | this.traceHighLow | this.traceLowHigh | this.traceLowLow) !== 0 &&
      (this.spanHigh | this.spanLow) !== 0
    );
  }

  isSampled(): boolean {
    return (this.flags & FLAG_SAMPLED) !== 0;
  }

  isDebug(): boolean {
    return (this.flags & FLAG_DEBUG) !== 0;
  }

  /** No span's context: it only says that the trace to be started is a debug one. */
  isDebugIDContainerOnly(): boolean {
    return !this.isValid && this.debugId !== undefined && this.debugId !== "";
  }

  override toTraceId(): string {
    return this.traceIdStr;
  }

  override toSpanId(): string {
    return this.spanIdStr;
  }

  /** `trace:span:parent:flags`, ids padded, parent 0 for a root: what `uber-trace-id` carries. */
  override toString(): string {
    return `${this.traceIdStr}:${this.spanIdStr}:${this.parentIdStr ?? "0"}:${this.flags.toString(16)}`;
  }

  toJSON(): object {
    const { traceIdStr, spanIdStr, parentIdStr, flags, baggage } = this;
    return { traceId: traceIdStr, spanId: spanIdStr, parentId: parentIdStr, flags, baggage };
  }

  /** The same context with one item of baggage more; flags stay shared. */
  withBaggageItem(key: string, value: string): SpanContext {
    const baggage: Record<string, string> = Object.create(null) as Record<string, string>;
    Object.assign(baggage, this.baggage);
    baggage[key] = value;
    const context = new SpanContext();
    copyTrace(this, context);
    context.spanHigh = this.spanHigh;
    context.spanLow = this.spanLow;
    context.parentHigh = this.parentHigh;
    context.parentLow = this.parentLow;
    context.baggage = baggage;
    context.debugId = this.debugId;
    context.isRemote = this.isRemote;
    return context;
  }

  /** The context of a child of this one; the caller gives it a span id. */
  _makeChild(): SpanContext {
    const context = new SpanContext();
    copyTrace(this, context);
    context.parentHigh = this.spanHigh;
    context.parentLow = this.spanLow;
    return context;
  }

  /**
   * Reads `trace:span:parent:flags` in hex, ids of up to 32 and 16 digits, padded or not.
   *
   * @returns null for anything else, and for a trace id of zero.
   */
  static fromString(text: string): SpanContext | null {
    const [trace, span, parent, flags, ...rest] = text.split(":", 5);
    if (trace === undefined || span === undefined || rest.length > 0) return null;
    if (parent === undefined || flags === undefined || !/^[0-9a-f]{1,8}$/i.test(flags)) return null;
    const context = SpanContext.withStringIds(trace, span, parent, Number.parseInt(flags, 16));
    return isHexId(trace, 32) && isHexId(span, 16) && isHexId(parent, 16) && context.isValid
      ? context
      : null;
  }

  /** What is not hex, or too long, counts as no id. */
  static withStringIds(
    trace: string,
    span: string,
    parent: string | null | undefined,
    flags: number,
  ): SpanContext {
    const context = new SpanContext();
    if (isHexId(trace, 32)) {
      context.traceHighHigh = parseWord(trace, 3);
      context.traceHighLow = parseWord(trace, 2);
      context.traceLowHigh = parseWord(trace, 1);
      context.traceLowLow = parseWord(trace, 0);
    }
    if (isHexId(span, 16)) {
      context.spanHigh = parseWord(span, 1);
      context.spanLow = parseWord(span, 0);
    }
    if (typeof parent === "string" && isHexId(parent, 16)) {
      context.parentHigh = parseWord(parent, 1);
      context.parentLow = parseWord(parent, 0);
    }
    context.flags = flags;
    return context;
  }
}

/** All zero: an invalid context, whose fields are set by whoever makes it. */
export function makeSpanContext(): SpanContext {
  return new SpanContext();
}

/** All that every span of a trace has in common; the flags by reference. */
function copyTrace(from: SpanContext, to: SpanContext): void {
  to.traceHighHigh = from.traceHighHigh;
  to.traceHighLow = from.traceHighLow;
  to.traceLowHigh = from.traceLowHigh;
  to.traceLowLow = from.traceLowLow;
  to.baggage = from.baggage;
  to.traceState = from.traceState;
  to._first = from._first ?? from;
}

function isHexId(text: string, digitsMax: number): boolean {
  return text.length <= digitsMax && /^[0-9a-f]+$/i.test(text);
}

/** Word `fromEnd` of an id in hex; 0 where the text has no digits left. */
function parseWord(hex: string, fromEnd: number): number {
  const end = hex.length - WORD_DIGITS * fromEnd;
  if (end <= 0) return 0;
  return Number.parseInt(hex.slice(Math.max(0, end - WORD_DIGITS), end), 16) | 0;
}

function printWords(high: number, low: number): string {
  scratch.writeInt32BE(high, 0);
  scratch.writeInt32BE(low, 4);
  return scratch.toString("hex", 0, 8);
}

function copyWords(high: number, low: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeInt32BE(high, 0);
  bytes.writeInt32BE(low, 4);
  return bytes;
}
