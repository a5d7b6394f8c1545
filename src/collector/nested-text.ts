// Whether any text inside an encoded array or map is not UTF-8.
//
//   ArrayValue   { 1: AnyValue* }
//   KeyValueList { 1: KeyValue* }     KeyValue { 1: key, 2: AnyValue }
//   AnyValue     { 1: text | 2: bool | 3: int | 4: double | 5: ArrayValue | 6: KeyValueList | 7: bytes }
//
// Source: opentelemetry-proto 1.x, common.proto.
// Trust: the readers have checked the shape; a message that is out of shape all the same, or nested
// deeper than ProtobufReader allows, counts as bad.
// Not here: values as text or JSON (wire).

import { SpoorError } from "../base/errors.ts";
import { isUtf8 } from "../model/utf8.ts";
import { ProtobufReader } from "../wire/protobuf-reader.ts";

export type MessageKind = "array" | "map";

/** What a field of each message is, by its tag; tags that are not named are stepped over. */
const FIELDS: Readonly<Record<Kind, Readonly<Record<number, Kind | "text">>>> = {
  array: { 0x0a: "any" },
  map: { 0x0a: "pair" },
  pair: { 0x0a: "text", 0x12: "any" },
  any: { 0x0a: "text", 0x2a: "array", 0x32: "map" },
};
type Kind = MessageKind | "pair" | "any";

/** True if a string or a key in `message` is not UTF-8. Cost: its bytes. */
export function hasBadText(message: Uint8Array, kind: MessageKind): boolean {
  const reader = new ProtobufReader();
  reader.begin(message);
  try {
    return isBad(reader, kind);
  } catch (error) {
    if (error instanceof SpoorError) return true;
    throw error;
  }
}

function isBad(reader: ProtobufReader, kind: Kind): boolean {
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    const inner = FIELDS[kind][tag];
    if (inner === undefined) {
      reader.skip(tag);
    } else if (inner === "text") {
      const end = reader.readEnd();
      if (!isUtf8(reader.bytes, reader.at, end)) return true;
      reader.at = end;
    } else {
      const outer = reader.enter();
      if (isBad(reader, inner)) return true;
      reader.leave(outer);
    }
  }
  return false;
}
