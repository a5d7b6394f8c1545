// Spans that are right by the letter and odd all the same come back as they were sent: names that mean
// something to JavaScript, a megabyte in one value, times at both ends, ids that are there twice, text that
// is none, and a trace of 100,000 spans.
//
// Not here: what is refused (hostile-payloads.test.ts), each sanitizer alone (src/collector).

import assert from "node:assert/strict";
import { test } from "node:test";
import { readProcess } from "../read-process.ts";
import {
  type Attributes,
  type ExpectedSpan,
  PLAIN,
  jaegerForm,
  shortTraceId,
} from "./expected-span.ts";
import { uniqueStartNs } from "./otel-spans.ts";
import { checkReadBack } from "./read-back.ts";
import { useSpoor } from "./running-spoor.ts";
import { readJaegerTrace } from "./shown-traces.ts";
import { findTarget } from "./targets.ts";

const MIB = 1 << 20;
const STORE_MIB = 128;
const RSS_MIB_ABOVE_STORE = 250;

const spoor = useSpoor("--span-storage.type=memory", `--memory.max-bytes=${STORE_MIB}MiB`);
const otlpJson = findTarget("OTLP HTTP JSON");

const newTraceId = (): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex");
const idOf = (number: number): string => number.toString(16).padStart(16, "0");

/** As OTLP/JSON; all attributes are text. */
function textAttributes(attributes: Attributes): object[] {
  return attributes.map(([key, value]) => ({ key, value: { stringValue: value } }));
}

function otlpSpan(span: ExpectedSpan): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === "" ? {} : { parentSpanId: span.parentSpanId }),
    name: span.name,
    startTimeUnixNano: String(span.startNs),
    endTimeUnixNano: String(span.startNs + span.durationNs),
    attributes: textAttributes(span.attributes),
    events: span.events.map(({ timeNs, name, attributes }) => ({
      timeUnixNano: String(timeNs),
      name,
      attributes: textAttributes(attributes),
    })),
  };
}

/** @throws AssertionError unless all spans, of one service and resource, were accepted. */
async function sendOtlp(spans: readonly ExpectedSpan[]): Promise<void> {
  const [{ service, resource }] = spans as [ExpectedSpan];
  const attributes = textAttributes([["service.name", service], ...resource]);
  const scopeSpans = [{ spans: spans.map(otlpSpan) }];
  const body = JSON.stringify({ resourceSpans: [{ resource: { attributes }, scopeSpans }] });
  const { outcome, answer } = await otlpJson.send(spoor(), Buffer.from(body));
  assert.equal(outcome, "accepted", answer);
}

function plainSpan(service: string, name: string): ExpectedSpan {
  return {
    ...PLAIN,
    service,
    traceId: newTraceId(),
    spanId: idOf(1),
    name,
    startNs: uniqueStartNs(0n),
    durationNs: 1_000_000n,
  };
}

/** Names that a careless object has already. */
const NAMES = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf"];

for (const name of NAMES) {
  test(`${name} is a name like any other`, async () => {
    const named: Attributes = NAMES.map((key) => [key, `${key} of ${name}`]);
    const base = plainSpan(name, name);
    const span: ExpectedSpan = {
      ...base,
      resource: named,
      attributes: named,
      events: [{ timeNs: base.startNs, name, attributes: named, dropped: 0 }],
    };
    await sendOtlp([span]);
    await checkReadBack(spoor(), [span]);
  });

  test(`${name} is a name like any other for Zipkin`, async () => {
    const base = plainSpan(`zipkin ${name}`, name);
    const tags: Attributes = NAMES.map((key) => [key, `${key} of ${name}`]);
    const zipkin = JSON.stringify([
      {
        traceId: base.traceId,
        id: base.spanId,
        name,
        timestamp: Number(base.startNs / 1_000n),
        duration: 1_000,
        localEndpoint: { serviceName: base.service },
        annotations: [{ timestamp: Number(base.startNs / 1_000n), value: name }],
        tags: Object.fromEntries(tags),
      },
    ]);
    const { outcome, answer } = await findTarget("Zipkin v2 JSON").send(
      spoor(),
      Buffer.from(zipkin),
    );
    assert.equal(outcome, "accepted", answer);
    const event = { timeNs: base.startNs, name, attributes: [], dropped: 0 };
    await checkReadBack(spoor(), [{ ...base, attributes: tags, events: [event] }]);
  });
}

