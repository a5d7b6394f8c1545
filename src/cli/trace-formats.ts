// The formats in which traces are carried from one place to another, as streams of bytes.
//
//   otlp-json     an ExportTraceServiceRequest a line
//   otlp-proto    ExportTraceServiceRequests, each behind its length as a varint
//   jaeger-json   {"data":[trace, …],…}, as Jaeger's pages save it
//
//   bytes ─ split ─▶ payload ─ read ─▶ SpanBatch        SpanBatch ─ write ─▶ bytes
//
// Memory: one request, or one trace, whatever the length of the stream.
// Trust: bytes are anybody's; a request is bounded. Not here: the formats themselves (wire/), where the
// streams come from and go to (export.ts, import.ts).

import { SpoorError } from "../base/errors.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { chunkTrace } from "../query/span-chunks.ts";
import { JaegerTraceWriter } from "../wire/jaeger-json.ts";
import { JsonItems } from "../wire/json-items.ts";
import { readOtlpJson } from "../wire/otlp-json.ts";
import { readOtlpTraces } from "../wire/otlp-proto.ts";
import { readJaegerJson } from "../wire/read-jaeger-json.ts";
import { writeOtlpJson } from "../wire/write-otlp-json.ts";
import { writeOtlpProto } from "../wire/write-otlp-proto.ts";

export const TRACE_FORMATS = ["otlp-json", "otlp-proto", "jaeger-json"] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

/** One request or trace of a file: what a text of JavaScript can hold, with room to spare. */
export const REQUEST_BYTES_MAX = 256 * 1024 * 1024;

type Bytes = AsyncIterable<Uint8Array>;

/** Writes a stream of traces. */
export interface TraceWriter {
  /** What stands before the first trace. */
  begin(): string;
  /** Pieces are the caller's to keep. */
  write(trace: SpanBatch): Generator<Uint8Array | string>;
  end(): string;
}

export interface TraceReader {
  /** Payloads, each the caller's to keep. @throws SpoorError `bad-input` if the stream is none. */
  split(source: Bytes): AsyncGenerator<Uint8Array>;
  /** Appends a payload's spans. @returns spans that were left out. @throws SpoorError `bad-input`. */
  read(payload: Uint8Array, batch: SpanBatch): number;
}

export const traceReaders: Readonly<Record<TraceFormat, TraceReader>> = {
  "otlp-json": {
    split: (source) => splitJson(source, 0),
    read: (payload, batch) => readOtlpJson(payload, batch).spans,
  },
  "otlp-proto": {
    split: splitMessages,
    read: (payload, batch) => readOtlpTraces(payload, batch).spans,
  },
  "jaeger-json": {
    split: (source) => splitJson(source, 2),
    read(payload, batch) {
      readJaegerJson(payload, batch);
      return 0;
    },
  },
};

export function makeTraceWriter(format: TraceFormat): TraceWriter {
  if (format === "jaeger-json") return makeJaegerWriter();
  const printEach = format === "otlp-json" ? printLine : printMessage;
  return {
    begin: () => "",
    *write(trace) {
      for (const chunk of chunkTrace(trace)) yield* printEach(chunk);
    },
    end: () => "",
  };
}

function* printLine(chunk: SpanBatch): Generator<string> {
  yield `${writeOtlpJson([chunk])}\n`;
}

function* printMessage(chunk: SpanBatch): Generator<Uint8Array> {
  const message = writeOtlpProto([chunk]);
  const length: number[] = [];
  let rest = message.length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) length.push((rest % 0x80) | 0x80);
  yield Uint8Array.of(...length, rest);
  yield message;
}

function makeJaegerWriter(): TraceWriter {
  const writer = new JaegerTraceWriter();
  let isFirst = true;
  return {
    begin: () => '{"data":[',
    *write(trace) {
      if (!isFirst) yield ",";
      isFirst = false;
      yield* writer.write(trace);
      yield writer.take();
    },
    end: () => '],"total":0,"limit":0,"offset":0,"errors":null}\n',
  };
}

/** The objects at `depth` of a stream of JSON. @param onEnd told what was around them. */
export async function* splitJson(
  source: Bytes,
  depth: number,
  onEnd: (around: string) => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  const items = new JsonItems(depth, REQUEST_BYTES_MAX);
  for await (const piece of source) yield* items.push(piece);
  onEnd(items.end());
}

async function* splitMessages(source: Bytes): AsyncGenerator<Uint8Array> {
  let whole: Uint8Array = new Uint8Array(0);
  let offset = 0;
  let more: Uint8Array[] = [];
  let moreBytes = 0;
  function* take(): Generator<Uint8Array> {
    whole = Buffer.concat([whole, ...more]);
    more = [];
    moreBytes = 0;
    let at = 0;
    for (let next = findMessage(whole, at, offset); next !== undefined;) {
      yield Uint8Array.from(whole.subarray(next.start, next.end));
      at = next.end;
      next = findMessage(whole, at, offset);
    }
    whole = whole.subarray(at);
    offset += at;
  }
  for await (const piece of source) {
    more.push(Uint8Array.from(piece));
    moreBytes += piece.length;
    // Joined when as much again has come: a large request is not copied anew with every piece.
    if (moreBytes >= whole.length) yield* take();
  }
  yield* take();
  if (whole.length === 0) return;
  throw new SpoorError("bad-input", "the last request is cut off", { offset });
}

/** The message whose length stands at `at`, if it is all there. */
function findMessage(
  bytes: Uint8Array,
  at: number,
  offset: number,
): { readonly start: number; readonly end: number } | undefined {
  let length = 0;
  let start = at;
  for (let factor = 1; ; factor *= 0x80) {
    const byte = bytes[start++];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * factor;
    if (length > REQUEST_BYTES_MAX || start - at > 5) {
      const message = `a request of more than ${REQUEST_BYTES_MAX} bytes: this is no otlp-proto`;
      throw new SpoorError("bad-input", message, { offset: offset + at });
    }
    if (byte < 0x80) break;
  }
  return start + length > bytes.length ? undefined : { start, end: start + length };
}

/** What a stream that begins with `first` is written in. @throws SpoorError if nobody can tell. */
export function guessFormat(first: Uint8Array): TraceFormat {
  const text = new TextDecoder().decode(first.subarray(0, 4_096)).trimStart();
  if (!text.startsWith("{")) return "otlp-proto";
  const key = /^\{\s*"([^"]*)"/.exec(text)?.[1];
  if (key === "resourceSpans") return "otlp-json";
  if (key === "data") return "jaeger-json";
  const message = "cannot tell the format of the file; say --format";
  throw new SpoorError("bad-input", message);
}
