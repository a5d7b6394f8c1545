// OpenTelemetry's SDK with its old Jaeger exporter, over HTTP to 14268: what Thrift can say comes back.
//
// The exporter puts the resource into the tags of each span, has one kind of number, prints lists, and
// cuts times to µs.

import { test } from "node:test";
import { JaegerExporter } from "@opentelemetry/exporter-jaeger";
import { type Attributes, type ExpectedSpan, PLAIN } from "./expected-span.ts";
import { REMOTE_PARENT, type SentSpan, sendTrace, uniqueStartNs, valuesIn } from "./otel-spans.ts";
import { checkReadBack } from "./read-back.ts";
import { useSpoor } from "./running-spoor.ts";

const spoor = useSpoor();

const FOLLOWS_FROM: Attributes = [["opentracing.ref_type", "follows_from"]];

function expect(sent: SentSpan): ExpectedSpan {
  const counts: Attributes = [
    ["otel.dropped_attributes_count", sent.surplus],
    ["otel.dropped_events_count", sent.droppedEvents],
    ["otel.dropped_links_count", sent.droppedLinks],
  ];
  return {
    ...PLAIN,
    service: sent.service,
    resource: [["exporter", "jaeger"]],
    scope: { ...sent.scopeNames, schema: "" },
    traceId: sent.traceId,
    spanId: sent.spanId,
    parentSpanId: sent.parentSpanId,
    name: sent.name,
    kind: sent.kind === "internal" ? "" : sent.kind,
    startNs: sent.startNs,
    durationNs: (sent.durationNs / 1_000n) * 1_000n,
    status: sent.status,
    statusText: sent.statusText,
    flags: 1,
    jaegerFlags: 1,
    format: "jaeger",
    attributes: [
      ...valuesIn(sent.attributes, "jaeger"),
      ["service.name", sent.service],
      ...valuesIn(sent.resource, "jaeger"),
      ...counts.filter(([, count]) => count !== 0),
    ],
    events: sent.events.map(({ timeNs, name, attributes, dropped }) => ({
      timeNs,
      name,
      attributes: [
        // A field without text is a field all the same.
        ...(name === "" ? ([["event", ""]] as const) : []),
        ...valuesIn(attributes, "jaeger"),
        ...(dropped === 0 ? [] : ([["otel.event.dropped_attributes_count", dropped]] as const)),
      ],
      dropped: 0,
    })),
    links: sent.links.map(({ traceId, spanId }) => ({
      traceId,
      spanId,
      traceState: "",
      flags: 0,
      attributes: FOLLOWS_FROM,
      dropped: 0,
    })),
    warnings: sent.isParentRemote
      ? [`invalid parent span IDs=${REMOTE_PARENT}; skipping clock skew adjustment`]
      : [],
  };
}

test("@opentelemetry/exporter-jaeger: every field comes back", async () => {
  // oxlint-disable-next-line typescript/no-deprecated -- who still has it is whom we serve
  const exporter = new JaegerExporter({
    endpoint: spoor().url("jaegerHttp", "/api/traces"),
    tags: [{ key: "exporter", value: "jaeger" }],
  });
  const sent = await sendTrace(exporter, "otel-jaeger", uniqueStartNs(0n));
  await checkReadBack(spoor(), sent.map(expect));
});
