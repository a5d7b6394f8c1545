// W3C Baggage: all items in one header.
//
//   baggage: userId=alice,note=a%20b;property;other=1
//            key = value, percent-encoded ; properties, which a SpanContext has no place for
//
// Keys are tokens. Ours may be any text: they are percent-encoded like values and read back so, as
// OpenTelemetry's JS library does.
//
// Source: w3.org/TR/baggage: 64 members and 8,192 bytes are carried, what is beyond is left out by
// whole members.
// Trust: a peer's text.

import {
  type Baggage,
  type BaggageItems,
  type BaggageMaxima,
  BaggageRoom,
} from "./baggage-items.ts";
import { decodeValue, encodeValue } from "./percent-encoding.ts";

/** @returns false if something of it was left out */
export function parseBaggage(header: string, to: BaggageItems): boolean {
  let complete = true;
  for (let at = 0; at <= header.length;) {
    const comma = header.indexOf(",", at);
    const end = comma < 0 ? header.length : comma;
    if (!parseMember(header.slice(at, end), to)) complete = false;
    at = end + 1;
  }
  return complete;
}

function parseMember(member: string, to: BaggageItems): boolean {
  const semicolon = member.indexOf(";");
  const pair = semicolon < 0 ? member : member.slice(0, semicolon);
  const equals = pair.indexOf("=");
  if (equals < 0) return member.trim() === ""; // an empty member means nothing
  const key = decodeValue(pair.slice(0, equals).trim());
  // The comma in front is counted, too: as many characters as all members have in the header.
  return to.add(key, decodeValue(pair.slice(equals + 1).trim()), member.length);
}

/**
 * @returns the header, "" if nothing is to be said
 * @param onLeftOut once if items were over the maxima
 */
export function printBaggage(
  baggage: Baggage,
  maxima: BaggageMaxima,
  onLeftOut: () => void,
): string {
  const room = new BaggageRoom(maxima);
  let text = "";
  let complete = true;
  for (const key in baggage) {
    if (key === "") continue;
    const member = `${encodeKey(key)}=${encodeValue(baggage[key] ?? "")}`;
    if (!room.take(member.length + (text === "" ? 0 : 1))) complete = false;
    else text = text === "" ? member : `${text},${member}`;
  }
  if (!complete) onLeftOut();
  return text;
}

/** A token has no parentheses; a value may. */
function encodeKey(key: string): string {
  return encodeValue(key).replaceAll("(", "%28").replaceAll(")", "%29");
}
