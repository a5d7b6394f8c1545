// One trace of Jaeger's JSON, as its pages save it and its API answers: what jaeger-json.ts writes, read.
//
//   {"traceID","spans":[{"traceID","spanID","parentSpanID"?,"flags"?,"operationName","references":[…],
//    "startTime":µs,"duration":µs,"tags":[…],"logs":[…],"processID" or "process","warnings"}],"processes":{…}}
//
// A file of people's own, not a door: the text is parsed as a whole, an object a span and a tag. What Jaeger's
// tags mean is settled as for its other formats (jaeger-tags.ts).
//
// Source: Jaeger v1.76 internal/uimodel/model.go; older ones have parentSpanID and short ids.
// Trust: none: every field is looked at before it is used. Keys are the file's: processes are looked up as
// own names only. Not here: the list of traces around it (json-items.ts).

import { SpoorError } from "../base/errors.ts";
import { ARRAY, type AttributeTable, BOOL, BYTES, STRING } from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { parseBase64 } from "./base64-text.ts";
import { isSameTrace } from "./jaeger-references.ts";
import { JaegerTags } from "./jaeger-tags.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

type Fields = Readonly<Record<string, unknown>>;

const WARNINGS_KEY = "@jaeger@warnings";
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/**
 * Appends the spans of one trace.
 *
 * @throws SpoorError `bad-input` that names the span; the batch then holds a part of it.
 * Cost: about 20 µs a span.
 */
export function readJaegerJson(payload: Uint8Array, batch: SpanBatch): void {
  const trace = fieldsOf(parse(payload), "a trace");
  const { spans, processes } = trace;
  if (!Array.isArray(spans)) throw wrong("no list of spans");
  const reader = new TraceReader(batch, isFields(processes) ? processes : {});
  for (const [index, span] of spans.entries()) {
    try {
      reader.read(fieldsOf(span, "a span"));
    } catch (error) {
      throw error instanceof SpoorError ? error.within({ span: index }) : error;
    }
  }
}

class TraceReader {
  readonly #batch: SpanBatch;
  readonly #tags: JaegerTags;
  readonly #processes: Fields;
  readonly #resources = new Map<string, number>();

  constructor(batch: SpanBatch, processes: Fields) {
    this.#batch = batch;
    this.#tags = new JaegerTags(batch);
    this.#processes = processes;
  }

  read(span: Fields): void {
    const batch = this.#batch;
    const row = batch.openRow(this.#resourceOf(span), this.#tags.noScope);
    readId(span["traceID"], "traceID", batch.traceId, 16 * row, 16);
    readId(span["spanID"], "spanID", batch.spanId, 8 * row, 8);
    if (span["parentSpanID"]) {
      readId(span["parentSpanID"], "parentSpanID", batch.parentSpanId, 8 * row, 8);
    }
    batch.name[row] = textOf(span["operationName"], "operationName", batch.dictionary);
    batch.flags[row] = numberOf(span["flags"] ?? 0, "flags") >>> 0;
    batch.startUs[row] = numberOf(span["startTime"], "startTime");
    batch.durationNs[row] = 1_000 * numberOf(span["duration"] ?? 0, "duration");
    for (const reference of listOf(span["references"], "references")) {
      this.#readReference(row, fieldsOf(reference, "a reference"));
    }
    this.#readTags(span["tags"], batch.spanAttributes);
    for (const log of listOf(span["logs"], "logs")) this.#readLog(fieldsOf(log, "a log"));
    this.#tags.settleSpan(row);
    this.#readWarnings(listOf(span["warnings"], "warnings"));
    batch.closeRow();
  }

  /** The resource of the span's process: one for each process of the trace. */
  #resourceOf(span: Fields): number {
    const { process, processID } = span;
    if (isFields(process)) return this.#readProcess(process);
    if (typeof processID !== "string") throw wrong("a span without a process");
    const known = this.#resources.get(processID);
    if (known !== undefined) return known;
    const named = Object.hasOwn(this.#processes, processID)
      ? this.#processes[processID]
      : undefined;
    const resource = this.#readProcess(fieldsOf(named, "a process"));
    this.#resources.set(processID, resource);
    return resource;
  }

  #readProcess(process: Fields): number {
    const batch = this.#batch;
    const resource = batch.openResource();
    const service = textOf(process["serviceName"], "serviceName", batch.dictionary);
    batch.resourceAttributes.add(this.#tags.serviceKey, STRING, service);
    this.#readTags(process["tags"], batch.resourceAttributes);
    batch.closeResource(resource);
    return resource;
  }

  #readReference(row: number, reference: Fields): void {
    const batch = this.#batch;
    const link = batch.openLink();
    readId(reference["traceID"], "traceID", batch.linkTraceId, 16 * link, 16);
    readId(reference["spanID"], "spanID", batch.linkSpanId, 8 * link, 8);
    const type = reference["refType"];
    if (type !== "CHILD_OF" && type !== "FOLLOWS_FROM") throw wrong("a reference of no known type");
    const isFollowsFrom = type === "FOLLOWS_FROM";
    const isFirst = batch.links === batch.linkStart[row] && isZero(batch.parentSpanId, 8 * row, 8);
    if (isFirst && !isFollowsFrom && isSameTrace(batch, row, link)) {
      for (let i = 0; i < 8; i++) batch.parentSpanId[8 * row + i] = batch.linkSpanId[8 * link + i]!;
    }
    this.#tags.closeReference(row, isFollowsFrom);
  }

