// Writes the golden bytes of this folder that end in .js.*: npm zipkin and OpenTelemetry's exporter.
// Run it from the root of the project. See README.md.

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:http";

const require = createRequire(import.meta.url);
const zipkin = require("zipkin");
const { ZipkinExporter } = require("@opentelemetry/exporter-zipkin");
const { resourceFromAttributes } = require("@opentelemetry/resources");

const write = (name, text) => writeFileSync(new URL(name, import.meta.url), text);
const START = 1_700_000_000_123_456;
const { Some, None } = zipkin.option;

function makeSpan(ids, kind, fill) {
  const span = new zipkin.model.Span(new zipkin.TraceId(ids));
  span.setKind(kind);
  span.setTimestamp(START);
  span.setDuration(2_500);
  span.setLocalEndpoint(
    new zipkin.model.Endpoint({ serviceName: "shop", ipv4: "10.0.0.1", port: 8080 }),
  );
  fill(span);
  return span;
}

const root = { traceId: "463ac35c9f6413ad48485a3953bb6124", spanId: "000000000000000a" };
const child = { ...root, parentId: new Some(root.spanId), spanId: "000000000000000b" };
const spans = [
  makeSpan({ ...root, parentId: None, debug: true }, "SERVER", (span) => {
    span.setName("GET /ü");
    span.setRemoteEndpoint(new zipkin.model.Endpoint({ ipv4: "10.0.0.9", port: 51_234 }));
    span.putTag("http.path", "/ü?\"x\"");
    span.putTag("http.status_code", "503");
    span.addAnnotation(START + 7, "cache miss");
  }),
  makeSpan(child, "CLIENT", (span) => {
    span.setName("query");
    span.setRemoteEndpoint(new zipkin.model.Endpoint({ serviceName: "db", port: 5432 }));
    span.putTag("error", "timeout");
  }),
  makeSpan({ ...child, spanId: "c", shared: true }, "SERVER", () => {}),
  makeSpan({ traceId: "1", spanId: "d", parentId: None }, "PRODUCER", (span) => {
    span.setRemoteEndpoint(new zipkin.model.Endpoint({ serviceName: "kafka" }));
  }),
  makeSpan({ traceId: "1", spanId: "e", parentId: None }, "CONSUMER", () => {}),
  makeSpan({ traceId: "1", spanId: "f", parentId: None }, undefined, (span) => {
    span.putTag("lc", "worker");
  }),
];
const { JSON_V1, JSON_V2 } = zipkin.jsonEncoder;
write("spans-v1.js.json", `[${spans.map((span) => JSON_V1.encode(span)).join(",")}]`);
write("spans.js.json", `[${spans.map((span) => JSON_V2.encode(span)).join(",")}]`);

// Spans as the SDK hands them to an exporter; times are seconds and nanoseconds.
const resource = resourceFromAttributes({
  "service.name": "otel-shop",
  "service.version": "1.2",
  "telemetry.sdk.language": "nodejs",
  "custom.resource": "kept on the span",
});
const base = {
  resource,
  instrumentationScope: { name: "scope", version: "1" },
  startTime: [1_700_000_000, 123_456_789],
  endTime: [1_700_000_000, 125_456_789],
  duration: [0, 2_000_499],
  ended: true,
  links: [],
  events: [],
  droppedAttributesCount: 0,
  droppedEventsCount: 0,
  droppedLinksCount: 0,
};
const context = (spanId) => () => ({ traceId: root.traceId, spanId, traceFlags: 1 });
const otel = [
  {
    ...base,
    name: "GET /",
    kind: 1,
    spanContext: context("000000000000000a"),
    status: { code: 2, message: "went wrong" },
    attributes: { "http.status_code": 500, list: ["a", "b"], flag: true },
    events: [{ name: "exception", time: [1_700_000_000, 124_000_999], attributes: { a: 1 } }],
    droppedEventsCount: 3,
  },
  {
    ...base,
    name: "inner",
    kind: 0,
    spanContext: context("000000000000000b"),
    parentSpanContext: context("000000000000000a")(),
    status: { code: 1 },
    attributes: {},
  },
];
const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    write("otel.js.json", Buffer.concat(chunks));
    response.writeHead(202).end();
  });
});
server.listen(0, "127.0.0.1", () => {
  const url = `http://127.0.0.1:${server.address().port}/api/v2/spans`;
  const exporter = new ZipkinExporter({ url });
  exporter.export(otel, ({ code, error }) => {
    if (code !== 0) throw error;
    void exporter.shutdown();
    server.close();
    server.closeAllConnections();
  });
});
