// Every reporter against a real collector: spans arrive, strategies come back, failures mean what they say.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { makeTrace } from "../../../test/make-trace.ts";
import { openTestCollector, storeThatFails } from "../../../test/open-collector.ts";
import { openTestForwarder } from "../../../test/open-forwarder.ts";
import { until } from "../../../test/until.ts";
import { systemClock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import { silentLog } from "../../base/log.ts";
import { makeMemoryStore } from "../../store/memory/memory-store.ts";
import type { SpanBatch } from "../../model/span-batch.ts";
import type { HttpAnswer } from "../../net/http-route.ts";
import { openHttpServer } from "../../net/http-server.ts";
import { openTChannelServer } from "../../net/tchannel-server.ts";
import { writeRetryDetails } from "../../net/grpc-text.ts";
import { writeExportAnswer } from "../../wire/otlp-answer.ts";
import { LENGTH, fieldTag } from "../../wire/protobuf-reader.ts";
import { ProtobufWriter } from "../../wire/protobuf-writer.ts";
import { writeApiV2Spans } from "../../wire/write-jaeger-proto.ts";
import { writeSubmitBatches } from "../../wire/write-jaeger-thrift.ts";
import { writeOtlpProto } from "../../wire/write-otlp-proto.ts";
import { readStrategyProto } from "../../sampling/strategy-proto.ts";
import { readStrategyThrift } from "../../sampling/strategy-thrift.ts";
import { printStrategyJson } from "../../sampling/strategy-json.ts";
import type { Strategy } from "../../sampling/strategies.ts";
import type { Parcel, ParcelFormat } from "../parcel.ts";
import { readRetryInfo } from "./grpc-verdict.ts";
import { makeJaegerGrpcReporter, makeOtlpGrpcReporter } from "./grpc.ts";
import { makeOtlpHttpReporter } from "./otlp-http.ts";
import type { Reporter } from "./reporter.ts";
import { makeTChannelReporter } from "./tchannel.ts";

const host = "127.0.0.1";
const times = { connectTimeoutMs: 2_000, timeoutMs: 2_000 };
const onBug = (error: unknown): never => assert.fail(`a bug: ${String(error)}`);

const batch = makeTrace(
  { id: 1, service: "frontend", name: "GET /" },
  { id: 2, parent: 1, service: "frontend", name: "SELECT" },
  { id: 3, parent: 1, service: "driver", name: "find" },
);

/** SpansResponseChunk and Batch have their spans in the same field. */
function writePostSpans(spans: SpanBatch): Uint8Array {
  const writer = new ProtobufWriter();
  writer.writeBytes(fieldTag(1, LENGTH), writeApiV2Spans(spans, 0, spans.rows));
  return writer.take();
}

const write: Readonly<Record<ParcelFormat, (spans: SpanBatch) => Uint8Array>> = {
  "jaeger-proto": writePostSpans,
  "otlp-proto": (spans) => writeOtlpProto([spans]),
  "jaeger-thrift-list": (spans) => writeSubmitBatches(spans),
};

const strategy: Strategy = { type: "rateLimiting", maxTracesPerSecond: 7 };

const parcelOf = (format: ParcelFormat): Parcel => ({
  payload: write[format](batch),
  spans: 3,
  services: [
    ["frontend", 2],
    ["driver", 1],
  ],
});

const doors = ["jaeger-grpc", "otlp-grpc", "otlp-http", "jaeger-http", "tchannel"] as const;

const makeReporters: Readonly<
  Record<(typeof doors)[number], (samplingPort: number) => Reporter | undefined>
> = {
  "jaeger-grpc": () => makeJaegerGrpcReporter(times),
  "otlp-grpc": (samplingPort) => makeOtlpGrpcReporter({ ...times, samplingPort }),
  "otlp-http": (samplingPort) => makeOtlpHttpReporter({ ...times, samplingPort }),
  "jaeger-http": () => undefined, // agents do not send there; strategies are asked there
  tchannel: () => makeTChannelReporter({ ...times, clock: systemClock, log: silentLog }),
};

for (const door of doors) {
  if (door === "jaeger-http") continue;
  test(`the reporter of ${door} brings spans to a collector and strategies back`, async () => {
    const source = { strategyOf: () => Promise.resolve(strategy) };
    const sampling = { source, record: undefined, close: () => Promise.resolve() };
    await using collector = await openTestCollector(doors, [], { sampling });
    const reporter = makeReporters[door](collector.port("jaeger-http"))!;
    await using forwarder = await openTestForwarder({ ports: [collector.port(door)], reporter });
    const parcel = parcelOf(reporter.format);
    for (let count = 0; count < 3; count++) await forwarder.send(parcel);
    assert.equal(collector.store.figures().spans, 9);
    const stored = collector.checkBooks().accounts.find((one) => one.spans.stored > 0);
    assert.equal(stored?.door, door);
    assert.equal(forwarder.figures().delivered.spans, 9);
    forwarder.checkBooks();
    const { format, payload } = await forwarder.askStrategy("frontend");
    if (format === "proto") assert.deepEqual(readStrategyProto(payload), strategy);
    if (format === "thrift") assert.deepEqual(readStrategyThrift(payload), strategy);
    if (format === "json") {
      assert.equal(Buffer.from(payload).toString(), printStrategyJson(strategy, false));
    }
  });

  test(`the reporter of ${door} comes again when the collector cannot store now`, async () => {
    const full = storeThatFails("unavailable");
    const well = makeMemoryStore({ tracesMax: 0, bytesMax: 1e8 }, systemClock);
    const refuse = full.write.bind(full);
    let calls = 0;
    const store = well;
    const take = well.write.bind(well);
    store.write = (...given) => (++calls === 1 ? refuse(...given) : take(...given));
    await using collector = await openTestCollector(doors, [], { store });
    const reporter = makeReporters[door](1)!;
    await using forwarder = await openTestForwarder({ ports: [collector.port(door)], reporter });
    await forwarder.send(parcelOf(reporter.format));
    assert.equal(calls, 2);
    assert.equal(forwarder.figures().setbacks, 1);
    assert.equal(forwarder.figures().delivered.spans, 3);
    forwarder.checkBooks();
  });

  test(`the reporter of ${door} counts what a collector cannot read as refused`, async () => {
    await using collector = await openTestCollector(doors);
    const reporter = makeReporters[door](1)!;
    await using forwarder = await openTestForwarder({ ports: [collector.port(door)], reporter });
    const bad = { payload: Buffer.from([0xff, 0xff, 0xff]), spans: 3, services: [] };
    await assert.rejects(forwarder.send(bad), { code: "bad-input" });
    assert.equal(forwarder.figures().refused.invalid.spans, 3);
    forwarder.checkBooks();
  });
}

async function serveHttp(answer: (body: Uint8Array) => HttpAnswer) {
  const server = await openHttpServer({
    name: "test",
    hostPort: { host, port: 0 },
    routes: [{ method: "POST", path: "/v1/traces", handle: ({ body }) => answer(body) }],
    log: silentLog,
    onBug,
  });
  return { port: server.port, [Symbol.asyncDispose]: () => server.close(0) };
}

test("the reporter of OTLP HTTP obeys statuses and Retry-After, and counts what was left out", async () => {
  const protobuf = { "content-type": "application/x-protobuf" };
  const rejected = writeExportAnswer({ spans: 2, message: "two of them" });
  let answers: readonly HttpAnswer[] = [
    { status: 429, headers: { "retry-after": "0" } },
    { status: 502 },
    { status: 503, headers: { "retry-after": "Fri, 31 Dec 1999 23:59:59 GMT" } },
    { status: 504 },
    { status: 200, headers: protobuf, body: rejected },
    { status: 413 },
    { status: 500 },
    { status: 200, headers: protobuf, body: "no protobuf" },
    { status: 200, headers: { "content-type": "text/html" }, body: "<p>thanks" },
  ];
  await using server = await serveHttp((body) => {
    if (body.length === 0) return { status: 200 };
    const [first, ...rest] = answers;
    answers = rest;
    return first!;
  });
  const reporter = makeOtlpHttpReporter({ ...times, samplingPort: 1 });
  await using forwarder = await openTestForwarder({ ports: [server.port], reporter });
  const parcel = parcelOf("otlp-proto");
  await forwarder.send(parcel);
  const { delivered, refused, setbacks } = forwarder.figures();
  assert.deepEqual([delivered.spans, refused.partial.spans, setbacks], [1, 2, 4]);
  await assert.rejects(forwarder.send(parcel), { code: "bad-input" });
  await assert.rejects(forwarder.send(parcel), { code: "bad-input" });
  assert.deepEqual([refused["too-large"].spans, refused.other.spans], [3, 3]);
  await forwarder.send(parcel);
  await forwarder.send(parcel);
  assert.equal(delivered.spans, 7);
  forwarder.checkBooks();
});

test("the reporter of OTLP HTTP knows who fell silent from who was not there", async () => {
  const server = createServer((request, answer) => {
    if (request.headers["content-length"] === "0") answer.end();
    else request.socket.destroy();
  });
  await once(server.listen(0, host), "listening");
  const { port } = server.address() as AddressInfo;
  const reporter = makeOtlpHttpReporter({ ...times, samplingPort: 1 });
  const lane = await reporter.open({ address: { host, port }, hostName: host }, () => undefined);
  const { payload } = parcelOf("otlp-proto");
  const send = (): Promise<unknown> => lane.send(payload, new AbortController().signal);
  await assert.rejects(send(), { name: "Setback", isUnanswered: true });
  server.closeAllConnections();
  await once(server.close(), "close");
  await assert.rejects(send(), { name: "Setback", isUnanswered: false });
  lane.close();
});

test("the reporter of TChannel comes again when a collector is busy, or says that it took not all", async () => {
  const ok = (value: number) => Uint8Array.of(0x0f, 0, 0, 0x0c, 0, 0, 0, 1, 2, 0, 1, value, 0, 0);
  let calls = 0;
  const submit = (): Promise<Uint8Array> => {
    calls++;
    if (calls === 1) return Promise.reject(new SpoorError("overloaded", "busy"));
    if (calls === 2) return Promise.reject(new SpoorError("unavailable", "declined"));
    return Promise.resolve(calls === 3 ? ok(0) : calls === 4 ? ok(1) : Uint8Array.of(9, 9));
  };
  const server = await openTChannelServer({
    name: "test",
    hostPort: { host, port: 0 },
    services: new Map([["Collector::submitBatches", submit]]),
    log: silentLog,
    onBug,
  });
  const reporter = makeTChannelReporter({ ...times, clock: systemClock, log: silentLog });
  const forwarder = await openTestForwarder({ ports: [server.port], reporter });
  await forwarder.send(parcelOf("jaeger-thrift-list"));
  assert.deepEqual([calls, forwarder.figures().setbacks], [4, 3]);
  await forwarder.send(parcelOf("jaeger-thrift-list"));
  await server.close(0);
  await until(() => forwarder.figures().collectors.connected === 0 || calls > 0);
  await forwarder.close(0);
  forwarder.checkBooks();
});

test("readRetryInfo() reads what our doors write, and nothing else", () => {
  assert.equal(readRetryInfo(writeRetryDetails(8, "later")), 1_000);
  assert.equal(readRetryInfo(new Uint8Array(0)), undefined);
  const details = writeRetryDetails(8, "later");
  for (let length = 0; length < details.length; length++) {
    const read = readRetryInfo(details.subarray(0, length));
    assert.ok(read === undefined || read >= 0);
  }
});
