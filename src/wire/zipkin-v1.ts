// Zipkin's first span model, where annotations carry kind, times and service: record → rows.
//
//   annotations         cs │ client sent      ss │ server sent       ms │ message sent
//    (time, value, host) cr │ client received  sr │ server received   mr │ message received
//                        anything else is an event
//   binary annotations  sa, ca, ma: host is the peer · lc: local component · else a tag
//    (key, value, host)
//
// A span with both `cs` and `sr` was filled in by both sides: it becomes two rows with the same ids.
//
// Source: zipkincore.thrift; Jaeger's and the OpenTelemetry collector's converters of it;
// docs/span-mapping.md has the rules. Trust: any record gives rows; a reader refuses bad bytes.
// Not here: the bytes (zipkin-json-v1.ts; Thrift has a reader of its own).

import { BOOL, DOUBLE, INT, STRING } from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import {
  KIND_CLIENT,
  KIND_CONSUMER,
  KIND_PRODUCER,
  KIND_SERVER,
  KIND_UNSPECIFIED,
  ORIGIN_ZIPKIN,
  type SpanBatch,
} from "../model/span-batch.ts";
import type { ZipkinOwners } from "./zipkin-owners.ts";
import { findStatus, isStatusTag } from "./zipkin-v1-status.ts";

/** Where something happened. Texts are entries of the batch's dictionary, 0 if absent. */
export interface ZipkinV1Endpoint {
  readonly service: number;
  /** Addresses as text (ip-text.ts). */
  readonly ipv4: number;
  readonly ipv6: number;
  /** 0..65535, 0 if absent. */
  readonly port: number;
}

export interface ZipkinV1Annotation {
  /** µs since the Unix epoch, perhaps with a fraction. */
  readonly us: number;
  readonly value: number;
  readonly host: ZipkinV1Endpoint | undefined;
}

/** `type` and value as in AttributeTable: STRING and BYTES have their entry in `low`. */
export interface ZipkinV1BinaryAnnotation {
  readonly key: number;
  readonly type: number;
  readonly low: number;
  readonly high: number;
  readonly double: number;
  readonly host: ZipkinV1Endpoint | undefined;
}

export interface ZipkinV1Span {
  /** 16, 8 and 8 bytes, big endian; a parent of zeros is none. */
  readonly traceId: Uint8Array;
  readonly id: Uint8Array;
  readonly parentId: Uint8Array;
  readonly name: number;
  readonly debug: boolean;
  /** µs since the Unix epoch, and µs; undefined or 0: derived from the annotations. */
  readonly us: number | undefined;
  readonly durationUs: number | undefined;
  readonly annotations: readonly ZipkinV1Annotation[];
  readonly binaryAnnotations: readonly ZipkinV1BinaryAnnotation[];
}

/** Bits of `flags` for ORIGIN_ZIPKIN. */
export const ZIPKIN_DEBUG = 2;
export const ZIPKIN_SHARED = 16;

// Places in CORE and KINDS.
const CS = 0;
const CR = 1;
const SS = 2;
const SR = 3;
const CORE = ["cs", "cr", "ss", "sr", "ms", "mr"];
const KINDS = [
  KIND_CLIENT,
  KIND_CLIENT,
  KIND_SERVER,
  KIND_SERVER,
  KIND_PRODUCER,
  KIND_CONSUMER,
] as const;

/** Tags that describe the process that sent the span, with the name that they get there. */
const PROCESS_TAGS: ReadonlyMap<string, string> = new Map([
  ["jaegerClient", "jaeger.version"],
  ["jaeger.version", "jaeger.version"],
  ["jaeger.hostname", "hostname"],
]);

/**
 * Appends the row of `span`, or the two rows if it is client's and server's in one.
 *
 * @param owners one for the whole payload, made for the same batch.
 */
