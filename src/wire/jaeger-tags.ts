// Jaeger's notions on the way in: which tags, log fields and references are columns of a SpanBatch.
//
//   tag span.kind                          kind
//   tag error = true, otel.status_code,    statusCode, statusMessage
//       otel.status_description
//   tag w3c.tracestate                     traceState
//   tags otel.scope.name, .version         scope (also their old names otel.library.name, .version)
//   tag @jaeger@format = jaeger, proto     origin: the span was shown by a Jaeger before
//   log field event                        event name
//   reference to the parent                parentSpanId
//   other references                       links with the attribute opentracing.ref_type
//
// A reader of a format adds all tags as attributes and all references as links, then calls
// `settleSpan` before it closes the row and `settleEvent` before it closes an event: what is a
// column moves there, what a column cannot hold (a kind that does not exist, a number where a text
// belongs) stays an attribute, so nothing is lost. Keys are compared as dictionary entries.
//
// Source: opentelemetry-collector-contrib v0.165 pkg/translator/jaeger, which Jaeger v2 uses; where
// we keep more than it does, docs/span-mapping.md says so.
// Not here: bytes of any format; the way out (jaeger-view.ts).

import { type AttributeTable, BOOL, INT, STRING } from "../model/attribute-table.ts";
import {
  KIND_CLIENT,
  KIND_CONSUMER,
  KIND_INTERNAL,
  KIND_PRODUCER,
  KIND_SERVER,
  ORIGIN_JAEGER_PROTO,
  ORIGIN_JAEGER_THRIFT,
  STATUS_ERROR,
  STATUS_OK,
  STATUS_UNSET,
  type SpanBatch,
} from "../model/span-batch.ts";
import { isToParent, settleParent } from "./jaeger-references.ts";

// What a text may mean, as a key or as the value of one.
const SERVICE = 1;
const KIND = 2;
const ERROR = 3;
const STATUS_CODE = 4;
const STATUS_TEXT = 5;
const TRACE_STATE = 6;
const SCOPE_NAME = 7;
const SCOPE_VERSION = 8;
const LIBRARY_NAME = 9;
const LIBRARY_VERSION = 10;
const HTTP_STATUS = 11;
const HTTP_RESPONSE_STATUS = 12;
const HTTP_STATUS_TEXT = 13;
const EVENT = 14;
const REF_TYPE = 15;
const CHILD_OF = 16;
const FOLLOWS_FROM = 17;
const FORMAT = 18;
const FORMAT_THRIFT = 19;
const FORMAT_PROTO = 20;
const FIRST_KIND = 21;

/** The text of each meaning; those from FIRST_KIND on are span kinds. */
const TEXTS: readonly string[] = [
  "",
  "service.name",
  "span.kind",
  "error",
  "otel.status_code",
  "otel.status_description",
  "w3c.tracestate",
  "otel.scope.name",
  "otel.scope.version",
  "otel.library.name",
  "otel.library.version",
  "http.status_code",
  "http.response.status_code",
  "http.status_message",
  "event",
  "opentracing.ref_type",
  "child_of",
  "follows_from",
  "@jaeger@format",
  "jaeger",
  "proto",
  "internal",
  "server",
  "client",
  "producer",
  "consumer",
];
// One after the other in one array, because a dictionary interns best from one source.
const TEXT_BYTES = new TextEncoder().encode(TEXTS.join(""));

const KINDS: readonly number[] = [
  KIND_INTERNAL,
  KIND_SERVER,
  KIND_CLIENT,
  KIND_PRODUCER,
  KIND_CONSUMER,
];

// Sets of meanings, one bit each.
const ERROR_BITS = (1 << ERROR) | (1 << STATUS_CODE);
const HTTP_BITS = (1 << HTTP_STATUS) | (1 << HTTP_RESPONSE_STATUS);
const STATUS_BITS = ERROR_BITS | HTTP_BITS;
const LIBRARY_BITS = (1 << LIBRARY_NAME) | (1 << LIBRARY_VERSION);
const SCOPE_BITS = (1 << SCOPE_NAME) | (1 << LIBRARY_NAME);

/** A fresh dictionary gives the texts above the first entries; later ones need a longer table. */
const FIRST_MEANINGS = 64;

/** What Jaeger's keys mean in one batch, by dictionary entry. One per payload: a reset ends it. */
export class JaegerTags {
  readonly batch: SpanBatch;
  /** The resource attribute `service.name`, which is Jaeger's `process.serviceName`. */
  readonly serviceKey: number;
  /** Scope of the rows that name none. */
  readonly noScope: number;
  readonly #eventKey: number;
  readonly #refTypeKey: number;
  readonly #childOf: number;
  readonly #followsFrom: number;
  /** Meaning by dictionary entry; 0 and beyond its end: none. */
  readonly #meaningOf: Uint8Array;
  /** Where the last attribute of each meaning is; valid if `#look` answered its bit. */
  readonly #seenAt: Int32Array = new Int32Array(TEXTS.length);
  /** Scopes by name, then by version. */
  readonly #scopes: Map<number, Map<number, number>> = new Map();

