// The reporter by UDP against sockets that keep what comes: packets, their limit, and what is counted.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { printSpans } from "../../model/print-spans.ts";
import { SpanBatch } from "../../model/span-batch.ts";
import { type JaegerSender, readEmitBatch } from "../../wire/jaeger-thrift.ts";
import { readThriftMessage } from "../../wire/thrift-message.ts";
import { openCatcher } from "../../../test/udp-catcher.ts";
import { until } from "../../../test/until.ts";
import { NoopReporter } from "../reporter.ts";
import { ConstSampler } from "../samplers/const-sampler.ts";
import type { Span } from "../span.ts";
import { Tracer } from "../tracer.ts";
import type { ReporterFigures } from "./reporter-books.ts";
import { UdpReporter, type UdpReporterOptions } from "./udp-reporter.ts";

interface Packet {
  readonly bytes: number;
  readonly batch: SpanBatch;
  readonly sender: JaegerSender;
}

function read(payload: Uint8Array): Packet {
  const batch = new SpanBatch();
  const sender = readEmitBatch(readThriftMessage(payload).thrift, batch);
  return { bytes: payload.length, batch, sender };
}

function open(port: number, options: UdpReporterOptions = {}): [Tracer, UdpReporter] {
  const reporter = new UdpReporter({ host: "127.0.0.1", port, ...options });
  return [new Tracer("shop", reporter, new ConstSampler(true)), reporter];
}

/** Nothing lost but what is said, and the books add up. */
function checkFigures(figures: ReporterFigures, expected: Partial<ReporterFigures>): void {
  const { reported, delivered, queueFull, tooLarge, failed, passedOn } = figures;
  assert.equal(reported, delivered + queueFull + tooLarge + failed + passedOn);
  const others = { queueFull: 0, tooLarge: 0, failed: 0, passedOn: 0, cut: 0 };
  assert.deepEqual({ ...figures }, { ...figures, ...others, ...expected });
}

test("UdpReporter sends packets that never exceed the limit and are nearly full", async () => {
  const packetBytesMax = 4_000;
  await using catcher = await openCatcher();
  const [tracer, reporter] = open(catcher.port, { packetBytesMax });
  for (let index = 0; index < 300; index++) {
    tracer
      .startSpan(`step ${index % 3}`)
      .setTag("http.method", "GET")
      .setTag("http.url", `/users/${index}`)
      .setTag("http.status_code", 200)
      .finish();
  }
  await tracer.close();
  checkFigures(reporter.figures, { reported: 300, delivered: 300 });
  await until(() => rowsOf(catcher.packets) === 300);
  const packets = catcher.packets.map(read);
  assert.deepEqual(
    packets.map(({ sender }) => sender.sequence),
    packets.map((_, index) => index + 1),
  );
  for (const { bytes } of packets) assert.ok(bytes <= packetBytesMax);
  for (const { bytes } of packets.slice(0, -1)) assert.ok(bytes > packetBytesMax * 0.7, `${bytes}`);
});

test("UdpReporter sends what waits when the flush interval is over", async () => {
  await using catcher = await openCatcher();
  const [tracer, reporter] = open(catcher.port, { flushIntervalMs: 1 });
  tracer.startSpan("first").finish();
  const { batch, sender } = read(await catcher.next());
  assert.equal(batch.rows, 1);
  assert.deepEqual(sender, {
    sequence: 1,
    stats: { queueFull: 0, tooLarge: 0, failedToSend: 0 },
  });
  tracer.startSpan("second").finish();
  assert.equal(read(await catcher.next()).sender.sequence, 2);
  await tracer.close();
  checkFigures(reporter.figures, { reported: 2, delivered: 2 });
});

test("UdpReporter cuts down a span that fits in no packet, and says so in a tag", async () => {
  await using catcher = await openCatcher();
  const [tracer, reporter] = open(catcher.port);
  const large = tracer.startSpan("large").setTag("small", "kept").setTag("rows", 7);
  for (let index = 0; index < 5; index++) large.setTag(`text ${index}`, "x".repeat(60_000));
  large.log({ event: "note", text: "y".repeat(60_000) });
  large.finish();
  // Values cut to a thousand characters are still too many here: the logs go, and more of the values.
  const many = tracer.startSpan("many");
  for (let index = 0; index < 200; index++) many.setTag(`t${index}`, "z".repeat(2_000));
  for (let index = 0; index < 9; index++) many.log({ event: `log ${index}` });
  many.finish();
  tracer.startSpan("plain").finish();
  await tracer.close();
  checkFigures(reporter.figures, { reported: 3, delivered: 3, cut: 2 });
  await until(() => rowsOf(catcher.packets) === 3);
  const printed = catcher.packets.map((packet) => printSpans(read(packet).batch)).join("\n");
  assert.match(printed, /small="kept"/);
  assert.match(printed, /rows=7d/);
  assert.match(printed, /spoor\.cut="6 values, 0 logs, 0 tags"/);
  assert.match(printed, /event .* "note"\n {4}text="y{1023}…"/);
  assert.match(printed, /spoor\.cut="200 values, 9 logs, 0 tags"/);
  assert.match(printed, /t199="z{255}…"/);
});