export function appendZipkinV1Span(
  span: ZipkinV1Span,
  batch: SpanBatch,
  owners: ZipkinOwners,
): void {
  const core = readCore(span, batch.dictionary);
  const main = core.first < 0 ? KIND_UNSPECIFIED : KINDS[core.first]!;
  const resource = findResource(span, main, batch.dictionary, owners);
  const scope = owners.scope(0, 0);

  const row = openRow(span, batch, resource, scope, main);
  setTimes(batch, row, span, core);
  addTags(span, batch, row);
  addPeer(span, batch, row);
  addEvents(span, batch);
  batch.closeRow();
  if (core.us[CS] === undefined || core.us[SR] === undefined) return;

  const other = main === KIND_CLIENT ? KIND_SERVER : KIND_CLIENT;
  const [from, to] = other === KIND_CLIENT ? [CS, CR] : [SR, SS];
  const second = openRow(span, batch, resource, scope, other);
  setStart(batch, second, core.us[from]!);
  batch.durationNs[second] = Math.round(1000 * Math.max(0, (core.us[to] ?? 0) - core.us[from]!));
  addPeer(span, batch, second);
  batch.closeRow();
}

interface Core {
  /** Place in CORE of the first core annotation, or -1. */
  first: number;
  /** By place in CORE: when it happened first. */
  readonly us: (number | undefined)[];
}

function readCore(span: ZipkinV1Span, dictionary: Dictionary): Core {
  const core: Core = { first: -1, us: [] };
  for (const annotation of span.annotations) {
    const which = coreOf(dictionary, annotation.value);
    if (which < 0) continue;
    if (core.first < 0) core.first = which;
    core.us[which] ??= annotation.us;
  }
  return core;
}

function coreOf(dictionary: Dictionary, value: number): number {
  return dictionary.length(value) === 2 ? CORE.indexOf(dictionary.text(value)) : -1;
}

function openRow(
  span: ZipkinV1Span,
  batch: SpanBatch,
  resource: number,
  scope: number,
  kind: number,
): number {
  const row = batch.openRow(resource, scope);
  batch.traceId.set(span.traceId, 16 * row);
  batch.spanId.set(span.id, 8 * row);
  if (!sameBytes(span.parentId, span.id)) batch.parentSpanId.set(span.parentId, 8 * row);
  batch.name[row] = span.name;
  batch.kind[row] = kind;
  batch.origin[row] = ORIGIN_ZIPKIN;
  batch.flags[row] = span.debug ? ZIPKIN_DEBUG : 0;
  return row;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, at) => byte === b[at]);
}

/** Times as sent; what is missing comes from the call's own annotations, then from all. */
function setTimes(batch: SpanBatch, row: number, span: ZipkinV1Span, core: Core): void {
  let firstUs = Infinity;
  let lastUs = -Infinity;
  for (const { us } of span.annotations) {
    if (us < firstUs) firstUs = us;
    if (us > lastUs) lastUs = us;
  }
  const kind = batch.kind[row];
  if (kind === KIND_CLIENT || kind === KIND_SERVER) {
    firstUs = core.us[kind === KIND_CLIENT ? CS : SR] ?? firstUs;
    lastUs = core.us[kind === KIND_CLIENT ? CR : SS] ?? lastUs;
  }
  const startUs = span.us || firstUs;
  if (startUs === Infinity) {
    const key = batch.dictionary.internText("otel.zipkin.absentField.startTime");
    batch.spanAttributes.add(key, BOOL, 1);
  } else {
    setStart(batch, row, startUs);
  }
  const derivedUs = firstUs <= lastUs ? lastUs - firstUs : 0;
  batch.durationNs[row] = Math.round(1000 * (span.durationUs || derivedUs));
}

function setStart(batch: SpanBatch, row: number, us: number): void {
  batch.startUs[row] = Math.floor(us);
  batch.startRestNs[row] = restNsOf(us);
}

/** Nanoseconds above whole µs, for a time that may have a fraction. */
export function restNsOf(us: number): number {
  return Math.floor((us - Math.floor(us)) * 1000);
}

function findResource(
  span: ZipkinV1Span,
  kind: number,
  dictionary: Dictionary,
  owners: ZipkinOwners,
): number {
  const host = findHost(span, kind, dictionary);
  const lc = span.binaryAnnotations.find(
    ({ key, type, low }) => dictionary.text(key) === "lc" && type === STRING && low !== 0,
  );
  owners.begin(host?.service ?? lc?.low ?? dictionary.internText("unknown-service"));
  if (host !== undefined) {
    if (host.ipv4 !== 0) owners.add(dictionary.internText("ipv4"), host.ipv4);
    if (host.ipv6 !== 0) owners.add(dictionary.internText("ipv6"), host.ipv6);
    if (host.port !== 0) {
      owners.add(dictionary.internText("port"), dictionary.internText(String(host.port)));
    }
  }
  for (const { key, type, low } of span.binaryAnnotations) {
    const name = PROCESS_TAGS.get(dictionary.text(key));
    if (name !== undefined && type === STRING) owners.add(dictionary.internText(name), low);
  }
  return owners.resource();
}

