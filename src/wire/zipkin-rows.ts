// What a Zipkin v2 span means: from its fields, in any order, to one row. For JSON and protobuf.
//
//   open() · tag(key, value) … annotation(us, value) … local, remote, isShared … · close()
//
//   tags of the span     attributes, at once
//   tags of the process  resource attributes ┐
//   special tags         columns             ├ settled by close(), when all fields are known
//   endpoints            attributes          ┘
//
// What a key means is looked up once per payload and kept by dictionary entry. A tag that comes twice
// is found by a stamp per key, so that the last value counts at no cost.
//
// Source: zipkin2-api.yaml; opentelemetry-collector-contrib v0.165 pkg/translator/zipkin/zipkinv2,
// which Jaeger uses; docs/span-mapping.md says where we keep more.
// Trust: texts may be anything. Not here: bytes (zipkin-json.ts, zipkin-proto.ts), v1 (zipkin-v1.ts).

import { BOOL, INT, STRING } from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import { ORIGIN_ZIPKIN, STATUS_ERROR, type SpanBatch } from "../model/span-batch.ts";
import { addEmbeddedEvent, addEmbeddedLink } from "./zipkin-embedded.ts";
import {
  ERROR,
  KIND,
  LIBRARY_NAME,
  LIBRARY_VERSION,
  LINK,
  LINK_PREFIX,
  MEANINGS,
  PLAIN,
  PROCESS,
  SCOPE_NAME,
  SCOPE_VERSION,
  STATUS_CODE,
  STATUS_TEXT,
  TAG_KINDS,
  TRACE_STATE,
  ZIPKIN_KINDS,
  roleOf,
} from "./zipkin-keys.ts";
import { ZipkinOwners } from "./zipkin-owners.ts";
import { ZIPKIN_DEBUG, ZIPKIN_SHARED, restNsOf } from "./zipkin-v1.ts";
import { parseStatusCode } from "./zipkin-v1-status.ts";

/** One side of a span: entries of the dictionary, 0 where there is nothing. */
export interface ZipkinEndpoint {
  service: number;
  ipv4: number;
  ipv6: number;
  /** 0..65535 */
  port: number;
}

/** Keys of ours; interned from one run of bytes, which costs the least for a payload of one span. */
const NAMES = [
  "net.host.ip",
  "net.host.ipv4",
  "net.host.port",
  "peer.service",
  "net.peer.ip",
  "net.peer.ipv4",
  "net.peer.port",
  "span.kind",
  "otel.zipkin.absentField.startTime",
  "service.name",
];
const NAME_BYTES = new TextEncoder().encode(NAMES.join(""));
// Places in NAMES.
const HOST_IP = 0;
const HOST_IPV4 = 1;
const HOST_PORT = 2;
const PEER_SERVICE = 3;
const PEER_IP = 4;
const PEER_IPV4 = 5;
const PEER_PORT = 6;
const SPAN_KIND = 7;
const NO_START = 8;
const SERVICE_NAME = 9;

const FIRST_KEYS = 1 << 8;
const PIPE = 0x7c;
const NONE = -1;

export class ZipkinRows {
  readonly batch: SpanBatch;
  readonly local: ZipkinEndpoint = { service: 0, ipv4: 0, ipv6: 0, port: 0 };
  readonly remote: ZipkinEndpoint = { service: 0, ipv4: 0, ipv6: 0, port: 0 };
  /** Text of the kind as sent; 0 if it was not. */
  kind = 0;
  isShared = false;
  isDebug = false;
  /** µs since the Unix epoch, perhaps with a fraction; -1: not sent. */
  startUs = NONE;
  readonly #owners: ZipkinOwners;
  /** By place in NAMES. */
  readonly #names: Uint32Array;
  /** By entry of a key: what it means, 0 = not looked at. */
  #roles = new Uint8Array(FIRST_KEYS);
  /** By entry of a key: the span that had it last, and its place among what that span has. */
  #stamps = new Uint32Array(FIRST_KEYS);
  #places = new Uint32Array(FIRST_KEYS);
  #stamp = 0;
  #row = 0;
  /** By meaning: value and key of the tag that has it; NONE if there was none. */
  readonly #values = new Int32Array(MEANINGS).fill(NONE);
  readonly #keys = new Uint32Array(MEANINGS);
  #hasColumns = false;
  /** Tags of the process: key, value, key, value, … */
  readonly #process: number[] = [];
  /** Tags that look like links: key to value. */
  readonly #links = new Map<number, number>();

