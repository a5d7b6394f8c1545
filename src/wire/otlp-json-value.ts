// OTLP/JSON attributes: KeyValue and AnyValue into an attribute table.
//
//   {"key":"http.method","value":{"stringValue":"GET"}}
//   {"intValue":"503"} {"doubleValue":1.5} {"boolValue":true} {"bytesValue":"AP8="} {}
//   {"arrayValue":{"values":[{…}]}}  {"kvlistValue":{"values":[{"key":…,"value":{…}}]}}
//
// Lists and maps are written as the protobuf bytes that attribute tables keep (attribute-table.ts).
//
// Source: opentelemetry-proto 1.x, common/v1/common.proto.
// Trust: as otlp-json-fields.ts; lists nest up to LISTS_MAX deep.

import {
  ARRAY,
  type AttributeTable,
  BOOL,
  BYTES,
  EMPTY,
  INT,
  MAP,
  STRING,
} from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import { AttributeInterner } from "./attribute-interner.ts";
import {
  END,
  int64,
  makeFields,
  nextField,
  nextItem,
  openList,
  openObject,
  outOfRange,
  readBase64,
  readBool,
  readDouble,
  readInt64,
  scanner,
} from "./otlp-json-fields.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

/** A list in a list is two or three messages deep in protobuf, where 100 are allowed in all. */
const LISTS_MAX = 30;

const KEY_VALUE = makeFields(["key", "value"]);
const VALUES = makeFields(["values"]);
const ANY_VALUE = makeFields([
  "stringValue",
  "boolValue",
  "intValue",
  "doubleValue",
  "arrayValue",
  "kvlistValue",
  "bytesValue",
]);

const interner = new AttributeInterner();
const writer = new ProtobufWriter();

/** Reads a list of KeyValue objects and adds them to `table`. */
export function readAttributes(table: AttributeTable, dictionary: Dictionary): void {
  for (let more = openList(); more; more = nextItem()) {
    const at = table.count;
    table.add(0, EMPTY, 0);
    for (let field = openObject(KEY_VALUE); field !== END; field = nextField(KEY_VALUE)) {
      if (field === "key") table.key[at] = readKey(dictionary);
      else readValue(table, at, dictionary);
    }
  }
}

function readKey(dictionary: Dictionary): number {
  scanner.readString();
  return interner.internKey(dictionary, scanner.source, scanner.start, scanner.end);
}

function readText(dictionary: Dictionary, key: number): number {
  scanner.readString();
  return interner.internValue(dictionary, key, scanner.source, scanner.start, scanner.end);
}

function readValue(table: AttributeTable, at: number, dictionary: Dictionary): void {
  for (let field = openObject(ANY_VALUE); field !== END; field = nextField(ANY_VALUE)) {
    switch (field) {
      case "stringValue":
        table.replace(at, STRING, readText(dictionary, table.key[at]!));
        break;
      case "boolValue":
        table.replace(at, BOOL, readBool() ? 1 : 0);
        break;
      case "intValue":
        readInt64();
        table.replaceWords(at, INT, int64.low, int64.high);
        break;
      case "doubleValue":
        table.replaceDouble(at, readDouble());
        break;
      case "bytesValue": {
        const bytes = readBase64();
        table.replace(at, BYTES, dictionary.intern(bytes, 0, bytes.length));
        break;
      }
      case "arrayValue":
        table.replace(at, ARRAY, readList(dictionary, false));
        break;
      case "kvlistValue":
        table.replace(at, MAP, readList(dictionary, true));
        break;
      default:
        field satisfies never;
    }
  }
}

/** An ArrayValue or KeyValueList as an entry of its protobuf bytes. */
function readList(dictionary: Dictionary, isMap: boolean): number {
  writer.reset();
  writeList(isMap, 1);
  return dictionary.intern(writer.bytes, 0, writer.at);
}

function writeList(isMap: boolean, depth: number): void {
  if (depth > LISTS_MAX) throw outOfRange(scanner.at, `lists nested up to ${LISTS_MAX} deep`);
  for (let field = openObject(VALUES); field !== END; field = nextField(VALUES)) {
    for (let more = openList(); more; more = nextItem()) {
      const mark = writer.open(0x0a);
      if (isMap) writeKeyValue(depth);
      else if (!scanner.readNull()) writeValue(depth);
      writer.close(mark);
    }
  }
}

function writeKeyValue(depth: number): void {
  for (let field = openObject(KEY_VALUE); field !== END; field = nextField(KEY_VALUE)) {
    if (field === "key") {
      writeString(0x0a);
    } else {
      const mark = writer.open(0x12);
      writeValue(depth);
      writer.close(mark);
    }
  }
}

function writeValue(depth: number): void {
  for (let field = openObject(ANY_VALUE); field !== END; field = nextField(ANY_VALUE)) {
    switch (field) {
      case "stringValue":
        writeString(0x0a);
        break;
      case "boolValue":
        writer.writeVarint(0x10);
        writer.writeVarint(readBool() ? 1 : 0);
        break;
      case "intValue":
        readInt64();
        writer.writeVarint(0x18);
        writer.writeVarint64(int64.low, int64.high);
        break;
      case "doubleValue":
        writer.writeVarint(0x21);
        writer.writeDouble(readDouble());
        break;
      case "bytesValue":
        writer.writeBytes(0x3a, readBase64());
        break;
      case "arrayValue":
      case "kvlistValue": {
        const mark = writer.open(field === "arrayValue" ? 0x2a : 0x32);
        writeList(field === "kvlistValue", depth + 1);
        writer.close(mark);
        break;
      }
      default:
        field satisfies never;
    }
  }
}

function writeString(tag: number): void {
  scanner.readString();
  writer.writeBytes(tag, scanner.source, scanner.start, scanner.end);
}