/** The first host with a service name, those that speak for this process before others. */
function findHost(
  span: ZipkinV1Span,
  kind: number,
  dictionary: Dictionary,
): ZipkinV1Endpoint | undefined {
  const named = (one: { readonly host: ZipkinV1Endpoint | undefined }): boolean =>
    one.host !== undefined && one.host.service !== 0;
  const own = span.binaryAnnotations.filter(
    (one) => named(one) && !isPeer(dictionary.text(one.key), kind),
  );
  const annotations = span.annotations.filter(named);
  const found =
    annotations.find(({ value }) => coreOf(dictionary, value) >= 0) ??
    own.find(({ key }) => dictionary.text(key) === "lc") ??
    own[0] ??
    annotations[0];
  return found?.host;
}

/** True if a binary annotation of this key names the other side of a span of this kind. */
function isPeer(key: string, kind: number): boolean {
  if (key === "sa") return kind !== KIND_SERVER;
  if (key === "ca") return kind !== KIND_CLIENT;
  return key === "ma";
}

function isAddress(key: string): boolean {
  return key === "sa" || key === "ca" || key === "ma";
}

function addPeer(span: ZipkinV1Span, batch: SpanBatch, row: number): void {
  const { dictionary, spanAttributes } = batch;
  const kind = batch.kind[row]!;
  const peer = span.binaryAnnotations.find(
    ({ key, host }) => host !== undefined && isPeer(dictionary.text(key), kind),
  )?.host;
  if (peer === undefined) return;
  const ip = peer.ipv6 === 0 ? peer.ipv4 : peer.ipv6;
  if (peer.service !== 0) {
    spanAttributes.add(dictionary.internText("peer.service"), STRING, peer.service);
  }
  if (ip !== 0) spanAttributes.add(dictionary.internText("net.peer.ip"), STRING, ip);
  if (ip !== peer.ipv4 && peer.ipv4 !== 0) {
    spanAttributes.add(dictionary.internText("net.peer.ipv4"), STRING, peer.ipv4);
  }
  if (peer.port !== 0) {
    spanAttributes.addSafeInt(dictionary.internText("net.peer.port"), peer.port);
  }
}

/** Tags of the span; of a key that is there twice the last value counts. */
function addTags(span: ZipkinV1Span, batch: SpanBatch, row: number): void {
  const { dictionary } = batch;
  const status = findStatus(span.binaryAnnotations, dictionary);
  batch.statusCode[row] = status.code;
  batch.statusMessage[row] = status.message;
  const last = new Map(span.binaryAnnotations.map((tag) => [tag.key, tag]));
  for (const tag of last.values()) {
    const name = dictionary.text(tag.key);
    if (isStatusTag(name, tag, dictionary)) continue;
    if (isAddress(name) && tag.host !== undefined) continue;
    if (PROCESS_TAGS.has(name) && tag.type === STRING) continue;
    addTag(batch, name === "lc" ? dictionary.internText("component") : tag.key, tag);
  }
}

function addTag(batch: SpanBatch, key: number, tag: ZipkinV1BinaryAnnotation): void {
  if (tag.type === INT) batch.spanAttributes.addInt(key, tag.low, tag.high);
  else if (tag.type === DOUBLE) batch.spanAttributes.addDouble(key, tag.double);
  else batch.spanAttributes.add(key, tag.type, tag.low);
}

function addEvents(span: ZipkinV1Span, batch: SpanBatch): void {
  for (const { us, value } of span.annotations) {
    if (value === 0 || coreOf(batch.dictionary, value) >= 0) continue;
    const event = batch.openEvent();
    batch.eventUs[event] = Math.floor(us);
    batch.eventRestNs[event] = restNsOf(us);
    batch.eventName[event] = value;
    batch.closeEvent();
  }
}
