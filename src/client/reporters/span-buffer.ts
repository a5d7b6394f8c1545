// Finished spans of a tracer, appended to a SpanBatch until they are sent.
//
//   span ─ append ─▶ row · tags · logs · references      bytes: no less than what the rows take written
//   batch ─ a writer of wire/ ─▶ payload
//   clear ─▶ the rows go; process, keys and their entries in the dictionary stay for the next batch
//
// Two meanings of tags, because two families of formats are written from here:
//   jaeger   a tag stays a tag, in its place, as jaeger-client sends it: numbers are doubles
//   otlp     what OTLP has a field for becomes that (span.kind, error, event …); whole numbers are ints
//
// A string costs a look-up when it was seen before: keys in a map, values in a small table by key and
// shape, which is emptied with every batch because a string may hold a much longer one alive.
//
// Trust: tags and logs are the application's: of any type and length.
// Not here: what becomes of values that are not plain (plain-value.ts), of spans too large (cut-span.ts).

import { type AttributeTable, BOOL, BYTES, STRING } from "../../model/attribute-table.ts";
import {
  ORIGIN_JAEGER_THRIFT,
  ORIGIN_OTLP,
  SpanBatch,
  type BatchMark,
} from "../../model/span-batch.ts";
import { isToParent } from "../../wire/jaeger-references.ts";
import { JaegerTags } from "../../wire/jaeger-tags.ts";
import { plainValue, printName } from "../plain-value.ts";
import { FLAG_SAMPLED, type SpanContext } from "../span-context.ts";

export interface TagLike {
  readonly key: string;
  readonly value: unknown;
}

interface ReferenceLike {
  type(): string;
  referencedContext(): unknown;
}

/** What a reporter reads of a finished span. */
export interface FinishedSpan {
  context(): SpanContext;
  readonly _operationName: string;
  /** ms since the epoch, with a fraction. */
  readonly _startTime: number;
  /** ms */
  readonly _duration: number | undefined;
  readonly _tags: readonly TagLike[];
  readonly _logs: readonly { readonly timestamp: number; readonly fields: readonly TagLike[] }[];
  readonly _references: readonly ReferenceLike[];
  /** What the span did not take; shown by formats that have a field for it. */
  readonly _droppedTags: number;
  readonly _droppedLogs: number;
}

export interface ProcessLike {
  readonly serviceName: string;
  readonly tags: readonly TagLike[];
}

export type BufferFormat = "compact" | "binary" | "otlp";

/** Bytes that the parts of a span take at most in each format, beside their texts. */
interface PartBytes {
  readonly span: number;
  readonly text: number;
  readonly number: number;
  readonly bool: number;
  readonly log: number;
  readonly reference: number;
  readonly process: number;
}

// Compact: a field's head is 1 byte, an int64 up to 10, a length up to 2 (LONG_TEXT adds the rest), the
// size of a list up to 4. Binary: 3, 8, 4, 5. OTLP: tags of 1 byte, lengths of 4.
const PART_BYTES: Readonly<Record<BufferFormat, PartBytes>> = {
  compact: { span: 78, text: 9, number: 15, bool: 7, log: 22, reference: 42, process: 112 },
  binary: { span: 90, text: 22, number: 26, bool: 19, log: 28, reference: 50, process: 160 },
  otlp: { span: 136, text: 24, number: 26, bool: 26, log: 40, reference: 88, process: 64 },
};
/** Compact: what an id of zero, a start after 1970, a duration of less than an hour take less. */
const ZERO_ID_BYTES = 9;
const USUAL_START_BYTES = 2;
const USUAL_START_US_MAX = 2 ** 54;
const SHORT_DURATION_BYTES = 5;
const SHORT_DURATION_MS = 3_600_000;
/** Lengths from here on may take more bytes than counted above. */
const LONG_TEXT = 1 << 14;
const LONG_TEXT_BYTES = 12;

/** Longer texts are not looked up: hashing them costs what encoding costs. */
const CACHED_CHARS_MAX = 256;
/** Texts up to this are encoded by a loop; a call of the encoder costs more. */
const LOOP_CHARS_MAX = 48;
const SCRATCH_BYTES = 1 << 12;

/** Keys are guessed by their place, of as many tags as most spans have. A power of two. */
const GUESSES = 1 << 4;

/** Values are remembered by key entry, length and last character: 8 of a key. A power of two. */
const VALUE_SLOTS = 1 << 10;

