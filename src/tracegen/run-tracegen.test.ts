// Every protocol against a real collector, or a real socket: the report says what its books say.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { openTestCollector, storeThatFails } from "../../test/open-collector.ts";
import { until, untilStill } from "../../test/until.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import type { ErrorCode } from "../base/errors.ts";
import { parseSettings } from "../base/parse-settings.ts";
import { SpanBatch } from "../model/span-batch.ts";
import type { ThriftReader } from "../wire/thrift-reader.ts";
import { readEmitBatch } from "../wire/jaeger-thrift.ts";
import { readThriftMessage } from "../wire/thrift-message.ts";
import { readEmitZipkinBatch } from "../wire/zipkin-thrift.ts";
import { nameServices, runTracegen } from "./run-tracegen.ts";
import { type Report, sumRefused } from "./send-counts.ts";
import { type ProtocolName, tracegenSettings } from "./settings.ts";

interface RunOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (report: Report) => void;
  readonly clock?: Clock;
}

function run(
  protocol: ProtocolName,
  port: number,
  flags: readonly string[],
  { signal = new AbortController().signal, onProgress, clock = systemClock }: RunOptions = {},
): Promise<Report> {
  const to = [`--protocol=${protocol}`, `--target=127.0.0.1:${port}`];
  const { config } = parseSettings({ table: tracegenSettings, argv: [...to, ...flags], env: {} });
  return runTracegen({ config, clock, random: Math.random, signal, onProgress });
}

type DoorName = Parameters<typeof openTestCollector>[0][number];

const doors: Readonly<Partial<Record<ProtocolName, DoorName>>> = {
  "otlp-grpc": "otlp-grpc",
  "otlp-http": "otlp-http",
  "otlp-json": "otlp-http",
  "jaeger-grpc": "jaeger-grpc",
  "jaeger-http": "jaeger-http",
  tchannel: "tchannel",
  "zipkin-json": "zipkin",
};
const answered = Object.entries(doors) as readonly (readonly [ProtocolName, DoorName])[];

for (const [protocol, door] of answered) {
  test(`runTracegen() by ${protocol}: what was accepted is what the collector stored`, async () => {
    await using collector = await openTestCollector([door]);
    const flags = ["-traces=20", "-workers=3", "-services=4", "-batch=16", "-spans=5"];
    const report = await run(protocol, collector.port(door), flags);
    assert.equal(report.traces, 60);
    assert.deepEqual(report.spans, { sent: 360, accepted: 360, unacknowledged: 0, refused: {} });
    const { total } = collector.checkBooks();
    assert.equal(total.spans.stored, 360);
    assert.equal(total.requests.stored, report.payloads);
    assert.equal(report.firstRefusal, "");
    assert.ok(report.rate.isKept);
    const services = await collector.store.services(new AbortController().signal);
    const sent = report.services.filter((one) => one.sent > 0).map(({ service }) => service);
    assert.deepEqual(services.toSorted(), sent.toSorted());
  });

  test(`runTracegen() by ${protocol}: what the collector refuses is counted, by reason`, async () => {
    for (const [code, reason] of [
      ["overloaded", "overloaded"],
      ["unavailable", "unavailable"],
    ] as const satisfies readonly (readonly [ErrorCode, string])[]) {
      await using collector = await openTestCollector([door], [], { store: storeThatFails(code) });
      const report = await run(protocol, collector.port(door), ["-traces=2"]);
      assert.deepEqual(report.spans.refused, { [reason]: 20 }, report.firstRefusal);
      assert.equal(collector.checkBooks().total.spans.refused[code], 20);
      assert.notEqual(report.firstRefusal, "");
    }
  });

  test(`runTracegen() by ${protocol} says so if nobody is there`, async () => {
    const collector = await openTestCollector([door]);
    const port = collector.port(door);
    await collector[Symbol.asyncDispose]();
    await assert.rejects(run(protocol, port, []), { code: "unavailable", message: /nobody takes/ });
  });
}

type ReadPacket = (thrift: ThriftReader, batch: SpanBatch) => unknown;

const byUdp: readonly (readonly [ProtocolName, ReadPacket])[] = [
  ["jaeger-compact", readEmitBatch],
  ["jaeger-binary", readEmitBatch],
  ["zipkin-compact", readEmitZipkinBatch],
];

for (const [protocol, read] of byUdp) {
  test(`runTracegen() by ${protocol}: packets have at most 65000 bytes, and all spans`, async () => {
    const socket = createSocket("udp4");
    const batch = new SpanBatch();
    let bytesMax = 0;
    let packets = 0;
    socket.on("message", (packet) => {
      packets++;
      bytesMax = Math.max(bytesMax, packet.length);
      read(readThriftMessage(packet).thrift, batch);
    });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    // 30 spans of 3 kB and more do not fit into one.
    const flags = ["-traces=3", "-attrs=97", "-services=1"];
    const report = await run(protocol, socket.address().port, flags);
    assert.deepEqual(report.spans, { sent: 30, accepted: 0, unacknowledged: 30, refused: {} });
    await until(() => packets === report.payloads);
    socket.close();
    assert.equal(batch.rows, 30);
    assert.ok(packets > 1 && bytesMax <= 65_000, `${packets} packets, up to ${bytesMax} bytes`);
    const services = Array.from({ length: batch.rows }, (_, row) =>
      batch.dictionary.text(batch.serviceOf(batch.resource[row]!)),
    );
    assert.deepEqual([...new Set(services)], ["tracegen"]);
  });
}

