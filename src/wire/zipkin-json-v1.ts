// Zipkin v1 JSON: a list of spans, what old reporters POST to /api/v1/spans.
//
//   [{"traceId":"…","parentId":"…","id":"…","name":"…","timestamp":µs,"duration":µs,"debug":true,
//     "annotations":[{"timestamp":µs,"value":"sr","endpoint":{"serviceName":"…","ipv4":"…","port":80}}],
//     "binaryAnnotations":[{"key":"http.path","value":"/","endpoint":{…}},
//                          {"key":"sa","value":true,"endpoint":{…}}]}]
//
// Not the way most spans come, so a span is a small record on its way to zipkin-v1.ts, which knows
// what annotations mean.
//
// Source: zipkin-api.yaml (v1). Trust: as zipkin-json.ts. Values may be text, truth values or numbers,
// as old servers took them; Jaeger's reader knows only text.
// Not here: v2 (zipkin-json.ts), the same spans in Thrift (zipkin-thrift.ts).

import { SpoorError } from "../base/errors.ts";
import { BOOL, DOUBLE, INT, STRING } from "../model/attribute-table.ts";
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
import { ZipkinOwners } from "./zipkin-owners.ts";
import {
  type ZipkinV1Annotation,
  type ZipkinV1BinaryAnnotation,
  type ZipkinV1Endpoint,
  type ZipkinV1Span,
  appendZipkinV1Span,
} from "./zipkin-v1.ts";

/** Annotations of one span, of each sort; they are held as objects, and real spans have a dozen. */
const ANNOTATIONS_MAX = 1 << 16;

const SPAN_FIELDS = makeFields(
  "traceId id parentId name timestamp duration debug annotations binaryAnnotations",
);
const TRACE_ID = 0;
const ID = 1;
const PARENT_ID = 2;
const NAME = 3;
const TIMESTAMP = 4;
const DURATION = 5;
const DEBUG = 6;
const ANNOTATIONS = 7;
const ANNOTATION_FIELDS = makeFields("timestamp value endpoint");
const BINARY_FIELDS = makeFields("key value endpoint");

/**
 * Appends the spans of a Zipkin v1 JSON payload to `batch`.
 *
 * @throws SpoorError `bad-input` that names field, span and offset; the batch then holds a part.
 */
export function readZipkinJsonV1(payload: Uint8Array, batch: SpanBatch): void {
  const owners = new ZipkinOwners(batch);
  let span = 0;
  beginJson(payload);
  try {
    if (!scanner.open(OPEN_LIST)) throw scanner.fail("a list of spans");
    for (let more = !scanner.close(CLOSE_LIST); more; more = scanner.next(CLOSE_LIST)) {
      if (!scanner.readNull()) readSpan(batch, owners);
      span++;
    }
    scanner.finish();
  } catch (error) {
    throw error instanceof SpoorError ? error.within({ span }) : error;
  } finally {
    scanner.release();
  }
}

/** A record that is still being read. */
type Draft = { -readonly [Field in keyof ZipkinV1Span]: ZipkinV1Span[Field] };

function readSpan(batch: SpanBatch, owners: ZipkinOwners): void {
  if (!scanner.open(OPEN_OBJECT)) throw scanner.fail("a span");
  const span: Draft = {
    traceId: new Uint8Array(16),
    id: new Uint8Array(8),
    parentId: new Uint8Array(8),
    name: 0,
    debug: false,
    us: undefined,
    durationUs: undefined,
    annotations: [],
    binaryAnnotations: [],
  };
  let seen = 0;
  for (let more = !scanner.close(CLOSE_OBJECT); more; more = scanner.next(CLOSE_OBJECT)) {
    scanner.readKey();
    const field = findField(SPAN_FIELDS);
    if (field < 0) scanner.skipValue();
    else if (!scanner.readNull()) {
      readField(span, field, batch);
      seen |= 1 << field;
    }
  }
  if ((seen & (1 << TRACE_ID)) === 0) throw missing("traceId");
  if ((seen & (1 << ID)) === 0) throw missing("id");
  appendZipkinV1Span(span, batch, owners);
}