  #readLog(log: Fields): void {
    const batch = this.#batch;
    const event = batch.openEvent();
    batch.eventUs[event] = numberOf(log["timestamp"], "timestamp");
    this.#readTags(log["fields"], batch.eventAttributes);
    this.#tags.settleEvent(event);
    batch.closeEvent();
  }

  #readTags(tags: unknown, table: AttributeTable): void {
    for (const tag of listOf(tags, "tags")) readTag(fieldsOf(tag, "a tag"), table, this.#batch);
  }

  /** As Jaeger keeps them: one attribute, an array of texts. */
  #readWarnings(texts: readonly unknown[]): void {
    if (texts.length === 0) return;
    const { dictionary, spanAttributes } = this.#batch;
    const array = new ProtobufWriter();
    for (const text of texts) {
      if (typeof text !== "string") throw wrong("a warning that is no text");
      const bytes = encoder.encode(text);
      const mark = array.open(0x0a);
      array.writeBytes(0x0a, bytes, 0, bytes.length);
      array.close(mark);
    }
    const entry = dictionary.intern(array.bytes, 0, array.at);
    spanAttributes.add(dictionary.internText(WARNINGS_KEY), ARRAY, entry);
  }
}

const encoder = new TextEncoder();

/** The type says how the value is meant; a value of another type is taken as what it is. */
function readTag(
  { key: name, type, value }: Fields,
  table: AttributeTable,
  batch: SpanBatch,
): void {
  const { dictionary } = batch;
  const key = textOf(name, "key", dictionary);
  if (type === "binary" && typeof value === "string") {
    const text = encoder.encode(value);
    const bytes = parseBase64(text, 0, text.length);
    if (bytes === undefined) throw wrong("a binary tag that is no base64");
    table.add(key, BYTES, dictionary.intern(bytes, 0, bytes.length));
  } else if (typeof value === "boolean") {
    table.add(key, BOOL, value ? 1 : 0);
  } else if (type === "int64" && (typeof value === "number" || typeof value === "string")) {
    addInt(table, key, value);
  } else if (type === "float64" && typeof value === "string") {
    table.addDouble(key, parseDouble(value));
  } else if (typeof value === "number") {
    table.addDouble(key, value);
  } else if (typeof value === "string") {
    table.add(key, STRING, dictionary.internText(value));
  } else {
    throw wrong("a tag whose value is neither text, number nor truth value");
  }
}

/** Beyond 2^53 it is a text: a number of JavaScript cannot hold it. */
function addInt(table: AttributeTable, key: number, value: number | string): void {
  if (!/^-?[0-9]{1,19}$/.test(String(value))) throw wrong("an int64 tag that is no whole number");
  const whole = BigInt(value);
  if (whole < INT64_MIN || whole > INT64_MAX) throw wrong("an int64 tag of more than 64 bits");
  const bits = BigInt.asUintN(64, whole);
  table.addInt(key, Number(bits & 0xffff_ffffn), Number(bits >> 32n));
}

/** JSON has no number for these. */
function parseDouble(text: string): number {
  if (text === "NaN") return NaN;
  const found = /^([+-]?)Inf(?:inity)?$/.exec(text);
  if (found !== null) return found[1] === "-" ? -Infinity : Infinity;
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw wrong("a float64 tag that is no number");
  return value;
}

/** Hex digits; leading zeros may be left out. */
function readId(value: unknown, name: string, to: Uint8Array, at: number, bytes: number): void {
  const isId = typeof value === "string" && /^[0-9a-fA-F]+$/.test(value);
  if (!isId || value.length > 2 * bytes) throw wrong(`no ${name} of up to ${2 * bytes} hex digits`);
  const digits = value.padStart(2 * bytes, "0");
  for (let i = 0; i < bytes; i++) {
    to[at + i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  }
}

function isZero(bytes: Uint8Array, at: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[at + i] !== 0) return false;
  return true;
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (error) {
    throw new SpoorError("bad-input", "malformed JSON: no object", { size: payload.length }, error);
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fieldsOf(value: unknown, what: string): Fields {
  if (isFields(value)) return value;
  throw wrong(`${what} that is no object`);
}

function listOf(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === undefined || value === null) return [];
  throw wrong(`${name} that are no list`);
}

function textOf(value: unknown, name: string, dictionary: Dictionary): number {
  if (typeof value === "string") return dictionary.internText(value);
  throw wrong(`no text as ${name}`);
}

function numberOf(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw wrong(`no number as ${name}`);
}

function wrong(found: string): SpoorError {
  return new SpoorError("bad-input", `malformed Jaeger JSON: ${found}`);
}
