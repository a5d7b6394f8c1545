// Fields of Zipkin's JSON, v1 and v2: ids, times, addresses and texts of the right type, or an error
// that names the field.
//
//   id       1..32 hex digits, padded on the left; digits that have no place must be zero
//   time     µs; a fraction gives nanoseconds (OpenTelemetry's exporter for JavaScript writes some)
//   address  IPv4 or IPv6, printed as everybody prints it
//   port     0..65535
//
// Source: zipkin2-api.yaml, zipkin-api.yaml (v1). Trust: as json-scanner.ts.
// Not here: which fields there are (zipkin-json.ts, zipkin-json-v1.ts).

import { SpoorError } from "../base/errors.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { parseIp, printIp } from "./ip-text.ts";
import { CLOSE_OBJECT, HEX_VALUES, JsonScanner, OPEN_OBJECT } from "./json-scanner.ts";
import type { ZipkinEndpoint } from "./zipkin-rows.ts";

/** µs that a column holds exactly, and the largest port. */
const US_MAX = Number.MAX_SAFE_INTEGER;
const PORT_MAX = 0xffff;
const ID_DIGITS_MAX = 32;

const encoder = new TextEncoder();
/** The one cursor of both versions; they never run at the same time. */
export const scanner: JsonScanner = new JsonScanner();
/** Addresses by their text as sent: their text as printed. Forgotten with each payload. */
const addresses = new Map<number, number>();

/** Names of fields, found by their length. */
export type Fields = readonly (readonly (readonly [field: number, name: Uint8Array])[])[];

/** `names`, separated by spaces; a field is known by its place. */
export function makeFields(names: string): Fields {
  const byLength: [number, Uint8Array][][] = [];
  for (const [field, name] of names.split(" ").entries()) {
    (byLength[name.length] ??= []).push([field, encoder.encode(name)]);
  }
  return byLength;
}

/** The field that the key read last names, or -1. */
export function findField(fields: Fields): number {
  const candidates = fields[scanner.end - scanner.start];
  if (candidates === undefined) return -1;
  for (const [field, name] of candidates) if (scanner.isString(name)) return field;
  return -1;
}

const ENDPOINT_FIELDS = makeFields("serviceName ipv4 ipv6 port");

/** Starts on a payload: all functions here read from it. */
export function beginJson(payload: Uint8Array): void {
  scanner.begin(payload);
  addresses.clear();
}

/** A string as an entry of the dictionary. */
export function readText(name: string, batch: SpanBatch): number {
  if (!scanner.isStringNext) throw wrongType(name, "a string");
  return scanner.internString(batch.dictionary);
}

/** An address, printed as everybody prints it; the empty text is none. */
function readAddress(name: string, batch: SpanBatch): number {
  const { dictionary } = batch;
  const sent = readText(name, batch);
  const known = addresses.get(sent);
  if (known !== undefined || sent === 0) return known ?? 0;
  const bytes = parseIp(dictionary.text(sent));
  if (bytes === undefined) throw wrongValue(name, "an IP address");
  // There is one way only to write an IPv4 address.
  const address = bytes.length === 4 ? sent : dictionary.internText(printIp(bytes)!);
  addresses.set(sent, address);
  return address;
}

/** One side of a span, into `endpoint`; what is not there stays as it was. */
export function readEndpoint(name: string, endpoint: ZipkinEndpoint, batch: SpanBatch): void {
  if (!scanner.open(OPEN_OBJECT)) throw wrongType(name, "an object");
  for (let more = !scanner.close(CLOSE_OBJECT); more; more = scanner.next(CLOSE_OBJECT)) {
    scanner.readKey();
    const field = findField(ENDPOINT_FIELDS);
    if (field < 0) scanner.skipValue();
    else if (scanner.readNull()) continue;
    else if (field === 0) endpoint.service = readText(`${name}.serviceName`, batch);
    else if (field === 1) endpoint.ipv4 = readAddress(`${name}.ipv4`, batch);
    else if (field === 2) endpoint.ipv6 = readAddress(`${name}.ipv6`, batch);
    else endpoint.port = readPort(`${name}.port`);
  }
}

/** µs from 0 on, with a fraction if there is one. */
export function readUs(name: string): number {
  const whole = scanner.readWhole(US_MAX);
  if (whole >= 0) return whole;
  const us = scanner.readNumber();
  if (Number.isNaN(us)) throw wrongType(name, "a number of microseconds");
  if (us < 0 || us > US_MAX) throw wrongValue(name, "microseconds from 0 to 2^53 - 1");
  return us;
}

function readPort(name: string): number {
  const port = scanner.readWhole(PORT_MAX);
  if (port < 0) throw wrongType(name, "a port number up to 65535");
  return port;
}

export function readBoolean(name: string): boolean {
  const value = scanner.readBoolean();
  if (value < 0) throw wrongType(name, "true or false");
  return value === 1;
}

/**
 * An id of any number of hex digits into `bytes[at..at + size)`, padded with zeros on its left;
 * digits that have no place there must be zeros, and an id has 32 at most.
 *
 * @returns false if all of it is zero.
 */
export function readHex(name: string, bytes: Uint8Array, at: number, size: number): boolean {
  if (!scanner.isStringNext) throw wrongType(name, "a string of hex digits");
  scanner.readString();
  const { source, start, end } = scanner;
  if (end - start > ID_DIGITS_MAX) throw wrongValue(name, `up to ${ID_DIGITS_MAX} hex digits`);
  let from = end;
  let any = 0;
  for (let to = at + size - 1; to >= at; to--) {
    const low = from > start ? HEX_VALUES[source[--from]!]! : 0;
    const high = from > start ? HEX_VALUES[source[--from]!]! : 0;
    if ((low | high) > 15) throw wrongValue(name, "hex digits only");
    bytes[to] = (high << 4) | low;
    any |= high | low;
  }
  while (from > start) {
    if (source[--from] !== 0x30) throw wrongValue(name, `an id of ${2 * size} hex digits`);
  }
  return any !== 0;
}

/** A field that a span must have is not there. */
export function missing(name: string): SpoorError {
  const message = `zipkin span: no ${name}, or one that is zero`;
  return new SpoorError("bad-input", message, { offset: scanner.at });
}

/** The next value is not what the field `name` has. */
export function wrongType(name: string, expected: string): SpoorError {
  const message = `zipkin span: ${name} is ${scanner.typeName()}, expected ${expected}`;
  return new SpoorError("bad-input", message, { offset: scanner.at });
}

/** The value of field `name` that has just been read cannot be used. */
function wrongValue(name: string, expected: string): SpoorError {
  const message = `zipkin span: ${name} is something else than ${expected}`;
  return new SpoorError("bad-input", message, { offset: scanner.at });
}