/** Beyond any of these a batch's end is also the end of what was remembered for the next one. */
const KEYS_MAX = 1 << 12;
const ENTRIES_MAX = 1 << 13;
const ARENA_BYTES_MAX = 1 << 20;

const encoder = new TextEncoder();

export class SpanBuffer {
  batch: SpanBatch = new SpanBatch();
  /** No less than the bytes of all rows, process and envelope, written. */
  bytes = 0;
  /** The part of `bytes` that no row is the cause of. */
  processBytes = 0;
  readonly #part: PartBytes;
  readonly #isOtlp: boolean;
  readonly #isCompact: boolean;
  #process: ProcessLike = { serviceName: "unknown", tags: [] };
  /** Where the process ends and the rows begin. */
  #start: BatchMark | undefined;
  #tags: JaegerTags | undefined;
  #resource = 0;
  #scope = 0;
  /** What the dictionary holds of keys, names and other texts that come again. */
  readonly #entries = new Map<string, number>();
  /** The last keys by their place in the list of tags. */
  readonly #guessTexts: (string | undefined)[] = Array.from({ length: GUESSES });
  readonly #guessEntries: Uint32Array = new Uint32Array(GUESSES);
  #valueTexts: (string | undefined)[] = Array.from({ length: VALUE_SLOTS });
  #valueKeys: Int32Array = new Int32Array(VALUE_SLOTS);
  #valueEntries: Uint32Array = new Uint32Array(VALUE_SLOTS);
  readonly #scratch: Uint8Array = new Uint8Array(SCRATCH_BYTES);

  constructor(format: BufferFormat) {
    this.#part = PART_BYTES[format];
    this.#isOtlp = format === "otlp";
    this.#isCompact = format === "compact";
  }

  get rows(): number {
    return this.batch.rows;
  }

  /** The sender of the spans that are appended from now on. Not while there are rows. */
  setProcess(process: ProcessLike): void {
    this.#process = process;
    this.#forget();
    this.#begin();
  }

