// Jaeger's KeyValue of api_v2, from protobuf into an attribute table.
//
//   KeyValue { 1 key · 2 v_type · 3 v_str · 4 v_bool · 5 v_int64 · 6 v_float64 · 7 v_binary }
//   v_type     0 string · 1 bool · 2 int64 · 3 float64 · 4 binary
//
// Source: jaeger-idl v0.14 proto/api_v2/model.proto. Trust: as protobuf-reader.ts.
// Not here: the messages that have tags (jaeger-proto.ts), what tags mean (jaeger-tags.ts).

import { type AttributeTable, BOOL, BYTES, STRING } from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import { AttributeInterner } from "./attribute-interner.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";

/** Fields 1 to 7. */
const TAG_FIELDS = 0b1111_1110;

// ValueType; not in the order of Thrift's TagType.
const TYPE_STRING = 0;
const TYPE_BOOL = 1;
const TYPE_INT = 2;
const TYPE_DOUBLE = 3;
const TYPE_BINARY = 4;

const interner = new AttributeInterner();

/** Reads one KeyValue, of which the tag has been read, and adds it to `table`. */
export function readJaegerTag(
  reader: ProtobufReader,
  table: AttributeTable,
  dictionary: Dictionary,
): void {
  if (!readShortTag(reader, table, dictionary)) readAnyTag(reader, table, dictionary);
}

/**
 * The way most tags come: key first, lengths of one byte, a string or an int64.
 *
 *   length 0x0a keyLength key… 0x1a valueLength value…          v_type left out: string
 *   length 0x0a keyLength key… 0x10 0x02 0x28 varint
 *
 * @returns false, with nothing read, if it is anything else.
 */
function readShortTag(
  reader: ProtobufReader,
  table: AttributeTable,
  dictionary: Dictionary,
): boolean {
  const { bytes, at } = reader;
  // Length, tag and length of the key, and of the value.
  if (at + 5 > reader.end) return false;
  const end = at + 1 + bytes[at]!;
  if (bytes[at]! > 0x7f || end > reader.end || bytes[at + 1] !== 0x0a) return false;
  const keyEnd = at + 3 + bytes[at + 2]!;
  // A length over 0x7f ends behind `end` as well.
  if (keyEnd + 2 > end) return false;
  if (bytes[keyEnd] === 0x1a) {
    if (keyEnd + 2 + bytes[keyEnd + 1]! !== end) return false;
    const key = interner.internKey(dictionary, bytes, at + 3, keyEnd);
    table.add(key, STRING, interner.internValue(dictionary, key, bytes, keyEnd + 2, end));
  } else {
    if (bytes[keyEnd] !== 0x10 || bytes[keyEnd + 1] !== TYPE_INT) return false;
    if (keyEnd + 4 > end || bytes[keyEnd + 2] !== 0x28) return false;
    reader.at = keyEnd + 3;
    reader.readVarint64();
    if (reader.at !== end) {
      reader.at = at;
      return false;
    }
    table.addInt(interner.internKey(dictionary, bytes, at + 3, keyEnd), reader.low, reader.high);
  }
  reader.at = end;
  return true;
}

/** The value counts that the type names, wherever it stands; a missing one is zero or empty. */
function readAnyTag(reader: ProtobufReader, table: AttributeTable, dictionary: Dictionary): void {
  let key = 0;
  let type = TYPE_STRING;
  let start = 0;
  let end = 0;
  let binaryStart = 0;
  let binaryEnd = 0;
  let low = 0;
  let high = 0;
  let double = 0;
  let bool = false;
  const outer = reader.enter();
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    switch (tag) {
      case 0x0a: {
        const keyEnd = reader.readEnd();
        key = interner.internKey(dictionary, reader.bytes, reader.at, keyEnd);
        reader.at = keyEnd;
        break;
      }
      case 0x10:
        type = reader.readUint32();
        break;
      case 0x1a:
        end = reader.readEnd();
        start = reader.at;
        reader.at = end;
        break;
      case 0x20:
        bool = reader.readBool();
        break;
      case 0x28:
        reader.readVarint64();
        ({ low, high } = reader);
        break;
      case 0x31:
        double = reader.readDouble();
        break;
      case 0x3a:
        binaryEnd = reader.readEnd();
        binaryStart = reader.at;
        reader.at = binaryEnd;
        break;
      default:
        reader.skipUnknown(tag, TAG_FIELDS);
    }
  }
  reader.leave(outer);
  const bytes = reader.bytes;
  switch (type) {
    case TYPE_STRING:
      table.add(key, STRING, interner.internValue(dictionary, key, bytes, start, end));
      return;
    case TYPE_BOOL:
      table.add(key, BOOL, bool ? 1 : 0);
      return;
    case TYPE_INT:
      table.addInt(key, low, high);
      return;
    case TYPE_DOUBLE:
      table.addDouble(key, double);
      return;
    case TYPE_BINARY:
      table.add(key, BYTES, dictionary.intern(bytes, binaryStart, binaryEnd));
      return;
    default:
      table.add(key, STRING, dictionary.internText(`<Unknown Jaeger TagType ${type}>`));
  }
}