test("UdpReporter drops and counts what does not even fit cut down", async () => {
  await using catcher = await openCatcher();
  const [tracer, reporter] = open(catcher.port, { packetBytesMax: 400 });
  tracer.startSpan("name ".repeat(100)).setTag("a", "x".repeat(500)).finish();
  tracer.startSpan("small").finish();
  await tracer.close();
  checkFigures(reporter.figures, { reported: 2, delivered: 1, tooLarge: 1 });
  const { batch, sender } = read(await catcher.next());
  assert.equal(batch.rows, 1);
  assert.deepEqual(sender.stats, { queueFull: 0, tooLarge: 1, failedToSend: 0 });
});

test("UdpReporter sends a span alone that fits only so", async () => {
  await using catcher = await openCatcher();
  const [tracer, reporter] = open(catcher.port, { packetBytesMax: 4_000 });
  for (let chars = 3_600; chars < 3_800; chars++) {
    tracer.startSpan("s").setTag("text", "x".repeat(chars)).finish();
    await tracer.flush();
    await catcher.next();
  }
  await tracer.close();
  const { delivered, cut } = reporter.figures;
  assert.equal(delivered, 200);
  assert.ok(cut > 0 && cut < 200, `${cut}`);
  for (const packet of catcher.packets) assert.ok(packet.length <= 4_000);
});

test("UdpReporter gives large spans to the reporter that takes them, whole", async () => {
  await using catcher = await openCatcher();
  const largeSpans = new RememberingReporter();
  const [tracer, reporter] = open(catcher.port, { largeSpans });
  const value = "x".repeat(40_000);
  tracer.startSpan("large").setTag("one", value).setTag("two", value).finish();
  tracer.startSpan("small").setTag("one", value).finish();
  await tracer.close();
  checkFigures(reporter.figures, { reported: 2, delivered: 1, passedOn: 1 });
  assert.deepEqual(largeSpans.names, ["large"]);
  assert.equal(largeSpans.service, "shop");
  assert.ok(largeSpans.isClosed);
});

test("UdpReporter cuts the tags of a process that would fill a packet", async () => {
  await using catcher = await openCatcher();
  const reporter = new UdpReporter({ host: "127.0.0.1", port: catcher.port });
  const tracer = new Tracer("shop", reporter, new ConstSampler(true), {
    tags: { huge: "x".repeat(70_000), small: "kept" },
  });
  tracer.startSpan("s").finish();
  await tracer.close();
  checkFigures(reporter.figures, { reported: 1, delivered: 1 });
  const printed = printSpans(read(await catcher.next()).batch);
  assert.match(printed, /huge="x{1023}…"/);
  assert.match(printed, /small="kept"/);
  assert.match(printed, /spoor\.cut="1 values, 0 tags"/);
});

test("UdpReporter drops what is over the bound of its queue, and tells the agent", async () => {
  await using catcher = await openCatcher();
  const [tracer, reporter] = open(catcher.port, { maxQueueSize: 10 });
  // In one turn of the event loop, so that the kernel's answers cannot come.
  for (let index = 0; index < 25; index++) tracer.startSpan("s").finish();
  assert.equal(reporter.figures.queueFull, 15);
  await tracer.flush();
  tracer.startSpan("later").finish();
  await tracer.close();
  checkFigures(reporter.figures, { reported: 26, delivered: 11, queueFull: 15 });
  await until(() => rowsOf(catcher.packets) === 11);
  assert.equal(read(catcher.packets.at(-1)!).sender.stats?.queueFull, 15);
});