  /**
   * Appends a span; nothing of it is kept.
   *
   * @returns no less than the bytes that it takes, written; -1 if it could not be read at all.
   */
  append(span: FinishedSpan): number {
    if (this.#start === undefined) this.#begin();
    const { batch } = this;
    const row = batch.openRow(this.#resource, this.#scope);
    try {
      let bytes = this.#part.span;
      bytes += this.#columns(row, span);
      bytes += this.#attributes(batch.spanAttributes, span._tags);
      const logs = span._logs;
      if (logs.length > 0) bytes += this.#logs(logs);
      const references = span._references;
      if (references.length > 0) bytes += this.#references(row, references);
      if (this.#isOtlp) this.#tags!.settleSpan(row);
      batch.closeRow();
      this.bytes += bytes;
      return bytes;
    } catch {
      // The application may have put anything where a span has its parts.
      batch.cancelRow();
      return -1;
    }
  }

  /** Takes the last row back, which was found to take `bytes`. */
  takeBack(bytes: number): void {
    const { batch } = this;
    batch.rows--;
    batch.cancelRow();
    this.bytes -= bytes;
  }

  /** Forgets the rows. */
  clear(): void {
    if (this.#start === undefined) return;
    const { dictionary } = this.batch;
    if (
      this.#entries.size > KEYS_MAX ||
      dictionary.count > ENTRIES_MAX ||
      dictionary.arenaBytes > ARENA_BYTES_MAX
    ) {
      this.#forget();
      return;
    }
    this.batch.rollBack(this.#start);
    this.#valueTexts.fill(undefined);
    this.#openScope();
    this.bytes = this.processBytes;
  }

  /** Bytes of memory that the buffer holds. */
  memoryBytes(): number {
    return this.batch.memoryBytes();
  }

  #forget(): void {
    const { dictionary } = this.batch;
    if (dictionary.arena.length > 2 * ARENA_BYTES_MAX) this.batch = new SpanBatch();
    else this.batch.reset();
    this.#entries.clear();
    this.#guessTexts.fill(undefined);
    this.#valueTexts.fill(undefined);
    this.#start = undefined;
    this.bytes = 0;
  }

  #begin(): void {
    const { batch } = this;
    const { serviceName, tags } = this.#process;
    this.#resource = batch.openResource();
    const table = batch.resourceAttributes;
    table.add(this.#entryOf("service.name"), STRING, this.#entryOf(serviceName));
    this.processBytes =
      this.#part.process +
      batch.dictionary.arenaBytes +
      this.#attributes(batch.resourceAttributes, tags);
    batch.closeResource(this.#resource);
    this.#start = batch.mark();
    this.#openScope();
    this.bytes = this.processBytes;
  }

  #openScope(): void {
    if (this.#isOtlp) {
      this.#tags = new JaegerTags(this.batch);
      this.#scope = this.#tags.noScope;
    } else {
      this.#scope = this.batch.openScope();
    }
  }

  /** @returns no less than the bytes that they take beyond, or below, those of any span. */
  #columns(row: number, span: FinishedSpan): number {
    const { batch } = this;
    const context = span.context();
    const { traceIdWords, spanIdWords, parentSpanIdWords } = batch;
    traceIdWords[4 * row] = swap(context.traceHighHigh);
    traceIdWords[4 * row + 1] = swap(context.traceHighLow);
    traceIdWords[4 * row + 2] = swap(context.traceLowHigh);
    traceIdWords[4 * row + 3] = swap(context.traceLowLow);
    spanIdWords[2 * row] = swap(context.spanHigh);
    spanIdWords[2 * row + 1] = swap(context.spanLow);
    parentSpanIdWords[2 * row] = swap(context.parentHigh);
    parentSpanIdWords[2 * row + 1] = swap(context.parentLow);
    const start = span._startTime * 1_000;
    const startUs = Math.floor(start);
    batch.startUs[row] = startUs;
    const durationMs = span._duration ?? 0;
    batch.durationNs[row] = Math.round(durationMs * 1e6);
    const name = this.#entryOf(span._operationName);
    batch.name[row] = name;
    let bytes = batch.dictionary.length(name);
    if (this.#isOtlp) {
      batch.startRestNs[row] = (start - startUs) * 1_000;
      batch.origin[row] = ORIGIN_OTLP;
      batch.flags[row] = context.flags & FLAG_SAMPLED;
      batch.droppedAttributes[row] = span._droppedTags;
      batch.droppedEvents[row] = span._droppedLogs;
      const { traceState } = context;
      if (traceState !== undefined) {
        const entry = this.#intern(traceState);
        batch.traceState[row] = entry;
        bytes += batch.dictionary.length(entry);
      }
    } else {
      batch.origin[row] = ORIGIN_JAEGER_THRIFT;
      batch.flags[row] = context.flags;
    }
    if (bytes >= LONG_TEXT) bytes += LONG_TEXT_BYTES;
    if (!this.#isCompact) return bytes;
    if ((context.traceHighHigh | context.traceHighLow) === 0) bytes -= ZERO_ID_BYTES;
    if ((context.parentHigh | context.parentLow) === 0) bytes -= ZERO_ID_BYTES;
    if (startUs >= 0 && startUs < USUAL_START_US_MAX) bytes -= USUAL_START_BYTES;
    if (durationMs >= 0 && durationMs < SHORT_DURATION_MS) bytes -= SHORT_DURATION_BYTES;
    return bytes;
  }

  /** @returns no less than the bytes that they take. */
  #attributes(table: AttributeTable, tags: readonly TagLike[]): number {
    const { dictionary } = this.batch;
    const part = this.#part;
    let bytes = 0;
    for (let index = 0; index < tags.length; index++) {
      const { key: keyText, value } = tags[index]!;
      // Spans of one kind have the same keys in the same order.
      let key: number;
      const slot = index & (GUESSES - 1);
      if (this.#guessTexts[slot] === keyText) key = this.#guessEntries[slot]!;
      else {
        key = this.#entryOf(keyText);
        this.#guessTexts[slot] = keyText;
        this.#guessEntries[slot] = key;
      }
      const { ends } = dictionary;
      let size = key === 0 ? 0 : ends[key]! - ends[key - 1]!;
      if (typeof value === "string") {
        const entry = this.#valueOf(key, value);
        table.add(key, STRING, entry);
        size += part.text + dictionary.length(entry);
      } else if (typeof value === "number") {
        if (this.#isOtlp && Number.isSafeInteger(value)) table.addSafeInt(key, value);
        else table.addDouble(key, value);
        size += part.number;
      } else if (typeof value === "boolean") {
        table.add(key, BOOL, value ? 1 : 0);
        size += part.bool;
      } else {
        size += this.#unusual(table, key, value);
      }
      bytes += size < LONG_TEXT ? size : size + LONG_TEXT_BYTES;
    }
    return bytes;
  }

  #unusual(table: AttributeTable, key: number, value: unknown): number {
    const { dictionary } = this.batch;
    const plain = plainValue(value);
    if (plain instanceof Uint8Array) {
      table.add(key, BYTES, dictionary.intern(plain, 0, plain.length));
      return this.#part.text + plain.length;
    }
    const entry = this.#intern(String(plain));
    table.add(key, STRING, entry);
    return this.#part.text + dictionary.length(entry);
  }

  #logs(logs: FinishedSpan["_logs"]): number {
    const { batch } = this;
    let bytes = 0;
    for (const { timestamp, fields } of logs) {
      const event = batch.openEvent();
      const us = timestamp * 1_000;
      const wholeUs = Math.floor(us);
      batch.eventUs[event] = wholeUs;
      if (this.#isOtlp) batch.eventRestNs[event] = (us - wholeUs) * 1_000;
      bytes += this.#part.log + this.#attributes(batch.eventAttributes, fields);
      if (this.#isOtlp) this.#tags!.settleEvent(event);
      batch.closeEvent();
    }
    return bytes;
  }

  /** All of them become links, but for the one that says the parent again. */
  #references(row: number, references: readonly ReferenceLike[]): number {
    const { batch } = this;
    let bytes = 0;
    for (const reference of references) {
      const type = reference.type();
      const isChildOf = type === "child_of";
      if (!isChildOf && type !== "follows_from") continue;
      const context = reference.referencedContext() as SpanContext;
      const link = batch.openLink();
      writeId(batch.linkTraceId, 16 * link, context.traceHighHigh, context.traceHighLow);
      writeId(batch.linkTraceId, 16 * link + 8, context.traceLowHigh, context.traceLowLow);
      writeId(batch.linkSpanId, 8 * link, context.spanHigh, context.spanLow);
      if (isChildOf && isToParent(batch, row, link)) continue;
      batch.linkAttributes.add(this.#entryOf("opentracing.ref_type"), STRING, this.#entryOf(type));
      batch.closeLink();
      // The parent is written as a reference of its own when there are others.
      bytes += 2 * this.#part.reference;
    }
    return bytes;
  }

  /** The entry of a text that comes in many spans: a key, a name. */
  #entryOf(text: string): number {
    const known = this.#entries.get(text);
    if (known !== undefined) return known;
    // In JavaScript a key may be anything.
    const printed = printName(text);
    const entry = this.#intern(printed);
    if (printed.length <= CACHED_CHARS_MAX) this.#entries.set(printed, entry);
    return entry;
  }

  #valueOf(key: number, text: string): number {
    const { length } = text;
    if (length === 0 || length > CACHED_CHARS_MAX) return this.#intern(text);
    const slot = (8 * key + ((length + text.charCodeAt(length - 1)) & 7)) & (VALUE_SLOTS - 1);
    if (this.#valueKeys[slot] === key && this.#valueTexts[slot] === text) {
      return this.#valueEntries[slot]!;
    }
    const entry = this.#intern(text);
    this.#valueKeys[slot] = key;
    this.#valueTexts[slot] = text;
    this.#valueEntries[slot] = entry;
    return entry;
  }

  #intern(text: string): number {
    const { length } = text;
    const scratch = this.#scratch;
    const { dictionary } = this.batch;
    if (length <= LOOP_CHARS_MAX) {
      let at = 0;
      for (; at < length; at++) {
        const code = text.charCodeAt(at);
        if (code > 0x7f) break;
        scratch[at] = code;
      }
      if (at === length) return dictionary.intern(scratch, 0, length);
    }
    if (3 * length <= SCRATCH_BYTES) {
      return dictionary.intern(scratch, 0, encoder.encodeInto(text, scratch).written);
    }
    return dictionary.internText(text);
  }
}

/** The columns hold ids as bytes, big endian. */
function swap(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | ((word >>> 24) & 0xff);
}

function writeId(to: Uint8Array, at: number, high: number, low: number): void {
  for (let byte = 0; byte < 4; byte++) {
    to[at + byte] = high >>> (24 - 8 * byte);
    to[at + 4 + byte] = low >>> (24 - 8 * byte);
  }
}
