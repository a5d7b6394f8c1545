// An exporter of the OpenTelemetry SDK that speaks as Jaeger's clients do: jaeger.thrift, compact, by UDP.
//
//   ReadableSpan[] ─▶ SpanBatch ─▶ emitBatch ─▶ datagrams to an agent
//
// OpenTelemetry has none any more; the demo shows that services which still send so are in the same traces.
//
// Trust: spans are the demo's own. Nobody answers: what the agent did not get is in no count of ours.

import { type Socket, createSocket } from "node:dgram";
import { once } from "node:events";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import { type AttributeTable, BOOL, STRING } from "../model/attribute-table.ts";
import { ORIGIN_JAEGER_THRIFT, SpanBatch } from "../model/span-batch.ts";
import { writeEmitBatches } from "../wire/write-jaeger-thrift.ts";

/** The SDK's own words for how an export ended. */
const SUCCESS = 0;
const FAILED = 1;
/** A span of the demo has 1 to 2 kB; an agent reads datagrams of 65000 bytes. */
const SPANS_EACH = 20;

type Attributes = ReadableSpan["attributes"];
type HrTime = ReadableSpan["startTime"];

/** @returns an exporter that is connected. */
export async function openJaegerUdpExporter({ host, port }: HostPort): Promise<SpanExporter> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.connect(port, host);
  await once(socket, "connect");
  socket.on("error", () => undefined); // the sends hear of it
  // A socket alone shall not keep a service alive.
  socket.unref();
  return {
    export(spans, done) {
      exportSpans(socket, spans).then(
        () => done({ code: SUCCESS }),
        (error: unknown) => {
          const cause = error instanceof Error ? error.message : String(error);
          const message = `no spans to ${printHostPort({ host, port })}: ${cause}`;
          done({ code: FAILED, error: new Error(message) });
        },
      );
    },
    shutdown() {
      return new Promise((resolve) => {
        socket.close(resolve);
      });
    },
  };
}

async function exportSpans(socket: Socket, spans: readonly ReadableSpan[]): Promise<void> {
  for (let from = 0; from < spans.length; from += SPANS_EACH) {
    const batch = makeBatch(spans.slice(from, from + SPANS_EACH));
    for (const packet of writeEmitBatches(batch, { protocol: "compact" })) {
      await send(socket, packet);
    }
  }
}

function send(socket: Socket, packet: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(packet, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** Spans of one service, each with its scope. */
export function makeBatch(spans: readonly ReadableSpan[]): SpanBatch {
  const batch = new SpanBatch();
  const resource = batch.openResource();
  addAttributes(batch, batch.resourceAttributes, spans[0]?.resource.attributes ?? {});
  batch.closeResource(resource);
  for (const span of spans) addSpan(batch, resource, span);
  return batch;
}

function addSpan(batch: SpanBatch, resource: number, span: ReadableSpan): void {
  const { dictionary } = batch;
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const scope = batch.openScope();
  batch.scopeName[scope] = dictionary.internText(span.instrumentationScope.name);
  batch.scopeVersion[scope] = dictionary.internText(span.instrumentationScope.version ?? "");
  const row = batch.openRow(resource, scope);
  batch.origin[row] = ORIGIN_JAEGER_THRIFT;
  batch.flags[row] = traceFlags;
  batch.traceId.set(Buffer.from(traceId, "hex"), 16 * row);
  batch.spanId.set(Buffer.from(spanId, "hex"), 8 * row);
  const parentId = span.parentSpanContext?.spanId ?? "";
  batch.parentSpanId.set(Buffer.from(parentId, "hex"), 8 * row);
  batch.traceState[row] = dictionary.internText(traceState?.serialize() ?? "");
  batch.name[row] = dictionary.internText(span.name);
  batch.kind[row] = span.kind + 1; // the API counts from 0, OTLP from 1
  batch.statusCode[row] = span.status.code;
  batch.statusMessage[row] = dictionary.internText(span.status.message ?? "");
  batch.startUs[row] = usOf(span.startTime);
  batch.startRestNs[row] = span.startTime[1] % 1_000;
  batch.durationNs[row] = span.duration[0] * 1e9 + span.duration[1];
  addAttributes(batch, batch.spanAttributes, span.attributes);
  for (const { name, time, attributes = {} } of span.events) {
    const event = batch.openEvent();
    batch.eventUs[event] = usOf(time);
    batch.eventRestNs[event] = time[1] % 1_000;
    batch.eventName[event] = dictionary.internText(name);
    addAttributes(batch, batch.eventAttributes, attributes);
    batch.closeEvent();
  }
  for (const { context } of span.links) {
    const link = batch.openLink();
    batch.linkTraceId.set(Buffer.from(context.traceId, "hex"), 16 * link);
    batch.linkSpanId.set(Buffer.from(context.spanId, "hex"), 8 * link);
    batch.closeLink();
  }
  batch.closeRow();
}

function usOf([seconds, nanos]: HrTime): number {
  return seconds * 1e6 + Math.floor(nanos / 1_000);
}

function addAttributes(batch: SpanBatch, table: AttributeTable, attributes: Attributes): void {
  const { dictionary } = batch;
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null) continue;
    const key = dictionary.internText(name);
    if (typeof value === "boolean") table.add(key, BOOL, value ? 1 : 0);
    else if (typeof value === "number") {
      if (Number.isSafeInteger(value)) table.addSafeInt(key, value);
      else table.addDouble(key, value);
    } else {
      // Tags of Jaeger are no lists.
      const text = typeof value === "string" ? value : JSON.stringify(value);
      table.add(key, STRING, dictionary.internText(text));
    }
  }
}
