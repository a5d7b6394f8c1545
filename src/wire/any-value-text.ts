// A list or a map of attribute values as JSON text: what Jaeger shows, and what a search compares.
//
//   ArrayValue  { repeated AnyValue values = 1 }         [1,"a",[true]]
//   KeyValueList{ repeated KeyValue values = 1 }         {"a":1,"b":{}}     keys sorted
//   AnyValue    string 1 · bool 2 · int 3 · double 4 · array 5 · kvlist 6 · bytes 7
//
// Keys are sorted so that the same map has the same text whoever sent it; of a key that is there
// twice the last value counts. Bytes are base64, numbers that JSON cannot write are strings
// ("NaN", "Infinity"), no value is null, an int64 has all its digits.
//
// Source: opentelemetry-proto 1.x common.proto; Jaeger's text of the same values (pdata AsString).
// Trust: the bytes came through a reader, but this reads them as carefully as any: nesting is bounded
// by the reader, what is no message throws bad-input.
// Not here: OTLP's own JSON (otlp-json), which wraps each value in its type.

import { ARRAY } from "../model/attribute-table.ts";
import { printBase64 } from "./base64-text.ts";
import { FIXED64, LENGTH, ProtobufReader, VARINT, fieldTag } from "./protobuf-reader.ts";

const VALUES = fieldTag(1, LENGTH);
const KEY = fieldTag(1, LENGTH);
const VALUE = fieldTag(2, LENGTH);
const ANY_STRING = fieldTag(1, LENGTH);
const ANY_BOOL = fieldTag(2, VARINT);
const ANY_INT = fieldTag(3, VARINT);
const ANY_DOUBLE = fieldTag(4, FIXED64);
const ANY_ARRAY = fieldTag(5, LENGTH);
const ANY_MAP = fieldTag(6, LENGTH);
const ANY_BYTES = fieldTag(7, LENGTH);

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const reader = new ProtobufReader();

/**
 * The text of a value of type ARRAY or MAP, given as the dictionary keeps it.
 *
 * @throws SpoorError `bad-input` if `bytes` are not such a message. Cost: its bytes.
 */
export function printAnyValues(type: number, bytes: Uint8Array): string {
  reader.begin(bytes);
  try {
    return type === ARRAY ? readArray() : readMap();
  } finally {
    reader.release();
  }
}

/**
 * The texts of an ARRAY; an item that is no text as `printAnyValues` writes it.
 *
 * @throws SpoorError `bad-input` if `bytes` are not such a message.
 */
export function readTextArray(bytes: Uint8Array): string[] {
  const text = printAnyValues(ARRAY, bytes);
  const items = JSON.parse(text) as unknown[];
  return items.map((item) => (typeof item === "string" ? item : JSON.stringify(item)));
}

/** 64 bits in two's complement as decimal digits. */
export function printInt64(low: number, high: number): string {
  const signed = high | 0;
  // Within ±2^53 a number has them all.
  if (signed >= -0x20_0000 && signed < 0x20_0000) return String(signed * 0x1_0000_0000 + low);
  return String((BigInt(signed) << 32n) | BigInt(low));
}

/** A double as JSON; what JSON has no number for is a string. */
export function printDouble(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? "-0" : String(value);
}

function readArray(): string {
  const items: string[] = [];
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === VALUES) items.push(readNested(readAny));
    else reader.skip(tag);
  }
  return `[${items.join(",")}]`;
}

function readMap(): string {
  const values = new Map<string, string>();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag !== VALUES) {
      reader.skip(tag);
      continue;
    }
    const outer = reader.enter();
    let key = "";
    let value = "null";
    for (let inner = reader.nextTag(); inner !== 0; inner = reader.nextTag()) {
      if (inner === KEY) key = readText();
      else if (inner === VALUE) value = readNested(readAny);
      else reader.skip(inner);
    }
    reader.leave(outer);
    values.set(key, value);
  }
  const keys = [...values.keys()].sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${values.get(key)!}`).join(",")}}`;
}

function readAny(): string {
  let text = "null";
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case ANY_STRING:
        text = JSON.stringify(readText());
        break;
      case ANY_BOOL:
        text = String(reader.readBool());
        break;
      case ANY_INT:
        reader.readVarint64();
        text = printInt64(reader.low, reader.high);
        break;
      case ANY_DOUBLE:
        text = printDouble(reader.readDouble());
        break;
      case ANY_ARRAY:
        text = readNested(readArray);
        break;
      case ANY_MAP:
        text = readNested(readMap);
        break;
      case ANY_BYTES:
        text = `"${printBase64(readBytes())}"`;
        break;
      default:
        reader.skip(tag);
    }
  }
  return text;
}

function readNested(read: () => string): string {
  const outer = reader.enter();
  const text = read();
  reader.leave(outer);
  return text;
}

function readText(): string {
  return decoder.decode(readBytes());
}

function readBytes(): Uint8Array {
  const end = reader.readEnd();
  const bytes = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return bytes;
}