function readField(span: Draft, field: number, batch: SpanBatch): void {
  switch (field) {
    case TRACE_ID:
      if (!readHex("traceId", span.traceId, 0, 16)) throw missing("traceId");
      break;
    case ID:
      if (!readHex("id", span.id, 0, 8)) throw missing("id");
      break;
    case PARENT_ID:
      readHex("parentId", span.parentId, 0, 8);
      break;
    case NAME:
      span.name = readText("name", batch);
      break;
    case TIMESTAMP:
      span.us = readUs("timestamp");
      break;
    case DURATION:
      span.durationUs = readUs("duration");
      break;
    case DEBUG:
      span.debug = readBoolean("debug");
      break;
    case ANNOTATIONS:
      span.annotations = readList("annotations", batch, readAnnotation);
      break;
    default:
      span.binaryAnnotations = readList("binaryAnnotations", batch, readBinaryAnnotation);
  }
}

function readList<T>(name: string, batch: SpanBatch, read: (batch: SpanBatch) => T): T[] {
  const items: T[] = [];
  if (!scanner.open(OPEN_LIST)) throw wrongType(name, "a list");
  for (let more = !scanner.close(CLOSE_LIST); more; more = scanner.next(CLOSE_LIST)) {
    if (scanner.readNull()) continue;
    if (items.length === ANNOTATIONS_MAX) throw wrongType(name, `up to ${ANNOTATIONS_MAX} items`);
    if (!scanner.open(OPEN_OBJECT)) throw wrongType(name, "objects only");
    items.push(read(batch));
  }
  return items;
}

function readAnnotation(batch: SpanBatch): ZipkinV1Annotation {
  let us = -1;
  let value = 0;
  let host: ZipkinV1Endpoint | undefined;
  for (let more = !scanner.close(CLOSE_OBJECT); more; more = scanner.next(CLOSE_OBJECT)) {
    scanner.readKey();
    const field = findField(ANNOTATION_FIELDS);
    if (field < 0) scanner.skipValue();
    else if (scanner.readNull()) continue;
    else if (field === 0) us = readUs("annotations.timestamp");
    else if (field === 1) value = readText("annotations.value", batch);
    else host = readHost("annotations.endpoint", batch);
  }
  if (us < 0) throw missing("annotations.timestamp");
  return { us, value, host };
}

function readBinaryAnnotation(batch: SpanBatch): ZipkinV1BinaryAnnotation {
  let key = 0;
  let value: Value = EMPTY_TEXT;
  let host: ZipkinV1Endpoint | undefined;
  for (let more = !scanner.close(CLOSE_OBJECT); more; more = scanner.next(CLOSE_OBJECT)) {
    scanner.readKey();
    const field = findField(BINARY_FIELDS);
    if (field < 0) scanner.skipValue();
    else if (scanner.readNull()) continue;
    else if (field === 0) key = readText("binaryAnnotations.key", batch);
    else if (field === 1) value = readValue(batch);
    else host = readHost("binaryAnnotations.endpoint", batch);
  }
  return { key, ...value, host };
}

type Value = Pick<ZipkinV1BinaryAnnotation, "type" | "low" | "high" | "double">;

const EMPTY_TEXT: Value = { type: STRING, low: 0, high: 0, double: 0 };

function readValue(batch: SpanBatch): Value {
  if (scanner.isStringNext) {
    return { ...EMPTY_TEXT, low: readText("binaryAnnotations.value", batch) };
  }
  const truth = scanner.readBoolean();
  if (truth >= 0) return { ...EMPTY_TEXT, type: BOOL, low: truth };
  const number = scanner.readNumber();
  if (Number.isNaN(number)) {
    throw wrongType("binaryAnnotations.value", "a string, a truth value or a number");
  }
  if (!Number.isSafeInteger(number)) return { ...EMPTY_TEXT, type: DOUBLE, double: number };
  const high = Math.floor(number / 0x1_0000_0000) >>> 0;
  return { ...EMPTY_TEXT, type: INT, low: number >>> 0, high };
}

function readHost(name: string, batch: SpanBatch): ZipkinV1Endpoint {
  const host = { service: 0, ipv4: 0, ipv6: 0, port: 0 };
  readEndpoint(name, host, batch);
  return host;
}
