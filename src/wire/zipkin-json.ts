// Zipkin v2 JSON: a list of spans, what reporters POST to /api/v2/spans.
//
//   [{"traceId":"…","parentId":"…","id":"…","kind":"SERVER","name":"get /","timestamp":µs,"duration":µs,
//     "localEndpoint":{"serviceName":"…","ipv4":"…","ipv6":"…","port":80},"remoteEndpoint":{…},
//     "annotations":[{"timestamp":µs,"value":"…"}],"tags":{"key":"value"},"debug":true,"shared":true}]
//
// Straight from the bytes into columns: no object and no string is made for a span, a tag or an id.
// Most of a payload is keys and values that came before, so the next one is guessed: the key that
// followed the last time, the value that this key had. A guess is compared where it stands, up to the
// closing quote, and spares looking for the end, hashing and looking up.
//
// Source: zipkin2-api.yaml; zipkin-go's reader, which Jaeger uses, for what is accepted.
// Trust: every byte comes from the network. It must be JSON throughout, fields must have their type;
// null is as good as absent, unknown fields are skipped, of equal fields the last one counts.
// Not here: what the fields mean (zipkin-rows.ts), v1 (zipkin-json-v1.ts).

import { SpoorError } from "../base/errors.ts";
import type { Dictionary } from "../model/dictionary.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { CLOSE_LIST, CLOSE_OBJECT, OPEN_LIST, OPEN_OBJECT } from "./json-scanner.ts";
import {
  beginJson,
  findField,
  makeFields,
  missing,
  readBoolean,
  readEndpoint,
  readHex,
  readText,
  readUs,
  scanner,
  wrongType,
} from "./zipkin-json-fields.ts";
import { ZipkinRows } from "./zipkin-rows.ts";

/** Guesses kept: more than the different keys of most senders; a power of two. */
const GUESSES = 1 << 8;

/** By key: the key that followed it, and the value that it had. Forgotten with each payload. */
const nextKeys = new Uint32Array(GUESSES);
const lastValues = new Uint32Array(GUESSES);

/** Fields of a span; the index says which. */
const SPAN_FIELDS = makeFields(
  "traceId id parentId kind name timestamp duration tags annotations localEndpoint " +
    "remoteEndpoint debug shared",
);
const TRACE_ID = 0;
const ID = 1;
const PARENT_ID = 2;
const KIND = 3;
const NAME = 4;
const TIMESTAMP = 5;
const DURATION = 6;
const TAGS = 7;
const ANNOTATIONS = 8;
const LOCAL = 9;
const REMOTE = 10;
const DEBUG = 11;
const SHARED = 12;
const ANNOTATION_FIELDS = makeFields("timestamp value");

/**
 * Appends the spans of a Zipkin v2 JSON payload to `batch`.
 *
 * @throws SpoorError `bad-input` that names field, span and offset; the batch then holds a part.
 * Cost: about 3 µs a span of 750 bytes with 13 tags.
 */
export function readZipkinJsonV2(payload: Uint8Array, batch: SpanBatch): void {
  nextKeys.fill(0);
  lastValues.fill(0);
  const rows = new ZipkinRows(batch);
  let span = 0;
  beginJson(payload);
  try {
    if (!scanner.open(OPEN_LIST)) throw scanner.fail("a list of spans");
    for (let more = !scanner.close(CLOSE_LIST); more; more = scanner.next(CLOSE_LIST)) {
      if (!scanner.readNull()) readSpan(rows);
      span++;
    }
    scanner.finish();
  } catch (error) {
    throw error instanceof SpoorError ? error.within({ span }) : error;
  } finally {
    scanner.release();
  }
}

function readSpan(rows: ZipkinRows): void {
  if (!scanner.open(OPEN_OBJECT)) throw scanner.fail("a span");
  const row = rows.open();
  let seen = 0;
  for (let more = !scanner.close(CLOSE_OBJECT); more; more = scanner.next(CLOSE_OBJECT)) {
    scanner.readKey();
    const field = findField(SPAN_FIELDS);
    if (field < 0) scanner.skipValue();
    else if (!scanner.readNull()) {
      readField(rows, row, field);
      seen |= 1 << field;
    }
  }
  if ((seen & (1 << TRACE_ID)) === 0) throw missing("traceId");
  if ((seen & (1 << ID)) === 0) throw missing("id");
  rows.close();
}

function readField(rows: ZipkinRows, row: number, field: number): void {
  const batch = rows.batch;
  switch (field) {
    case TRACE_ID:
      if (!readHex("traceId", batch.traceId, 16 * row, 16)) throw missing("traceId");
      break;
    case ID:
      if (!readHex("id", batch.spanId, 8 * row, 8)) throw missing("id");
      break;
    case PARENT_ID:
      readHex("parentId", batch.parentSpanId, 8 * row, 8);
      break;
    case KIND:
      rows.kind = readText("kind", batch);
      break;
    case NAME:
      batch.name[row] = readText("name", batch);
      break;
    case TIMESTAMP:
      rows.startUs = readUs("timestamp");
      break;
    case DURATION:
      batch.durationNs[row] = Math.round(1000 * readUs("duration"));
      break;
    case TAGS:
      readTags(rows);
      break;
    case ANNOTATIONS:
      readAnnotations(rows);
      break;
    case LOCAL:
      readEndpoint("localEndpoint", rows.local, batch);
      break;
    case REMOTE:
      readEndpoint("remoteEndpoint", rows.remote, batch);
      break;
    case DEBUG:
      rows.isDebug = readBoolean("debug");
      break;
    case SHARED:
      rows.isShared = readBoolean("shared");
      break;
    default:
  }
}

function readTags(rows: ZipkinRows): void {
  const { dictionary } = rows.batch;
  if (!scanner.open(OPEN_OBJECT)) throw wrongType("tags", "an object");
  // The slot of a key that is none, so that the first key is guessed too.
  let before = 0;
  for (let more = !scanner.close(CLOSE_OBJECT); more; more = scanner.next(CLOSE_OBJECT)) {
    const key = scanner.internGuessed(dictionary, nextKeys[before]!);
    if (scanner.isPlain) nextKeys[before] = key;
    scanner.readColon();
    before = key & (GUESSES - 1);
    rows.tag(key, scanner.readNull() ? 0 : readTagValue(dictionary, before));
  }
}

function readTagValue(dictionary: Dictionary, slot: number): number {
  if (!scanner.isStringNext) throw wrongType("tags", "strings only");
  const value = scanner.internGuessed(dictionary, lastValues[slot]!);
  if (scanner.isPlain) lastValues[slot] = value;
  return value;
}

function readAnnotations(rows: ZipkinRows): void {
  rows.clearAnnotations();
  if (!scanner.open(OPEN_LIST)) throw wrongType("annotations", "a list");
  for (let more = !scanner.close(CLOSE_LIST); more; more = scanner.next(CLOSE_LIST)) {
    if (!scanner.open(OPEN_OBJECT)) throw wrongType("annotations", "objects only");
    let us = -1;
    let value = 0;
    for (let inner = !scanner.close(CLOSE_OBJECT); inner; inner = scanner.next(CLOSE_OBJECT)) {
      scanner.readKey();
      const field = findField(ANNOTATION_FIELDS);
      if (field < 0) scanner.skipValue();
      else if (scanner.readNull()) continue;
      else if (field === 0) us = readUs("annotations.timestamp");
      else value = readText("annotations.value", rows.batch);
    }
    if (us < 0) throw missing("annotations.timestamp");
    rows.annotation(us, value);
  }
}
