// OpenTelemetry's SDK with each of its OTLP exporters: every field comes back as it was sent.
//
//   SDK ─┬ exporter-trace-otlp-grpc ──▶ 4317
//        ├ exporter-trace-otlp-proto ─▶ 4318 protobuf, plain and gzip
//        └ exporter-trace-otlp-http ──▶ 4318 JSON

import { test } from "node:test";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtoExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import { type ExpectedSpan, PLAIN } from "./expected-span.ts";
import {
  BIG,
  REMOTE_PARENT,
  SCHEMA,
  type SentSpan,
  sendTrace,
  uniqueStartNs,
  valuesIn,
} from "./otel-spans.ts";
import { checkReadBack, withAttributes } from "./read-back.ts";
import { type RunningSpoor, useSpoor } from "./running-spoor.ts";

const spoor = useSpoor();

/** W3C's sampled, and OTLP's two bits that say whether the parent is in another process. */
const SAMPLED = 0x101;
const SAMPLED_REMOTE = 0x301;

function expect(sent: SentSpan): ExpectedSpan {
  return {
    ...PLAIN,
    service: sent.service,
    resource: valuesIn(sent.resource, "otlp"),
    resourceSchema: SCHEMA,
    scope: sent.scopeNames,
    traceId: sent.traceId,
    spanId: sent.spanId,
    parentSpanId: sent.parentSpanId,
    name: sent.name,
    kind: sent.kind,
    startNs: sent.startNs,
    durationNs: sent.durationNs,
    status: sent.status,
    statusText: sent.statusText,
    traceState: sent.traceState,
    flags: sent.isParentRemote ? SAMPLED_REMOTE : SAMPLED,
    attributes: valuesIn(sent.attributes, "otlp"),
    events: sent.events.map(({ timeNs, name, attributes, dropped }) => ({
      timeNs,
      name,
      attributes: valuesIn(attributes, "otlp"),
      dropped,
    })),
    links: sent.links.map(({ isRemote, attributes, ...link }) => ({
      ...link,
      flags: isRemote ? SAMPLED_REMOTE : SAMPLED,
      attributes: valuesIn(attributes, "otlp"),
    })),
    dropped: { attributes: sent.surplus, events: sent.droppedEvents, links: sent.droppedLinks },
    warnings: sent.isParentRemote
      ? [`invalid parent span IDs=${REMOTE_PARENT}; skipping clock skew adjustment`]
      : [],
  };
}

/** JSON has the digits that JavaScript prints, and 2^60 is printed with zeros at its end. */
function expectJson(sent: SentSpan): ExpectedSpan {
  const span = expect(sent);
  if (!("int.big" in sent.attributes)) return span;
  return {
    ...span,
    attributes: withAttributes(span.attributes, [["int.big", BigInt(String(BIG))]]),
  };
}

const clients: readonly {
  readonly name: string;
  readonly open: (spoor: RunningSpoor) => SpanExporter;
  readonly expect: (sent: SentSpan) => ExpectedSpan;
}[] = [
  {
    name: "exporter-trace-otlp-grpc",
    open: (spoor) => new GrpcExporter({ url: `http://${spoor.address("otlpGrpc")}` }),
    expect,
  },
  {
    name: "exporter-trace-otlp-proto",
    open: (spoor) => new ProtoExporter({ url: spoor.url("otlpHttp", "/v1/traces") }),
    expect,
  },
  {
    name: "exporter-trace-otlp-proto with gzip",
    open: (spoor) =>
      new ProtoExporter({
        url: spoor.url("otlpHttp", "/v1/traces"),
        compression: "gzip" as NonNullable<
          ConstructorParameters<typeof ProtoExporter>[0]
        >["compression"] &
          string,
      }),
    expect,
  },
  {
    name: "exporter-trace-otlp-http",
    open: (spoor) => new JsonExporter({ url: spoor.url("otlpHttp", "/v1/traces") }),
    expect: expectJson,
  },
];

for (const [at, client] of clients.entries()) {
  test(`@opentelemetry/${client.name}: every field comes back`, async () => {
    const exporter = client.open(spoor());
    const sent = await sendTrace(exporter, `otlp-sdk-${at}`, uniqueStartNs(789n));
    await checkReadBack(spoor(), sent.map(client.expect));
  });
}