test("a value of a megabyte comes back whole", async () => {
  const value = "ünïcödé ".repeat(MIB / 8);
  const span: ExpectedSpan = {
    ...plainSpan("large value", "large"),
    resource: [["large.resource", value]],
    attributes: [["large.attribute", value]],
  };
  await sendOtlp([span]);
  await checkReadBack(spoor(), [span]);
});

test("10,000 attributes come back", async () => {
  const attributes: Attributes = Array.from({ length: 10_000 }, (_, at) => [`key ${at}`, `${at}`]);
  const span = { ...plainSpan("many attributes", "many"), attributes };
  await sendOtlp([span]);
  const { body } = await spoor().get("queryHttp", `/api/traces/${span.traceId}`);
  const [shown] = readJaegerTrace((body as { data: unknown[] }).data[0]);
  assert.deepEqual(shown, jaegerForm(span, 1_000n));
});

/** OTLP has 64 bits of ns; durations end with the clock. */
const LAST_NS = 2n ** 64n - 1n;
const times: readonly (readonly [what: string, startNs: bigint, durationNs: bigint])[] = [
  ["at the epoch", 0n, 0n],
  ["a ns after the epoch", 1n, 1n],
  ["from the epoch until now", 0n, 1_795_000_000_000_000_000n],
  ["at the last signed ns", 2n ** 63n - 1n, 0n],
  ["at the last ns", LAST_NS, 0n],
];

for (const [what, startNs, durationNs] of times) {
  test(`a span ${what} is found by its id`, async () => {
    const span = { ...plainSpan("odd times", what), startNs, durationNs };
    await sendOtlp([span]);
    const { status, body } = await spoor().get("queryHttp", `/api/traces/${span.traceId}`);
    assert.equal(status, 200, JSON.stringify(body));
    const [trace] = (body as { data: { spans: { startTime: number; duration: number }[] }[] }).data;
    const [shown] = trace!.spans;
    // From the year 2255 on a column of whole µs has every second one only.
    const offUs = Math.abs(Number(startNs / 1_000n - BigInt(shown!.startTime)));
    assert(offUs <= (startNs / 1_000n > Number.MAX_SAFE_INTEGER ? 1 : 0), `${offUs} µs off`);
    assert.equal(shown?.duration, Number(durationNs / 1_000n));
  });
}

test("a span that ends before it starts has no negative duration", async () => {
  const span = { ...plainSpan("odd times", "backwards"), durationNs: -5_000_000n };
  await sendOtlp([span]);
  const { body } = await spoor().get("queryHttp", `/api/traces/${span.traceId}`);
  const [shown] = readJaegerTrace((body as { data: unknown[] }).data[0]);
  assert.equal(shown?.duration, "0");
  assert.equal(shown?.start, String(span.startNs / 1_000n));
});

test("a span that is sent twice is shown once", async () => {
  const span = {
    ...plainSpan("twice", "same"),
    attributes: [["key", "value"]] satisfies Attributes,
  };
  await sendOtlp([span]);
  await sendOtlp([span]);
  await checkReadBack(spoor(), [span]);
});

test("two spans with one id are both shown, with a warning", async () => {
  const one = plainSpan("one id", "one");
  const two = { ...one, name: "two", startNs: one.startNs + 10_000n };
  await sendOtlp([one, two]);
  const { body } = await spoor().get("queryHttp", `/api/traces/${one.traceId}`);
  const shown = readJaegerTrace((body as { data: unknown[] }).data[0]);
  assert.deepEqual(shown.map(({ operationName }) => operationName).toSorted(), ["one", "two"]);
  const warnings = shown.flatMap((span) => span.warnings);
  assert.deepEqual([...new Set(warnings)], ["duplicate span IDs; skipping clock skew adjustment"]);
});

