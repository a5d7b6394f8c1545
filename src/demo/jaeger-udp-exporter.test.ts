// Spans of the real SDK, as the agent reads them from a datagram.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readEmitBatch } from "../wire/jaeger-thrift.ts";
import { readThriftMessage } from "../wire/thrift-message.ts";
import { openJaegerUdpExporter } from "./jaeger-udp-exporter.ts";

/** What the spans that `work` makes are when they have come by UDP. */
async function passByUdp(work: (provider: BasicTracerProvider) => void, spans: number) {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const batch = new SpanBatch();
  const all = Promise.withResolvers<void>();
  let packets = 0;
  socket.on("message", (packet) => {
    packets++;
    const { name, thrift } = readThriftMessage(packet);
    assert.equal(name, "emitBatch");
    readEmitBatch(thrift, batch);
    if (batch.rows === spans) all.resolve();
  });
  const exporter = await openJaegerUdpExporter({ host: "127.0.0.1", port: socket.address().port });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": "cart", "process.pid": 7 }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  work(provider);
  await provider.shutdown();
  await all.promise;
  socket.close();
  return { batch, packets };
}

test("openJaegerUdpExporter() keeps what a span says", async () => {
  const { batch } = await passByUdp((provider) => {
    const tracer = provider.getTracer("instrumentation", "2.0");
    const parent = tracer.startSpan("GET /cart", {
      kind: SpanKind.SERVER,
      startTime: [1_700_000_000, 5_000],
      attributes: { "http.status_code": 500, ratio: 0.5, hit: false, list: ["a", "b"] },
    });
    const within = trace.setSpan(ROOT_CONTEXT, parent);
    const child = tracer.startSpan(
      "GET",
      { kind: SpanKind.CLIENT, startTime: [1_700_000_000, 6_000] },
      within,
    );
    child.end([1_700_000_000, 8_000]);
    parent.addEvent("cache miss", { "cache.key": "item:1" }, [1_700_000_000, 7_000]);
    parent.setStatus({ code: SpanStatusCode.ERROR, message: "no carrier" });
    parent.end([1_700_000_001, 5_000]);
  }, 2);
  const [child = "", parent = ""] = [0, 1].map((row) =>
    Buffer.from(batch.spanId.subarray(8 * row, 8 * row + 8)).toString("hex"),
  );
  const trace16 = Buffer.from(batch.traceId.subarray(0, 16)).toString("hex");
  assert.equal(
    printSpans(batch),
    `resource 0
  service.name="cart"
  process.pid=7
scope 0 name="instrumentation" version="2.0"
span ${trace16}:${child} < ${parent} "GET" start=1700000000000006us duration=2000ns kind=client flags=1 origin=jaeger-thrift
span ${trace16}:${parent} "GET /cart" start=1700000000000005us duration=1000000000ns kind=server status=error statusMessage="no carrier" flags=1 origin=jaeger-thrift
  http.status_code=500
  ratio=0.5d
  hit=false
  list="[\\"a\\",\\"b\\"]"
  event 1700000000000007us "cache miss"
    cache.key="item:1"`,
  );
});

test("openJaegerUdpExporter() sends many spans in packets that an agent reads", async () => {
  const { batch, packets } = await passByUdp((provider) => {
    const tracer = provider.getTracer("many");
    for (let count = 0; count < 50; count++) tracer.startSpan(`op ${count}`).end();
  }, 50);
  assert.equal(batch.rows, 50);
  assert.equal(packets, 3);
});
