// Carriers: what applications keep headers in.
//
//   Map, Headers, URLSearchParams, AxiosHeaders   get, set, iterable
//   grpc-js Metadata                              get (a list), set, getMap
//   anything with get and set                     asked for the names that are known
//   plain object, IncomingHttpHeaders             own enumerable keys; values may be lists
//
// Names are compared in lower case; values are texts, or bytes that are text (headers of Kafka).
//
// Trust: all of it is a peer's, and getters may throw: callers catch. HEADERS_MAX names are looked at.
// Not here: which names there are (found-headers.ts).

import { HEADERS_MAX, HEADER_CHARS_MAX } from "./bounds.ts";

/** `value` is left out if it is no text. */
type Visit = (name: string, value: string) => void;

interface Getter {
  get(name: string): unknown;
}

interface Metadata extends Getter {
  getMap(): object;
}

interface Setter {
  set(name: string, value: string): unknown;
}

/**
 * Shows every header to `visit`, names as they are written.
 *
 * @param known names to ask for where a carrier cannot list its own
 * @returns false if this is no carrier
 */
export function readCarrier(carrier: unknown, known: Iterable<string>, visit: Visit): boolean {
  if (typeof carrier !== "object" || carrier === null) return false;
  if (!isGetter(carrier)) {
    readObject(carrier, visit);
    return true;
  }
  if (isMetadata(carrier)) {
    readNames(Object.keys(carrier.getMap()), carrier, visit);
  } else if (Symbol.iterator in carrier) {
    readEntries(carrier as Iterable<unknown>, visit);
  } else {
    readNames(known, carrier, visit);
  }
  return true;
}

function readObject(carrier: object, visit: Visit): void {
  let left = HEADERS_MAX;
  for (const name in carrier) {
    if (!Object.hasOwn(carrier, name)) continue;
    if (--left < 0) return;
    readValue(name, (carrier as Record<string, unknown>)[name], visit);
  }
}

function readNames(names: Iterable<string>, carrier: Getter, visit: Visit): void {
  let left = HEADERS_MAX;
  for (const name of names) {
    if (--left < 0) return;
    readValue(name, carrier.get(name), visit);
  }
}

function readEntries(carrier: Iterable<unknown>, visit: Visit): void {
  let left = HEADERS_MAX;
  for (const entry of carrier) {
    if (--left < 0) return;
    if (!Array.isArray(entry) || typeof entry[0] !== "string") continue;
    readValue(entry[0], entry[1], visit);
  }
}

function readValue(name: string, value: unknown, visit: Visit): void {
  if (typeof value === "string") {
    visit(name, value);
  } else if (Array.isArray(value)) {
    const end = Math.min(value.length, HEADERS_MAX);
    for (let at = 0; at < end; at++) readSingle(name, value[at], visit);
  } else {
    readSingle(name, value, visit);
  }
}

function readSingle(name: string, value: unknown, visit: Visit): void {
  if (typeof value === "string") visit(name, value);
  else if (value instanceof Uint8Array && value.length <= HEADER_CHARS_MAX) {
    visit(name, Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString());
  }
}

/** @throws whatever the carrier throws: a gRPC Metadata refuses names, a frozen object everything. */
export function writeHeader(carrier: unknown, name: string, value: string): void {
  if (typeof carrier !== "object" || carrier === null) throw new TypeError("not a carrier");
  if (isSetter(carrier)) carrier.set(name, value);
  else (carrier as Record<string, string>)[name] = value;
}

function isGetter(carrier: object): carrier is Getter {
  return hasMethod(carrier, "get");
}

function isSetter(carrier: object): carrier is Setter {
  return hasMethod(carrier, "set");
}

function isMetadata(carrier: object): carrier is Metadata {
  return hasMethod(carrier, "getMap");
}

function hasMethod(carrier: object, name: string): boolean {
  return typeof (carrier as Record<string, unknown>)[name] === "function";
}
