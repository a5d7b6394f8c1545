// OTLP's KeyValue and AnyValue, from protobuf into an attribute table.
//
//   KeyValue { 1 string key · 2 AnyValue value }
//   AnyValue { 1 string · 2 bool · 3 int64 · 4 double · 5 ArrayValue · 6 KeyValueList · 7 bytes }
//   ArrayValue { 1 AnyValue* }    KeyValueList { 1 KeyValue* }
//
// ARRAY and MAP keep the bytes of the inner message; they are read once to the bottom, so that who
// reads them later (any-value-text.ts) meets no bad bytes. A value of no kind is EMPTY. If a field comes
// twice, the last one counts.
//
// Source: opentelemetry-proto 1.x, common/v1/common.proto.
// Trust: as protobuf-reader.ts; nesting of values is bounded by its DEPTH_MAX.
// Not here: the messages that have attributes (otlp-proto.ts).

import {
  ARRAY,
  type AttributeTable,
  BOOL,
  BYTES,
  DOUBLE,
  EMPTY,
  INT,
  MAP,
  STRING,
} from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import { AttributeInterner } from "./attribute-interner.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";

/** Fields 1 and 2; fields 1 to 7. */
const KEY_VALUE_FIELDS = 0b110;
const ANY_VALUE_FIELDS = 0b1111_1110;
const LIST_FIELDS = 0b10;

const interner = new AttributeInterner();

/** Reads one KeyValue, of which the tag has been read, and adds it to `table`. */
export function readKeyValue(
  reader: ProtobufReader,
  table: AttributeTable,
  dictionary: Dictionary,
): void {
  if (!readShort(reader, table, dictionary)) readAny(reader, table, dictionary);
}

/**
 * The way nearly every attribute comes: key and value once, all lengths of one byte.
 *
 *   length 0x0a keyLength key… 0x12 valueLength valueTag value…        most SDKs
 *   length 0x12 valueLength valueTag value… 0x0a keyLength key…        the collector, which writes
 *                                                                      messages from their end
 * @returns false, with nothing read, if it is anything else.
 */
function readShort(reader: ProtobufReader, table: AttributeTable, dictionary: Dictionary): boolean {
  const bytes = reader.bytes;
  const at = reader.at;
  // The length, tag and length of the key, tag and length of the value.
  if (at + 5 > reader.end) return false;
  const end = at + 1 + bytes[at]!;
  if (bytes[at]! > 0x7f || end > reader.end) return false;
  // A length over 0x7f reaches behind `end`, as any that is wrong.
  const first = bytes[at + 1];
  const middle = at + 3 + bytes[at + 2]!;
  if (middle + 2 > end || middle + 2 + bytes[middle + 1]! !== end) return false;
  if (first === 0x0a && bytes[middle] === 0x12) {
    const key = interner.internKey(dictionary, bytes, at + 3, middle);
    if (!readShortValue(reader, table, dictionary, key, middle + 2, end)) return false;
  } else if (first === 0x12 && bytes[middle] === 0x0a) {
    const key = interner.internKey(dictionary, bytes, middle + 2, end);
    if (!readShortValue(reader, table, dictionary, key, at + 3, middle)) return false;
  } else {
    return false;
  }
  reader.at = end;
  return true;
}

/** Adds the value in `[start, end)` if it is one field, of a kind that has no message in it. */
function readShortValue(
  reader: ProtobufReader,
  table: AttributeTable,
  dictionary: Dictionary,
  key: number,
  start: number,
  end: number,
): boolean {
  if (end - start < 2) return false;
  const bytes = reader.bytes;
  const value = start + 1;
  switch (bytes[start]) {
    case 0x0a:
      if (value + 1 + bytes[value]! !== end) return false;
      table.add(key, STRING, interner.internValue(dictionary, key, bytes, value + 1, end));
      return true;
    case 0x10:
      if (value + 1 !== end || bytes[value]! > 1) return false;
      table.add(key, BOOL, bytes[value]!);
      return true;
    case 0x18: {
      const at = reader.at;
      reader.at = value;
      reader.readVarint64();
      const isWhole = reader.at === end;
      reader.at = at;
      if (isWhole) table.addInt(key, reader.low, reader.high);
      return isWhole;
    }
    case 0x21:
      if (value + 8 !== end) return false;
      table.addDouble(key, reader.view.getFloat64(value, true));
      return true;
    default:
      return false;
  }
}

function readAny(reader: ProtobufReader, table: AttributeTable, dictionary: Dictionary): void {
  const at = table.count;
  table.add(0, EMPTY, 0);
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) table.key[at] = readText(reader, dictionary);
    else if (tag === 0x12) readAnyValue(reader, table, at, dictionary);
    else reader.skipUnknown(tag, KEY_VALUE_FIELDS);
  }
  reader.leave(outer);
}

/** The bytes of a string or bytes field, as an entry. */
export function readText(reader: ProtobufReader, dictionary: Dictionary): number {
  const end = reader.readEnd();
  const entry = dictionary.intern(reader.bytes, reader.at, end);
  reader.at = end;
  return entry;
}

function readAnyValue(
  reader: ProtobufReader,
  table: AttributeTable,
  at: number,
  dictionary: Dictionary,
): void {
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
        table.replace(at, STRING, readText(reader, dictionary));
        break;
      case 0x10:
        table.replace(at, BOOL, reader.readBool() ? 1 : 0);
        break;
      case 0x18:
        reader.readVarint64();
        table.replaceWords(at, INT, reader.low, reader.high);
        break;
      case 0x21:
        reader.readFixed64();
        table.replaceWords(at, DOUBLE, reader.low, reader.high);
        break;
      case 0x2a:
        table.replace(at, ARRAY, readList(reader, dictionary, false));
        break;
      case 0x32:
        table.replace(at, MAP, readList(reader, dictionary, true));
        break;
      case 0x3a:
        table.replace(at, BYTES, readText(reader, dictionary));
        break;
      default:
        reader.skipUnknown(tag, ANY_VALUE_FIELDS);
    }
  }
  reader.leave(outer);
}

/** An ArrayValue or KeyValueList: looked through to the bottom, kept as its bytes. */
function readList(reader: ProtobufReader, dictionary: Dictionary, isMap: boolean): number {
  const outer = reader.enter();
  const start = reader.at;
  checkElements(reader, isMap);
  const entry = dictionary.intern(reader.bytes, start, reader.at);
  reader.leave(outer);
  return entry;
}

function checkElements(reader: ProtobufReader, isMap: boolean): void {
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag !== 0x0a) {
      reader.skipUnknown(tag, LIST_FIELDS);
      continue;
    }
    const outer = reader.enter();
    if (isMap) checkKeyValue(reader);
    else checkAnyValue(reader);
    reader.leave(outer);
  }
}

function checkKeyValue(reader: ProtobufReader): void {
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === 0x0a) {
      reader.skip(tag);
    } else if (tag === 0x12) {
      const outer = reader.enter();
      checkAnyValue(reader);
      reader.leave(outer);
    } else {
      reader.skipUnknown(tag, KEY_VALUE_FIELDS);
    }
  }
}

function checkAnyValue(reader: ProtobufReader): void {
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a:
      case 0x10:
      case 0x18:
      case 0x21:
      case 0x3a:
        reader.skip(tag);
        break;
      case 0x2a:
      case 0x32: {
        const outer = reader.enter();
        checkElements(reader, tag === 0x32);
        reader.leave(outer);
        break;
      }
      default:
        reader.skipUnknown(tag, ANY_VALUE_FIELDS);
    }
  }
}