test("UdpReporter counts spans as failed when nobody listens, and goes on when somebody does", async () => {
  const port = await (async () => {
    await using catcher = await openCatcher();
    return catcher.port;
  })();
  const [tracer, reporter] = open(port);
  for (let index = 1; index <= 3; index++) {
    tracer.startSpan("lost").finish();
    await tracer.flush();
    await until(() => reporter.figures.failed === index);
  }
  await using catcher = await openCatcher(port);
  tracer.startSpan("found").finish();
  await tracer.close();
  checkFigures(reporter.figures, { reported: 4, delivered: 1, failed: 3 });
  const { batch, sender } = read(await catcher.next());
  assert.equal(batch.rows, 1);
  assert.deepEqual(sender, {
    sequence: 4,
    stats: { queueFull: 0, tooLarge: 0, failedToSend: 3 },
  });
});

test("UdpReporter finds an agent by name, and counts when there is no such name", async () => {
  await using catcher = await openCatcher();
  const [tracer] = open(catcher.port, { host: "localhost" });
  tracer.startSpan("s").finish();
  await tracer.close();
  assert.equal(read(await catcher.next()).batch.rows, 1);

  const [lost, reporter] = open(catcher.port, { host: "no-such-host.invalid" });
  lost.startSpan("s").finish();
  lost.startSpan("s").finish();
  await lost.close();
  checkFigures(reporter.figures, { reported: 2, delivered: 0, failed: 2 });
});

test("UdpReporter counts what is reported after close(), and closes twice", async () => {
  await using catcher = await openCatcher();
  const [tracer, reporter] = open(catcher.port);
  const span = tracer.startSpan("late");
  span.finish();
  let called = 0;
  await reporter.close(() => called++);
  await reporter.close(() => called++);
  reporter.report(span);
  await reporter.flush();
  assert.equal(called, 2);
  checkFigures(reporter.figures, { reported: 2, delivered: 1, failed: 1 });
});

test("UdpReporter survives spans, tags and logs of any kind", async () => {
  await using catcher = await openCatcher();
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const throwing = {
    get bad(): never {
      throw new Error("no");
    },
    toString(): never {
      throw new Error("no");
    },
  };
  const [tracer, reporter] = open(catcher.port);
  const span = tracer.startSpan(undefined as unknown as string);
  for (const value of [circular, throwing, Symbol("s"), 1n, Number.NaN, () => 1, new Date(NaN)]) {
    span.setTag("tag", value);
    span.log({ value });
    span.setTag(value as unknown as string, "as a key");
  }
  span.finish(Number.NaN);
  for (const broken of [{}, null, { context: () => null }, { context: 7 }]) {
    reporter.report(broken as unknown as Span);
  }
  await tracer.close();
  checkFigures(reporter.figures, { reported: 5, delivered: 1, failed: 4 });
  assert.equal(read(await catcher.next()).batch.rows, 1);
});

test("UdpReporter packets stay below the limit for any tags", async () => {
  const tag = fc.tuple(
    fc.string({ unit: "grapheme", maxLength: 40 }),
    fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 300 }),
      fc.double(),
      fc.boolean(),
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 16_300, max: 16_500 }).map((length) => "é".repeat(length / 2)),
    ),
  );
  const tags = fc.array(tag, { maxLength: 12 });
  const spans = fc.array(fc.record({ tags, logs: fc.array(tags, { maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 30,
  });
  for (const protocol of ["compact", "binary"] as const) {
    await using catcher = await openCatcher();
    const options = { protocol, packetBytesMax: 2_000 };
    await fc.assert(
      fc.asyncProperty(spans, async (all) => {
        const before = rowsOf(catcher.packets);
        const [tracer, reporter] = open(catcher.port, options);
        const root = tracer.startSpan("root");
        for (const { tags, logs } of all) {
          const span = tracer.startSpan("s", { childOf: root });
          for (const [key, value] of tags) span.setTag(key, value);
          for (const fields of logs) span.log(Object.fromEntries(fields));
          span.finish();
        }
        await tracer.close();
        const { reported, delivered, tooLarge } = reporter.figures;
        assert.equal(reported, delivered + tooLarge);
        await until(() => rowsOf(catcher.packets) - before === delivered);
      }),
      { numRuns: 40 },
    );
    for (const packet of catcher.packets) assert.ok(packet.length <= 2_000);
  }
});

function rowsOf(packets: readonly Uint8Array[]): number {
  return packets.reduce((rows, packet) => rows + read(packet).batch.rows, 0);
}

class RememberingReporter extends NoopReporter {
  readonly names: string[] = [];
  service = "";
  isClosed = false;

  override setProcess(...[process]: readonly { serviceName: string }[]): void {
    this.service = process!.serviceName;
  }

  override report(span: Span): void {
    this.names.push(span._operationName);
  }

  override close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}