  constructor(batch: SpanBatch) {
    this.batch = batch;
    let start = 0;
    const entries = TEXTS.map((text) => {
      const end = start + text.length;
      const entry = batch.dictionary.intern(TEXT_BYTES, start, end);
      start = end;
      return entry;
    });
    this.#meaningOf = new Uint8Array(Math.max(FIRST_MEANINGS, ...entries) + 1);
    for (let meaning = 1; meaning < entries.length; meaning++) {
      this.#meaningOf[entries[meaning]!] = meaning;
    }
    this.serviceKey = entries[SERVICE]!;
    this.#eventKey = entries[EVENT]!;
    this.#refTypeKey = entries[REF_TYPE]!;
    this.#childOf = entries[CHILD_OF]!;
    this.#followsFrom = entries[FOLLOWS_FROM]!;
    this.noScope = batch.openScope();
  }

  /**
   * Ends the link that was opened for a reference of `row`. One that says the parent again, which
   * is what most of them do, becomes no link.
   */
  closeReference(row: number, isFollowsFrom: boolean): void {
    const batch = this.batch;
    if (!isFollowsFrom && isToParent(batch, row, batch.links)) return;
    const type = isFollowsFrom ? this.#followsFrom : this.#childOf;
    batch.linkAttributes.add(this.#refTypeKey, STRING, type);
    batch.closeLink();
  }

  /** Moves the field `event` of the open event to its name. */
  settleEvent(event: number): void {
    const batch = this.batch;
    const table = batch.eventAttributes;
    const at = table.find(this.#eventKey, batch.eventAttributeStart[event]!, table.count);
    if (at < 0 || table.type[at] !== STRING || table.words[2 * at] === 0) return;
    // Two of that name: both stay fields, for an event has only one name.
    if (table.find(this.#eventKey, at + 1, table.count) >= 0) return;
    batch.eventName[event] = table.words[2 * at]!;
    this.#seenAt[EVENT] = at;
    this.#drop(table, at, 1 << EVENT);
  }

  /** Moves tags and references of the open row to its columns. Cost: one look at every key. */
  settleSpan(row: number): void {
    const batch = this.batch;
    if (batch.links > batch.linkStart[row]!) settleParent(batch, row, this.#childOf);
    const table = batch.spanAttributes;
    const first = batch.attributeStart[row]!;
    const seen = this.#look(table, first);
    if (seen === 0) return;
    let drop = 0;
    if (seen & (1 << KIND)) drop |= this.#settleKind(row);
    if (seen & STATUS_BITS) drop |= this.#settleStatus(row, seen);
    if (seen & SCOPE_BITS) drop |= this.#settleScope(row, seen);
    if (seen & (1 << TRACE_STATE)) {
      const entry = this.#textAt(TRACE_STATE);
      batch.traceState[row] = entry;
      if (entry !== 0) drop |= 1 << TRACE_STATE;
    }
    if (seen & (1 << FORMAT)) drop |= this.#settleFormat(row);
    if (drop !== 0) this.#drop(table, first, drop);
  }

  /** Bits of the meanings that the keys from `first` on have. */
  #look(table: AttributeTable, first: number): number {
    const { key: keys, count: end } = table;
    const meaningOf = this.#meaningOf;
    const known = meaningOf.length;
    let seen = 0;
    for (let at = first; at < end; at++) {
      const key = keys[at]!;
      if (key >= known) continue;
      const meaning = meaningOf[key]!;
      if (meaning === 0) continue;
      // Beside `error` = true there may be an `error` with the message: that one is only a tag.
      if (meaning === ERROR && table.type[at] !== BOOL) continue;
      seen |= 1 << meaning;
      this.#seenAt[meaning] = at;
    }
    return seen;
  }

  /** Takes out the attributes that `#look` found of the meanings in `drop`, all after `first`. */
  #drop(table: AttributeTable, first: number, drop: number): void {
    const { key, type, words, count: end } = table;
    const meaningOf = this.#meaningOf;
    const known = meaningOf.length;
    let to = first;
    for (let at = first; at < end; at++) {
      const entry = key[at]!;
      if (entry < known) {
        const meaning = meaningOf[entry]!;
        if (drop & (1 << meaning) && this.#seenAt[meaning] === at) continue;
      }
      key[to] = entry;
      type[to] = type[at]!;
      words[2 * to] = words[2 * at]!;
      words[2 * to + 1] = words[2 * at + 1]!;
      to++;
    }
    table.count = to;
  }

  /** The text of the span's tag of this meaning, as an entry; 0 if it is empty or no text. */
  #textAt(meaning: number): number {
    const table = this.batch.spanAttributes;
    const at = this.#seenAt[meaning]!;
    return table.type[at] === STRING ? table.words[2 * at]! : 0;
  }

  /** What the text of the span's tag of this meaning means itself. */
  #meaningAt(meaning: number): number {
    const entry = this.#textAt(meaning);
    return entry < this.#meaningOf.length ? this.#meaningOf[entry]! : 0;
  }

  #settleKind(row: number): number {
    const meaning = this.#meaningAt(KIND);
    if (meaning < FIRST_KIND) return 0;
    this.batch.kind[row] = KINDS[meaning - FIRST_KIND]!;
    return 1 << KIND;
  }

  #settleFormat(row: number): number {
    const meaning = this.#meaningAt(FORMAT);
    if (meaning === FORMAT_THRIFT) this.batch.origin[row] = ORIGIN_JAEGER_THRIFT;
    else if (meaning === FORMAT_PROTO) this.batch.origin[row] = ORIGIN_JAEGER_PROTO;
    else return 0;
    return 1 << FORMAT;
  }

