// Whether any text inside an encoded array or map is not UTF-8.
//
//   ArrayValue   { 1: AnyValue* }
//   KeyValueList { 1: KeyValue* }     KeyValue { 1: key, 2: AnyValue }
//   AnyValue     { 1: text | 2: bool | 3: int | 4: double | 5: ArrayValue | 6: KeyValueList | 7: bytes }
//
// Source: opentelemetry-proto 1.x, common.proto.
// Trust: the readers have checked the shape; a message that is out of shape all the same, or nested
// deeper than they allow, counts as bad.
// Not here: values as text or JSON (wire).

import { isUtf8 } from "../model/utf8.ts";

export type MessageKind = "array" | "map";

/** What a length-delimited field of each message is; fields that are not named are stepped over. */
const FIELDS: Readonly<Record<Kind, Readonly<Record<number, Kind | "text">>>> = {
  array: { 1: "any" },
  map: { 1: "pair" },
  pair: { 1: "text", 2: "any" },
  any: { 1: "text", 5: "array", 6: "map" },
};
type Kind = MessageKind | "pair" | "any";

/** Far above what the readers let in; only keeps the stack safe. */
const DEPTH_MAX = 512;

/** True if a string or a key in `message` is not UTF-8. Cost: its bytes. */
export function hasBadText(message: Uint8Array, kind: MessageKind): boolean {
  return isBad(message, 0, message.length, kind, 0);
}

function isBad(bytes: Uint8Array, start: number, end: number, kind: Kind, depth: number): boolean {
  if (depth > DEPTH_MAX) return true;
  let at = start;
  while (at < end) {
    const tag = bytes[at++]!; // every field number is below 16
    const wireType = tag & 7;
    if (wireType === 1) {
      at += 8;
    } else if (wireType === 0) {
      while (at < end && bytes[at]! > 0x7f) at++;
      at++;
    } else if (wireType === 2) {
      let size = 0;
      let byte = 0x80;
      for (let scale = 1; byte > 0x7f && at < end; scale *= 128) {
        byte = bytes[at++]!;
        size += (byte & 0x7f) * scale;
      }
      if (size > end - at) return true;
      const inner = FIELDS[kind][tag >> 3];
      if (inner === "text" && !isUtf8(bytes, at, at + size)) return true;
      if (inner !== undefined && inner !== "text") {
        if (isBad(bytes, at, at + size, inner, depth + 1)) return true;
      }
      at += size;
    } else {
      return true;
    }
  }
  return at !== end;
}