test("text that is not UTF-8 hurts nobody, not even as the name of a service", async () => {
  const span = plainSpan("service AAAA", "operation AAAA");
  for (const name of ["OTLP HTTP protobuf", "Jaeger HTTP Thrift", "Zipkin v2 protobuf"]) {
    const target = findTarget(name);
    const sample = target.samples[0]!;
    const broken = Buffer.from(sample);
    // Every letter of the sample becomes a byte that starts nothing.
    for (let at = 0; at < broken.length; at++) {
      if (broken[at]! >= 0x61 && broken[at]! <= 0x7a) broken[at] = 0xff;
    }
    const { outcome, answer } = await target.send(spoor(), broken);
    assert.notEqual(outcome, "fault", `${name}: ${answer}`);
  }
  await sendOtlp([span]);
  const { status, body } = await spoor().get("queryHttp", "/api/services");
  assert.equal(status, 200);
  assert((body as { data: string[] }).data.includes(span.service));
  const metrics = await fetch(spoor().url("admin", "/metrics"));
  assert.equal(metrics.status, 200);
  assert.match(await metrics.text(), /^jaeger_collector_spans_received_total\{/m);
});

test("5,000 services are listed, and are no 5,000 lines of metrics each", async () => {
  const resourceSpans = Array.from({ length: 5_000 }, (_, at) => {
    const span = plainSpan(`service ${at}`, "one of many");
    const attributes = textAttributes([["service.name", span.service]]);
    return { resource: { attributes }, scopeSpans: [{ spans: [otlpSpan(span)] }] };
  });
  const body = Buffer.from(JSON.stringify({ resourceSpans }));
  const { outcome, answer } = await otlpJson.send(spoor(), body);
  assert.equal(outcome, "accepted", answer);
  const services = await spoor().get("queryHttp", "/api/services");
  assert((services.body as { total: number }).total >= 5_000);
  const metrics = await (await fetch(spoor().url("admin", "/metrics"))).text();
  assert(metrics.length < 4 * MIB, `${metrics.length} bytes of metrics`);
});

test("a trace of 100,000 spans comes back, half of them in one chain, within the memory", async () => {
  const SPANS = 100_000;
  const BATCH = 5_000;
  const base = plainSpan("large trace", "root");
  const spanAt = (at: number): ExpectedSpan => ({
    ...base,
    spanId: idOf(at + 1),
    // The first half hangs from one another, the others from the root.
    parentSpanId: at === 0 ? "" : idOf(at < SPANS / 2 ? at : 1),
    name: `operation ${at % 50}`,
    startNs: base.startNs + BigInt(at) * 1_000n,
    durationNs: BigInt(2 * SPANS - 2 * at) * 1_000n,
    attributes: [["order", `${at % 997}`]],
  });
  for (let start = 0; start < SPANS; start += BATCH) {
    await sendOtlp(Array.from({ length: BATCH }, (_, at) => spanAt(start + at)));
  }

  const path = `/api/traces/${shortTraceId(base.traceId)}`;
  const { status, body } = await spoor().get("queryHttp", path);
  assert.equal(status, 200);
  const shown = readJaegerTrace((body as { data: unknown[] }).data[0]);
  assert.equal(shown.length, SPANS);
  const byId = new Map(shown.map((span) => [span.spanID, span]));
  for (const at of [0, 1, 2, SPANS / 2 - 1, SPANS / 2, SPANS - 1]) {
    assert.deepEqual(byId.get(idOf(at + 1)), jaegerForm(spanAt(at), 1_000n), `span ${at}`);
  }

  const range = { start: String(base.startNs / 1_000n), end: String(base.startNs / 1_000n) };
  const found = await spoor().get("queryHttp", "/api/traces", { service: base.service, ...range });
  const [trace] = (found.body as { data: { spans: unknown[] }[] }).data;
  assert.equal(trace?.spans.length, SPANS);

  const { rssPeakBytes } = readProcess(spoor().process.pid);
  const peakMib = Math.round(rssPeakBytes / MIB);
  assert(peakMib > 0 && peakMib < STORE_MIB + RSS_MIB_ABOVE_STORE, `peak RSS ${peakMib} MiB`);
});
