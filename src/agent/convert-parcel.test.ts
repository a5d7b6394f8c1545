// What one reporter left in the spool, sent by another one: the same spans, as many times.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { makeTrace } from "../../test/make-trace.ts";
import { openTestCollector } from "../../test/open-collector.ts";
import { openTestForwarder } from "../../test/open-forwarder.ts";
import { until } from "../../test/until.ts";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { convertParcel } from "./convert-parcel.ts";
import type { Parcel, ParcelFormat } from "./parcel.ts";
import { makeJaegerGrpcReporter, makeOtlpGrpcReporter } from "./reporters/grpc.ts";
import type { Reporter } from "./reporters/reporter.ts";
import { makeTChannelReporter } from "./reporters/tchannel.ts";
import { writeParcels } from "./write-parcels.ts";

const times = { connectTimeoutMs: 2_000, timeoutMs: 2_000 };
const otlp = { ...times, samplingPort: 1 };
const reporters: readonly (readonly ["jaeger-grpc" | "tchannel" | "otlp-grpc", () => Reporter])[] =
  [
    ["jaeger-grpc", () => makeJaegerGrpcReporter(times)],
    ["tchannel", () => makeTChannelReporter({ ...times, clock: systemClock, log: silentLog })],
    ["otlp-grpc", () => makeOtlpGrpcReporter(otlp)],
  ];

/** Two services: one with enough spans for a request of its own. */
function makeParcels(format: ParcelFormat): readonly Parcel[] {
  const spans = Array.from({ length: 50 }, (_, index) => ({
    id: index + 1,
    service: index < 40 ? "frontend" : "driver",
    name: `op ${index}`,
  }));
  const batch: SpanBatch = makeTrace(...spans);
  const parcels = writeParcels(batch, format, new Uint8Array(batch.rows), 1);
  return parcels.map(({ parcel }) => parcel);
}

async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "spoor-spool-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** What tells one way of Jaeger's from the other is not of the spans. */
const withoutOrigin = (text: string): string =>
  text.replaceAll(/\n +@jaeger@format=.*| origin=\S+/g, "");

for (const [fromDoor, makeFrom] of reporters) {
  for (const [toDoor, makeTo] of reporters) {
    if (fromDoor === toDoor) continue;
    test(`what ${fromDoor} left in the spool arrives by ${toDoor}, once`, async (t) => {
      const directory = await makeDirectory(t);
      const from = makeFrom();
      const parcels = makeParcels(from.format);
      const rows = parcels.reduce((sum, { spans }) => sum + spans, 0);
      assert.equal(rows, 50);
      const away = await openTestForwarder({ ports: [1], reporter: from, directory, awayMsMax: 0 });
      for (const parcel of parcels) await away.send(parcel);
      assert.equal(away.figures().spooled.spans, rows);
      await away.close(0);

      await using collector = await openTestCollector(["jaeger-grpc", "tchannel", "otlp-grpc"]);
      const ports = [collector.port(toDoor)];
      await using forwarder = await openTestForwarder({ ports, reporter: makeTo(), directory });
      await until(() => forwarder.figures().spooled.parcels === 0);
      assert.equal(forwarder.figures().delivered.spans, rows);
      forwarder.checkBooks();
      assert.equal(collector.store.figures().spans, rows);

      await using direct = await openTestCollector(["jaeger-grpc", "tchannel", "otlp-grpc"]);
      await using at = await openTestForwarder({ ports: [direct.port(fromDoor)], reporter: from });
      for (const parcel of parcels) await at.send(parcel);
      assert.equal(
        withoutOrigin(await collector.printStored()),
        withoutOrigin(await direct.printStored()),
      );
    });
  }
}

test("convertParcel() refuses what does not read", () => {
  const parcel = { payload: Uint8Array.of(255, 255), spans: 1, services: [] };
  for (const from of ["otlp-proto", "jaeger-proto", "jaeger-thrift-list"] as const) {
    assert.throws(() => convertParcel(parcel, from, "otlp-proto"), { code: "bad-input" });
  }
});

test("a parcel of the spool that cannot be converted is set aside and counted", async (t) => {
  const directory = await makeDirectory(t);
  const from = makeJaegerGrpcReporter(times);
  const away = await openTestForwarder({ ports: [1], reporter: from, directory, awayMsMax: 0 });
  await away.send({ payload: Uint8Array.of(255, 255), spans: 3, services: [] });
  for (const parcel of makeParcels("jaeger-proto")) await away.send(parcel);
  await away.close(0);
  await using collector = await openTestCollector(["otlp-grpc"]);
  const ports = [collector.port("otlp-grpc")];
  await using forwarder = await openTestForwarder({
    ports,
    reporter: makeOtlpGrpcReporter(otlp),
    directory,
  });
  await until(() => forwarder.figures().spooled.parcels === 0);
  const { delivered, dropped } = forwarder.figures();
  assert.deepEqual([delivered.spans, dropped.undeliverable.spans], [50, 3]);
  forwarder.checkBooks();
});

test("writeParcels() halves what no collector would take at once", () => {
  const spans = Array.from({ length: 60 }, (_, index) => ({
    id: index + 1,
    service: "large",
    name: String(index).padEnd(100_000, "x"),
  }));
  const batch = makeTrace(...spans);
  for (const format of ["otlp-proto", "jaeger-proto", "jaeger-thrift-list"] as const) {
    const parcels = writeParcels(batch, format, new Uint8Array(60), 1);
    assert.deepEqual(
      parcels.map(({ parcel, byDoor }) => [parcel.spans, ...byDoor]),
      [
        [30, 30],
        [30, 30],
      ],
    );
    for (const { parcel } of parcels) assert.ok(parcel.payload.length < 4 * 1024 * 1024);
    const names = parcels
      .flatMap(({ parcel }) => convertParcel(parcel, format, "jaeger-proto"))
      .flatMap(({ services }) => services);
    assert.deepEqual(names, [
      ["large", 30],
      ["large", 30],
    ]);
  }
});