  constructor(batch: SpanBatch) {
    this.batch = batch;
    this.#names = internNames(batch.dictionary);
    this.#owners = new ZipkinOwners(batch, this.#names[SERVICE_NAME]);
  }

  /** Opens a row. @returns its index; ids, name and duration are the caller's. */
  open(): number {
    this.#row = this.batch.openRow(0, 0);
    this.#stamp++;
    this.kind = 0;
    this.isShared = this.isDebug = false;
    this.startUs = NONE;
    clearEndpoint(this.local);
    clearEndpoint(this.remote);
    if (this.#hasColumns) this.#values.fill(NONE);
    this.#hasColumns = false;
    this.#process.length = 0;
    if (this.#links.size > 0) this.#links.clear();
    return this.#row;
  }

  tag(key: number, value: number): void {
    if (key >= this.#roles.length) this.#grow(key);
    let role = this.#roles[key]!;
    if (role === 0) {
      role = roleOf(this.batch.dictionary, key);
      this.#roles[key] = role;
    }
    if (role === PLAIN) this.#put(key, STRING, value);
    else if (role === PROCESS) this.#putProcess(key, value);
    else if (role === LINK) this.#links.set(key, value);
    else {
      this.#values[role] = value;
      this.#keys[role] = key;
      this.#hasColumns = true;
    }
  }

  annotation(us: number, value: number): void {
    const batch = this.batch;
    const { dictionary } = batch;
    const event = batch.openEvent();
    batch.eventUs[event] = Math.floor(us);
    batch.eventRestNs[event] = restNsOf(us);
    batch.eventName[event] = value;
    if (hasPipe(dictionary.bytes(value))) addEmbeddedEvent(batch, event, dictionary.text(value));
    batch.closeEvent();
  }

  /** Forgets the annotations of the row: another list of them comes. */
  clearAnnotations(): void {
    const batch = this.batch;
    const first = batch.eventStart[this.#row]!;
    if (batch.events === first) return;
    batch.events = first;
    batch.eventAttributes.count = batch.eventAttributeStart[first]!;
  }

  /** Settles what all fields together say, and closes the row. */
  close(): void {
    const batch = this.batch;
    const row = this.#row;
    batch.origin[row] = ORIGIN_ZIPKIN;
    batch.flags[row] = (this.isDebug ? ZIPKIN_DEBUG : 0) | (this.isShared ? ZIPKIN_SHARED : 0);
    if (this.startUs !== NONE) {
      batch.startUs[row] = Math.floor(this.startUs);
      batch.startRestNs[row] = restNsOf(this.startUs);
    }
    this.#settleParent(row);
    this.#settleKind(row);
    if (this.#hasColumns) this.#settleColumns(row);
    batch.resource[row] = this.#findResource();
    batch.scope[row] = this.#findScope();
    this.#putEndpoints();
    if (this.#links.size > 0) this.#settleLinks();
    if (this.startUs === NONE) this.#put(this.#names[NO_START]!, BOOL, 1);
    batch.closeRow();
  }

  /** A span that says that it is its own parent has none. */
  #settleParent(row: number): void {
    const { parentSpanId, spanId } = this.batch;
    const at = 8 * row;
    for (let i = at; i < at + 8; i++) if (parentSpanId[i] !== spanId[i]) return;
    parentSpanId.fill(0, at, at + 8);
  }

  #settleKind(row: number): void {
    const { dictionary } = this.batch;
    const tag = this.#values[KIND]!;
    if (this.kind !== 0) {
      const kind = ZIPKIN_KINDS.get(dictionary.text(this.kind));
      if (kind !== undefined) this.batch.kind[row] = kind;
      else if (tag === NONE) this.#put(this.#names[SPAN_KIND]!, STRING, this.kind);
    } else if (tag !== NONE) {
      const kind = TAG_KINDS.get(dictionary.text(tag));
      if (kind === undefined) return;
      this.batch.kind[row] = kind;
      this.#values[KIND] = NONE;
    }
  }

  /** Columns from special tags; a tag that no column can take becomes an attribute. */
  #settleColumns(row: number): void {
    const batch = this.batch;
    const { dictionary } = batch;
    const values = this.#values;
    if (values[STATUS_CODE] !== NONE) {
      batch.statusCode[row] = parseStatusCode(dictionary.text(values[STATUS_CODE]!));
      if (values[STATUS_TEXT] !== NONE) batch.statusMessage[row] = values[STATUS_TEXT]!;
    } else {
      this.#putSpecial(STATUS_TEXT);
    }
    if (values[ERROR] !== NONE) {
      batch.statusCode[row] = STATUS_ERROR;
      if (dictionary.text(values[ERROR]!) !== "true") this.#putSpecial(ERROR);
    }
    if (values[TRACE_STATE] !== NONE) batch.traceState[row] = values[TRACE_STATE]!;
    this.#putSpecial(KIND);
  }

  #putSpecial(meaning: number): void {
    const value = this.#values[meaning]!;
    if (value !== NONE) this.#put(this.#keys[meaning]!, STRING, value);
  }

  #findResource(): number {
    const owners = this.#owners;
    const process = this.#process;
    owners.begin(this.local.service);
    for (let at = 0; at < process.length; at += 2) owners.add(process[at]!, process[at + 1]!);
    return owners.resource();
  }

  #findScope(): number {
    const values = this.#values;
    const name = values[SCOPE_NAME] === NONE ? values[LIBRARY_NAME]! : values[SCOPE_NAME]!;
    const version =
      values[SCOPE_VERSION] === NONE ? values[LIBRARY_VERSION]! : values[SCOPE_VERSION]!;
    return this.#owners.scope(Math.max(name, 0), Math.max(version, 0));
  }

