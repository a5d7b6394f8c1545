// OpenTelemetry's SDK with its Zipkin exporter, v2 JSON to 9411: what Zipkin can say comes back.
//
// The exporter prints every value, puts the resource into the tags of each span and the text of an error
// into tag `error`, and leaves out links, trace state, scope, and the attributes of events.

import { test } from "node:test";
import { ZipkinExporter } from "@opentelemetry/exporter-zipkin";
import { type Attributes, type ExpectedSpan, PLAIN } from "./expected-span.ts";
import { REMOTE_PARENT, type SentSpan, sendTrace, uniqueStartNs, valuesIn } from "./otel-spans.ts";
import { checkReadBack } from "./read-back.ts";
import { useSpoor } from "./running-spoor.ts";

const spoor = useSpoor();

/** Tags of the spec's resource that docs/span-mapping.md counts among those of a process. */
const OF_PROCESS = new Set([
  "service.version",
  "deployment.environment",
  "process.pid",
  "host.name",
]);

function expect(sent: SentSpan): ExpectedSpan {
  const counts: Attributes = [
    ["otel.dropped_attributes_count", String(sent.surplus)],
    ["otel.dropped_events_count", String(sent.droppedEvents)],
    ["otel.dropped_links_count", String(sent.droppedLinks)],
  ];
  const resource = valuesIn(sent.resource, "zipkin");
  return {
    ...PLAIN,
    service: sent.service,
    resource: resource.filter(([key]) => OF_PROCESS.has(key)),
    traceId: sent.traceId,
    spanId: sent.spanId,
    parentSpanId: sent.parentSpanId,
    name: sent.name,
    kind: sent.kind === "internal" ? "" : sent.kind,
    startNs: sent.startNs,
    durationNs: ((sent.durationNs + 500n) / 1_000n) * 1_000n,
    status: sent.status,
    attributes: [
      ...valuesIn(sent.attributes, "zipkin"),
      ...(sent.statusText === "" ? [] : ([["error", sent.statusText]] as const)),
      ...resource.filter(([key]) => !OF_PROCESS.has(key)),
      ...counts.filter(([, count]) => count !== "0"),
    ],
    events: sent.events.map(({ timeNs, name }) => ({ timeNs, name, attributes: [], dropped: 0 })),
    warnings: sent.isParentRemote
      ? [`invalid parent span IDs=${REMOTE_PARENT}; skipping clock skew adjustment`]
      : [],
  };
}

test("@opentelemetry/exporter-zipkin: every field comes back", async () => {
  const exporter = new ZipkinExporter({ url: spoor().url("zipkin", "/api/v2/spans") });
  const sent = await sendTrace(exporter, "otel-zipkin", uniqueStartNs(0n));
  await checkReadBack(spoor(), sent.map(expect));
});