  /** The tag `error` = true beats `otel.status_code`, which beats the HTTP status. */
  #settleStatus(row: number, seen: number): number {
    const batch = this.batch;
    if (seen & (1 << ERROR) && batch.spanAttributes.words[2 * this.#seenAt[ERROR]!] !== 0) {
      batch.statusCode[row] = STATUS_ERROR;
      return ERROR_BITS | this.#settleStatusText(row, seen, HTTP_STATUS_TEXT);
    }
    if (seen & (1 << STATUS_CODE)) {
      const code = parseStatusCode(batch.dictionary.text(this.#textAt(STATUS_CODE)));
      if (code < 0) return 0;
      batch.statusCode[row] = code;
      return (1 << STATUS_CODE) | this.#settleStatusText(row, seen, 0);
    }
    if ((seen & HTTP_BITS) === 0) return 0;
    const key = seen & (1 << HTTP_STATUS) ? HTTP_STATUS : HTTP_RESPONSE_STATUS;
    if (isHttpError(this.#integerAt(key), batch.kind[row]!)) {
      batch.statusCode[row] = STATUS_ERROR;
      if (seen & (1 << HTTP_STATUS_TEXT)) batch.statusMessage[row] = this.#textAt(HTTP_STATUS_TEXT);
    }
    return 0;
  }

  /** The status text is `otel.status_description`, else the tag `instead`, which stays a tag. */
  #settleStatusText(row: number, seen: number, instead: number): number {
    if (seen & (1 << STATUS_TEXT)) {
      const entry = this.#textAt(STATUS_TEXT);
      this.batch.statusMessage[row] = entry;
      return entry === 0 ? 0 : 1 << STATUS_TEXT;
    }
    if (instead !== 0 && seen & (1 << instead)) {
      this.batch.statusMessage[row] = this.#textAt(instead);
    }
    return 0;
  }

  /** The span's tag of this meaning as an integer; NaN if it is none. */
  #integerAt(meaning: number): number {
    const table = this.batch.spanAttributes;
    const at = this.#seenAt[meaning]!;
    if (table.type[at] === INT) {
      return (table.words[2 * at + 1]! | 0) * 0x1_0000_0000 + table.words[2 * at]!;
    }
    if (table.type[at] !== STRING) return NaN;
    const text = this.batch.dictionary.text(table.words[2 * at]!);
    return /^[+-]?[0-9]{1,9}$/.test(text) ? Number(text) : NaN;
  }

  #settleScope(row: number, seen: number): number {
    const isOld = (seen & (1 << SCOPE_NAME)) === 0;
    const nameKey = isOld ? LIBRARY_NAME : SCOPE_NAME;
    const versionKey = isOld ? LIBRARY_VERSION : SCOPE_VERSION;
    const name = this.#textAt(nameKey);
    if (name === 0) return 0; // A version without a name stays a tag.
    const version = seen & (1 << versionKey) ? this.#textAt(versionKey) : 0;
    this.batch.scope[row] = this.#scopeOf(name, version);
    const drop = (1 << nameKey) | (version === 0 ? 0 : 1 << versionKey);
    if (isOld || (seen & (1 << LIBRARY_NAME)) === 0) return drop;
    // Exporters of OpenTelemetry SDKs send the old names beside the new ones, with the same values.
    const isSame =
      this.#textAt(LIBRARY_NAME) === name &&
      (seen & (1 << LIBRARY_VERSION) ? this.#textAt(LIBRARY_VERSION) : 0) === version;
    return isSame ? drop | LIBRARY_BITS : drop;
  }

  #scopeOf(name: number, version: number): number {
    let versions = this.#scopes.get(name);
    if (versions === undefined) {
      versions = new Map();
      this.#scopes.set(name, versions);
    }
    let scope = versions.get(version);
    if (scope === undefined) {
      scope = this.batch.openScope();
      this.batch.scopeName[scope] = name;
      this.batch.scopeVersion[scope] = version;
      versions.set(version, scope);
    }
    return scope;
  }
}

/** STATUS_…, or -1 if the text is no status. */
function parseStatusCode(text: string): number {
  switch (text.toUpperCase()) {
    case "UNSET":
      return STATUS_UNSET;
    case "OK":
      return STATUS_OK;
    case "ERROR":
      return STATUS_ERROR;
    default:
      return -1;
  }
}

/** 4xx is the client's error, not the server's; beyond 100..398 nothing is a success. */
function isHttpError(status: number, kind: number): boolean {
  if (Number.isNaN(status)) return false;
  if (status >= 400 && status < 500 && kind === KIND_SERVER) return false;
  return !(status >= 100 && status < 399);
}