test("runTracegen() refuses by itself what no packet can hold", async () => {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const flags = ["-traces=1", "-spans=2", "-attrs=1000", "-attr-keys=1000", "-services=1"];
  const many = await run("zipkin-compact", socket.address().port, flags);
  assert.deepEqual(many.spans, { sent: 3, accepted: 0, unacknowledged: 3, refused: {} });
  const long = [`-service=${"s".repeat(100)}`, ...flags.slice(0, -1), "-services=1"];
  const report = await run("zipkin-compact", socket.address().port, long);
  assert.deepEqual(report.spans.refused, { "too-large": 3 });
  socket.close();
});

test("runTracegen() keeps a rate, and says so when it cannot", async () => {
  await using collector = await openTestCollector(["otlp-http"]);
  const port = collector.port("otlp-http");
  const kept = await run("otlp-http", port, ["-rate=100", "-traces=30"]);
  assert.equal(kept.traces, 30);
  assert.ok(kept.seconds >= 0.28, `${kept.seconds} s`);
  const pause = ["-rate=1000", "-pause=50ms", "-duration=300ms"];
  const missed = await run("otlp-http", port, pause);
  assert.ok(!missed.rate.isKept && missed.traces < 10, JSON.stringify(missed.rate));
  collector.checkBooks();
});

test("runTracegen() sends what is made when it is told to end, and tells how far it is", async () => {
  await using collector = await openTestCollector(["otlp-grpc"]);
  const stop = new AbortController();
  const reports: Report[] = [];
  const report = await run(
    "otlp-grpc",
    collector.port("otlp-grpc"),
    ["-duration=20s", "--progress=5ms"],
    {
      signal: stop.signal,
      onProgress(now) {
        reports.push(now);
        if (now.spans.accepted > 1_000) stop.abort();
      },
    },
  );
  assert.ok(reports.length > 0);
  assert.equal(report.spans.sent, 10 * report.traces);
  assert.equal(report.spans.accepted, report.spans.sent);
  assert.equal(collector.checkBooks().total.spans.stored, report.spans.sent);
});

test("runTracegen() sends spans that nothing fills up a batch with within two seconds", async () => {
  await using collector = await openTestCollector(["otlp-grpc"]);
  const stop = new AbortController();
  const flags = ["-duration=20s", "-rate=1", "--progress=20ms"];
  const report = await run("otlp-grpc", collector.port("otlp-grpc"), flags, {
    signal: stop.signal,
    onProgress(now) {
      if (now.spans.accepted > 0) stop.abort();
    },
  });
  assert.ok(report.seconds < 2, `${report.seconds} s`);
  assert.equal(report.spans.accepted, 10 * report.traces);
});

for (const [protocol, door] of [
  ["otlp-grpc", "otlp-grpc"],
  ["otlp-http", "otlp-http"],
  ["tchannel", "tchannel"],
] as const) {
  test(`runTracegen() by ${protocol} goes on when its target has been away`, async () => {
    let collector = await openTestCollector([door]);
    const { store } = collector;
    const port = collector.port(door);
    const flag = { "otlp-grpc": "otlp.grpc", "otlp-http": "otlp.http", tchannel: "tchan-server" };
    const stop = new AbortController();
    let moved: Promise<void> | undefined;
    const move = async (): Promise<void> => {
      await collector[Symbol.asyncDispose]();
      const flags = [`--collector.${flag[protocol]}.host-port=127.0.0.1:${port}`];
      collector = await openTestCollector([door], flags, { store });
    };
    let acceptedThen = Infinity;
    const flags = ["-duration=20s", "-rate=200", "-batch=10", "--progress=5ms"];
    let now: Report | undefined;
    const report = await run(protocol, port, flags, {
      signal: stop.signal,
      onProgress(progress) {
        now = progress;
        if (now.spans.accepted > 100) {
          moved ??= move().then(() => void (acceptedThen = now!.spans.accepted));
        }
        if (now.spans.accepted > acceptedThen + 100) stop.abort();
      },
    });
    await moved;
    await untilStill(() => store.figures().spans);
    const { spans } = report;
    assert.equal(spans.sent, spans.accepted + sumRefused(spans));
    for (const reason of Object.keys(spans.refused)) {
      assert.ok(["unavailable", "unanswered"].includes(reason), reason);
    }
    // What nobody answered for may be stored.
    const stored = store.figures().spans;
    assert.ok(stored >= spans.accepted, `${stored} stored, ${spans.accepted} accepted`);
    assert.ok(stored <= spans.accepted + (spans.refused.unanswered ?? 0));
    await collector[Symbol.asyncDispose]();
  });
}

test("runTracegen() asks a target that hangs once at the end, not once a service", async () => {
  const store = storeThatFails("unavailable");
  await using collector = await openTestCollector(["otlp-grpc"], [], { store });
  let ms = 0;
  // Every look at the clock is two seconds later than the last one.
  const clock = { nowUs: () => systemClock.nowUs(), monotonicMs: () => (ms += 2_000) };
  const flags = ["-spans=100", "-batch=1000", "-services=6"];
  const report = await run("otlp-grpc", collector.port("otlp-grpc"), flags, { clock });
  assert.deepEqual(report.spans.refused, { unavailable: 101 });
  assert.ok(report.payloads > 1);
  assert.equal(collector.checkBooks().total.requests.received, 1);
});

test("nameServices() names them as Jaeger's tracegen does", () => {
  assert.deepEqual(nameServices({ service: "shop", services: 1 }), ["shop"]);
  assert.deepEqual(nameServices({ service: "shop", services: 3 }), [
    "shop-00",
    "shop-01",
    "shop-02",
  ]);
});
