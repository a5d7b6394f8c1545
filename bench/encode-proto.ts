// Units as OTLP and as Jaeger's api_v2 protobuf, with holes.
//
// Source: opentelemetry-proto 1.x trace.proto; jaeger-idl api_v2 model.proto, collector.proto.

import { HoledBytes, SPAN_BYTES, TIME_LE, TIME_PROTO, TRACE_BYTES } from "./holed-bytes.ts";
import type { Attribute, ServiceModel, SpanModel, Unit } from "./span-model.ts";

export interface Message {
  readonly bytes: HoledBytes;
  readonly spans: number;
}

function varint(to: HoledBytes, value: number): void {
  let rest = value;
  while (rest > 0x7f) {
    to.byte((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  to.byte(rest);
}

function tag(to: HoledBytes, field: number, wire: number): void {
  varint(to, field * 8 + wire);
}

function text(to: HoledBytes, field: number, value: string, trace: number): void {
  tag(to, field, 2);
  varint(to, Buffer.byteLength(value));
  to.text(value, trace);
}

function number(to: HoledBytes, field: number, value: number): void {
  tag(to, field, 0);
  varint(to, value);
}

function double(to: HoledBytes, field: number, value: number): void {
  tag(to, field, 1);
  to.raw(Buffer.from(new Float64Array([value]).buffer));
}

function message(to: HoledBytes, field: number, write: (inner: HoledBytes) => void): void {
  const inner = new HoledBytes();
  write(inner);
  tag(to, field, 2);
  varint(to, inner.length);
  to.append(inner);
}

function id(to: HoledBytes, field: number, what: number, index: number, size: number): void {
  tag(to, field, 2);
  varint(to, size);
  to.hole(what, index, 0, size);
}

function otlpAttribute(to: HoledBytes, field: number, attribute: Attribute, trace: number): void {
  message(to, field, (pair) => {
    text(pair, 1, attribute.key, trace);
    message(pair, 2, (any) => {
      const value = attribute.value;
      if (typeof value === "string") text(any, 1, value, trace);
      else if (typeof value === "boolean") number(any, 2, value ? 1 : 0);
      else if (typeof value === "number") double(any, 4, value);
      else number(any, 3, value.int);
    });
  });
}

function otlpSpan(to: HoledBytes, span: SpanModel): void {
  id(to, 1, TRACE_BYTES, span.trace, 16);
  id(to, 2, SPAN_BYTES, span.index, 8);
  if (span.parent >= 0) id(to, 4, SPAN_BYTES, span.parent, 8);
  text(to, 5, span.name, span.trace);
  number(to, 6, span.kind);
  tag(to, 7, 1);
  to.hole(TIME_LE, 0, span.atNs, 8);
  tag(to, 8, 1);
  to.hole(TIME_LE, 0, span.atNs + span.durationNs, 8);
  for (const attribute of span.attributes) otlpAttribute(to, 9, attribute, span.trace);
  for (const event of span.events) {
    message(to, 11, (inner) => {
      tag(inner, 1, 1);
      inner.hole(TIME_LE, 0, event.atNs, 8);
      text(inner, 2, event.name, span.trace);
      for (const attribute of event.attributes) otlpAttribute(inner, 3, attribute, span.trace);
    });
  }
  if (span.isError) {
    message(to, 15, (status) => {
      text(status, 2, "upstream timeout", span.trace);
      number(status, 3, 2);
    });
  }
  tag(to, 16, 5);
  to.raw(Uint8Array.of(1, 1, 0, 0)); // sampled, and known not to be remote
}

/** One ExportTraceServiceRequest with one ResourceSpans a service. */
export function encodeOtlp(unit: Unit): Message[] {
  const request = new HoledBytes();
  unit.services.forEach((service, index) => {
    const spans = unit.spans.filter((span) => span.service === index);
    if (spans.length === 0) return;
    message(request, 1, (resourceSpans) => {
      message(resourceSpans, 1, (resource) => {
        for (const attribute of service.attributes) otlpAttribute(resource, 1, attribute, 0);
      });
      message(resourceSpans, 2, (scopeSpans) => {
        message(scopeSpans, 1, (scope) => {
          text(scope, 1, "@opentelemetry/instrumentation-http", 0);
          text(scope, 2, "0.57.2", 0);
        });
        for (const span of spans) message(scopeSpans, 2, (inner) => otlpSpan(inner, span));
      });
    });
  });
  return [{ bytes: request, spans: unit.spans.length }];
}

/** What OTLP keeps in fields of its own, Jaeger has as tags. */
export function jaegerTags(span: SpanModel): Attribute[] {
  const kinds = ["", "", "server", "client", "producer", "consumer"];
  const tags = [...span.attributes];
  if (kinds[span.kind]) tags.push({ key: "span.kind", value: kinds[span.kind]! });
  if (span.isError) tags.push({ key: "error", value: true });
  return tags;
}

function jaegerTag(to: HoledBytes, field: number, attribute: Attribute, trace: number): void {
  message(to, field, (pair) => {
    text(pair, 1, attribute.key, trace);
    const value = attribute.value;
    if (typeof value === "string") {
      text(pair, 3, value, trace);
    } else if (typeof value === "boolean") {
      number(pair, 2, 1);
      number(pair, 4, value ? 1 : 0);
    } else if (typeof value === "number") {
      number(pair, 2, 3);
      double(pair, 6, value);
    } else {
      number(pair, 2, 2);
      number(pair, 5, value.int);
    }
  });
}

function jaegerTime(to: HoledBytes, field: number, atNs: number): void {
  tag(to, field, 2);
  varint(to, 12);
  to.hole(TIME_PROTO, 0, atNs, 12);
}

function jaegerSpan(to: HoledBytes, span: SpanModel): void {
  id(to, 1, TRACE_BYTES, span.trace, 16);
  id(to, 2, SPAN_BYTES, span.index, 8);
  text(to, 3, span.name, span.trace);
  if (span.parent >= 0) {
    message(to, 4, (reference) => {
      id(reference, 1, TRACE_BYTES, span.trace, 16);
      id(reference, 2, SPAN_BYTES, span.parent, 8);
    });
  }
  number(to, 5, 1);
  jaegerTime(to, 6, span.atNs);
  message(to, 7, (duration) => {
    number(duration, 1, Math.floor(span.durationNs / 1e9));
    number(duration, 2, span.durationNs % 1e9);
  });
  for (const attribute of jaegerTags(span)) jaegerTag(to, 8, attribute, span.trace);
  for (const event of span.events) {
    message(to, 9, (log) => {
      jaegerTime(log, 1, event.atNs);
      jaegerTag(log, 2, { key: "event", value: event.name }, span.trace);
      for (const attribute of event.attributes) jaegerTag(log, 2, attribute, span.trace);
    });
  }
}

/** One PostSpansRequest a service, as client libraries send them. */
export function encodeJaegerProto(unit: Unit): Message[] {
  return perService(unit, (service, spans) => {
    const request = new HoledBytes();
    message(request, 1, (batch) => {
      for (const span of spans) message(batch, 1, (inner) => jaegerSpan(inner, span));
      message(batch, 2, (process) => {
        text(process, 1, service.name, 0);
        for (const attribute of service.attributes.slice(1)) jaegerTag(process, 2, attribute, 0);
      });
    });
    return request;
  });
}

/** One message for each service that has spans. */
export function perService(
  unit: Unit,
  encode: (service: ServiceModel, spans: SpanModel[]) => HoledBytes,
): Message[] {
  return unit.services.flatMap((service, index) => {
    const spans = unit.spans.filter((span) => span.service === index);
    return spans.length === 0 ? [] : [{ bytes: encode(service, spans), spans: spans.length }];
  });
}