  #putEndpoints(): void {
    const names = this.#names;
    const { local, remote } = this;
    this.#putAddress(local, names[HOST_IP]!, names[HOST_IPV4]!);
    if (local.port !== 0) this.#put(names[HOST_PORT]!, INT, local.port);
    if (remote.service !== 0) this.#put(names[PEER_SERVICE]!, STRING, remote.service);
    this.#putAddress(remote, names[PEER_IP]!, names[PEER_IPV4]!);
    if (remote.port !== 0) this.#put(names[PEER_PORT]!, INT, remote.port);
  }

  /** The IPv6 address is the one that counts; an IPv4 one beside it keeps a name of its own. */
  #putAddress({ ipv4, ipv6 }: ZipkinEndpoint, ip: number, beside: number): void {
    if (ipv4 !== 0) this.#put(ipv6 === 0 ? ip : beside, STRING, ipv4);
    if (ipv6 !== 0) this.#put(ip, STRING, ipv6);
  }

  /** Links in the order of their numbers, up to the first gap; what is none stays a tag. */
  #settleLinks(): void {
    const { dictionary } = this.batch;
    for (let number = 0; this.#links.size > 0; number++) {
      const key = dictionary.findText(LINK_PREFIX + number);
      const value = this.#links.get(key);
      if (value === undefined) break;
      this.#links.delete(key);
      if (!addEmbeddedLink(this.batch, dictionary.text(value))) this.#put(key, STRING, value);
    }
    for (const [key, value] of this.#links) this.#put(key, STRING, value);
  }

  #putProcess(key: number, value: number): void {
    if (this.#stamps[key] === this.#stamp) {
      this.#process[this.#places[key]! + 1] = value;
      return;
    }
    this.#stamps[key] = this.#stamp;
    this.#places[key] = this.#process.length;
    this.#process.push(key, value);
  }

  /** Adds an attribute to the row, or gives the one of this name another value. */
  #put(key: number, type: number, value: number): void {
    if (key >= this.#roles.length) this.#grow(key);
    const table = this.batch.spanAttributes;
    if (this.#stamps[key] === this.#stamp) {
      table.replace(this.#places[key]!, type, value);
      return;
    }
    this.#stamps[key] = this.#stamp;
    this.#places[key] = table.count;
    table.add(key, type, value);
  }

  #grow(key: number): void {
    let size = this.#roles.length;
    while (size <= key) size *= 2;
    const roles = new Uint8Array(size);
    roles.set(this.#roles);
    this.#roles = roles;
    const stamps = new Uint32Array(size);
    stamps.set(this.#stamps);
    this.#stamps = stamps;
    const places = new Uint32Array(size);
    places.set(this.#places);
    this.#places = places;
  }
}

/** Keys of ours as entries of a dictionary, by their places in NAMES. */
function internNames(dictionary: Dictionary): Uint32Array {
  const entries = new Uint32Array(NAMES.length);
  let end = 0;
  for (const [at, name] of NAMES.entries()) {
    const start = end;
    end += name.length;
    entries[at] = dictionary.intern(NAME_BYTES, start, end);
  }
  return entries;
}

function clearEndpoint(endpoint: ZipkinEndpoint): void {
  endpoint.service = endpoint.ipv4 = endpoint.ipv6 = endpoint.port = 0;
}

function hasPipe(bytes: Uint8Array): boolean {
  return bytes.includes(PIPE);
}
