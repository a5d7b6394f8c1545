// Units as Jaeger Thrift (binary protocol, one Batch a service) and as Zipkin v2 JSON, with holes.
//
// Source: jaeger-idl jaeger.thrift; Apache Thrift binary protocol; Zipkin API v2.

import { jaegerTags, type Message, perService } from "./encode-proto.ts";
import * as holed from "./holed-bytes.ts";
import { HoledBytes } from "./holed-bytes.ts";
import type { Attribute, ServiceModel, SpanModel, Unit } from "./span-model.ts";

const BOOL = 2;
const DOUBLE = 4;
const I32 = 8;
const I64 = 10;
const STRING = 11;
const STRUCT = 12;
const LIST = 15;

function field(to: HoledBytes, type: number, id: number): void {
  to.raw(Uint8Array.of(type, 0, id));
}

function i32(to: HoledBytes, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  to.raw(bytes);
}

function i64(to: HoledBytes, value: number): void {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  to.raw(bytes);
}

function text(to: HoledBytes, id: number, value: string, trace: number): void {
  field(to, STRING, id);
  i32(to, Buffer.byteLength(value));
  to.text(value, trace);
}

function list(to: HoledBytes, id: number, count: number): void {
  field(to, LIST, id);
  to.byte(STRUCT);
  i32(to, count);
}

function thriftTags(to: HoledBytes, id: number, tags: readonly Attribute[], trace: number): void {
  list(to, id, tags.length);
  for (const { key, value } of tags) {
    text(to, 1, key, trace);
    field(to, I32, 2);
    if (typeof value === "string") {
      i32(to, 0);
      text(to, 3, value, trace);
    } else if (typeof value === "boolean") {
      i32(to, 2);
      field(to, BOOL, 5);
      to.byte(value ? 1 : 0);
    } else if (typeof value === "number") {
      i32(to, 1);
      field(to, DOUBLE, 4);
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(value);
      to.raw(bytes);
    } else {
      i32(to, 3);
      field(to, I64, 6);
      i64(to, value.int);
    }
    to.byte(0);
  }
}

function thriftSpan(to: HoledBytes, span: SpanModel): void {
  field(to, I64, 1);
  to.hole(holed.TRACE_LOW, span.trace, 0, 8);
  field(to, I64, 2);
  to.hole(holed.TRACE_HIGH, span.trace, 0, 8);
  field(to, I64, 3);
  to.hole(holed.SPAN_BYTES, span.index, 0, 8);
  field(to, I64, 4);
  if (span.parent >= 0) to.hole(holed.SPAN_BYTES, span.parent, 0, 8);
  else i64(to, 0);
  text(to, 5, span.name, span.trace);
  field(to, I32, 7);
  i32(to, 1);
  field(to, I64, 8);
  to.hole(holed.TIME_US_BE, 0, span.atNs, 8);
  field(to, I64, 9);
  i64(to, Math.floor(span.durationNs / 1_000));
  thriftTags(to, 10, jaegerTags(span), span.trace);
  if (span.events.length > 0) {
    list(to, 11, span.events.length);
    for (const event of span.events) {
      field(to, I64, 1);
      to.hole(holed.TIME_US_BE, 0, event.atNs, 8);
      const tags = [{ key: "event", value: event.name }, ...event.attributes];
      thriftTags(to, 2, tags, span.trace);
      to.byte(0);
    }
  }
  to.byte(0);
}

/** One jaeger.Batch a service, binary protocol, without an envelope. */
export function encodeJaegerThrift(unit: Unit): Message[] {
  return perService(unit, (service, spans) => {
    const batch = new HoledBytes();
    thriftBatch(batch, service, spans);
    return batch;
  });
}

/** The arguments of Collector::submitBatches, one jaeger.Batch each. */
export function encodeSubmitBatches(unit: Unit): Message[] {
  return perService(unit, (service, spans) => {
    const call = new HoledBytes();
    list(call, 1, 1);
    thriftBatch(call, service, spans);
    call.byte(0);
    return call;
  });
}

function thriftBatch(to: HoledBytes, service: ServiceModel, spans: readonly SpanModel[]): void {
  field(to, STRUCT, 1);
  text(to, 1, service.name, 0);
  thriftTags(to, 2, service.attributes.slice(1), 0);
  to.byte(0);
  list(to, 2, spans.length);
  for (const span of spans) thriftSpan(to, span);
  to.byte(0);
}

function json(to: HoledBytes, value: string, trace: number): void {
  // The marks of holes stand unescaped: they are gone before anybody reads the text.
  const quoted = JSON.stringify(value).replaceAll("\\u0001", "\u0001");
  to.text(quoted.replaceAll("\\u0002", "\u0002"), trace);
}

function raw(to: HoledBytes, value: string): void {
  to.text(value, 0);
}

function valueText(value: Attribute["value"]): string {
  return typeof value === "object" ? String(value.int) : String(value);
}

function zipkinSpan(to: HoledBytes, span: SpanModel, service: string, pod: string): void {
  raw(to, '{"traceId":"');
  to.hole(holed.TRACE_HEX, span.trace, 0, 32);
  raw(to, '","id":"');
  to.hole(holed.SPAN_HEX, span.index, 0, 16);
  if (span.parent >= 0) {
    raw(to, '","parentId":"');
    to.hole(holed.SPAN_HEX, span.parent, 0, 16);
  }
  raw(to, '","name":');
  json(to, span.name, span.trace);
  if (span.kind === 2) raw(to, ',"kind":"SERVER"');
  if (span.kind === 3) raw(to, ',"kind":"CLIENT"');
  raw(to, ',"timestamp":');
  to.hole(holed.TIME_US_TEXT, 0, span.atNs, 16);
  raw(to, `,"duration":${Math.max(1, Math.floor(span.durationNs / 1_000))}`);
  raw(
    to,
    `,"localEndpoint":{"serviceName":"${service}","ipv4":"10.0.1.${span.service + 1}","port":8080}`,
  );
  span.events.forEach((event, index) => {
    raw(to, index === 0 ? ',"annotations":[{"timestamp":' : '},{"timestamp":');
    to.hole(holed.TIME_US_TEXT, 0, event.atNs, 16);
    const parts = event.attributes.map(({ key, value }) => `${key}=${valueText(value)}`);
    raw(to, ',"value":');
    json(to, [event.name, ...parts].join(" "), span.trace);
  });
  if (span.events.length > 0) raw(to, "}]");
  raw(to, ',"tags":{');
  for (const { key, value } of span.attributes) {
    json(to, key, span.trace);
    raw(to, ":");
    json(to, valueText(value), span.trace);
    raw(to, ",");
  }
  if (span.isError) raw(to, '"error":"upstream timeout",');
  raw(to, `"k8s.pod.name":${JSON.stringify(pod)}}}`);
}

/** One array for the whole unit. */
export function encodeZipkinJson(unit: Unit): Message[] {
  const array = new HoledBytes();
  raw(array, "[");
  unit.spans.forEach((span, index) => {
    if (index > 0) raw(array, ",");
    const service = unit.services[span.service]!;
    const pod = service.attributes.find(({ key }) => key === "k8s.pod.name")!;
    zipkinSpan(array, span, service.name, valueText(pod.value));
  });
  raw(array, "]");
  return [{ bytes: array, spans: unit.spans.length }];
}
