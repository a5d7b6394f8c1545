// The way of packets without sockets: what is joined, what is dropped, and that the books balance.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type BatchPlan, batchPacket, message, zipkinPacket } from "../../test/agent-packets.ts";
import { i64, struct } from "../../test/thrift-writer.ts";
import { until } from "../../test/until.ts";
import { systemClock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readPostSpans } from "../wire/jaeger-proto.ts";
import { readOtlpTraces } from "../wire/otlp-proto.ts";
import { ClientStats } from "./client-stats.ts";
import type { DoorPlan } from "./doors.ts";
import { AgentLedger, findImbalances } from "./ledger.ts";
import { PacketIntake, type PacketIntakeOptions } from "./packet-intake.ts";
import type { Parcel } from "./parcel.ts";
import { ParcelSender } from "./parcel-sender.ts";

const DOOR: DoorPlan = {
  name: "jaeger-compact",
  title: "Jaeger UDP (compact)",
  family: "jaeger",
  labels: { protocol: "compact", model: "jaeger" },
  hostPort: undefined,
  packetBytesMax: 65_000,
  queuePacketsMax: 1_000,
  socketBufferBytes: 0,
};

interface Rig {
  readonly intake: PacketIntake;
  readonly sender: ParcelSender;
  readonly ledger: AgentLedger;
  readonly clients: ClientStats;
  readonly parcels: readonly Parcel[];
  readonly bugs: readonly unknown[];
}

function openRig(
  options: Partial<PacketIntakeOptions> = {},
  send: (parcel: Parcel) => Promise<void> = () => Promise.resolve(),
): Rig {
  const ledger = new AgentLedger();
  const clients = new ClientStats(systemClock);
  const parcels: Parcel[] = [];
  const bugs: unknown[] = [];
  const { format = "jaeger-proto" } = options;
  const onBug = (error: unknown): void => void bugs.push(error);
  const sink = {
    format,
    async send(parcel: Parcel) {
      parcels.push(parcel);
      await send(parcel);
    },
  };
  const sender = new ParcelSender({ ledger, sink, onParcel: () => {}, onBug });
  const intake = new PacketIntake({
    doors: [DOOR],
    ledger,
    clients,
    sender,
    format,
    clock: systemClock,
    tags: new Map(),
    queueBytesMax: 8 * 1024 * 1024,
    inFlightBytesMax: 8 * 1024 * 1024,
    batchBytesMax: 256 * 1024,
    batchAgeMs: 5,
    onBug,
    ...options,
  });
  return { intake, sender, ledger, clients, parcels, bugs };
}

async function end({
  intake,
  sender,
  ledger,
  bugs,
}: Rig): Promise<ReturnType<AgentLedger["figures"]>> {
  intake.finish();
  await sender.settled();
  assert.deepEqual(bugs, []);
  const figures = ledger.figures();
  assert.deepEqual(findImbalances(figures), []);
  assert.equal(figures.total.spans.inFlight, 0);
  return figures;
}

function printPosted(parcels: readonly Parcel[]): string {
  const batch = new SpanBatch();
  for (const { payload } of parcels) readPostSpans(payload, batch);
  return printSpans(batch);
}

const shop: BatchPlan = { service: "shop", spans: 3, tags: { host: "a" } };

test("PacketIntake joins the packets of one process into one request", async () => {
  const rig = openRig();
  for (let packet = 0; packet < 5; packet++) {
    rig.intake.receive(0, batchPacket({ ...shop, from: 1 + 3 * packet }));
  }
  const { total, services } = await end(rig);
  assert.equal(rig.parcels.length, 1);
  assert.equal(rig.parcels[0]!.spans, 15);
  assert.deepEqual(rig.parcels[0]!.services, [["shop", 15]]);
  assert.deepEqual(services, [{ service: "shop", received: 15, forwarded: 15, lost: 0 }]);
  assert.equal(total.packets.read, 5);
  const batch = new SpanBatch();
  readPostSpans(rig.parcels[0]!.payload, batch);
  assert.equal(batch.rows, 15);
  assert.equal(batch.resources, 1);
});

for (const protocol of ["compact", "binary", "binary-old"] as const) {
  test(`PacketIntake reads ${protocol} at any door`, async () => {
    const rig = openRig();
    rig.intake.receive(0, batchPacket({ ...shop, protocol }));
    assert.equal((await end(rig)).total.spans.forwarded, 3);
  });
}

const golden = (name: string): Uint8Array =>
  readFileSync(new URL(`../../test/golden/jaeger/${name}.bin`, import.meta.url));

for (const [name, spans] of [
  ["emit-batch.compact", 3],
  ["emit-batch.binary", 3],
  ["emit-batch.binary-old", 3],
  ["emit-zipkin-batch.compact", 4],
  ["emit-zipkin-batch.binary", 4],
  ["emit-zipkin-batch.binary-old", 4],
] as const) {
  test(`PacketIntake forwards the packet ${name} of another implementation`, async () => {
    for (const format of ["jaeger-proto", "otlp-proto"] as const) {
      const rig = openRig({ format });
      rig.intake.receive(0, golden(name));
      assert.equal((await end(rig)).total.spans.forwarded, spans, format);
    }
  });
}

test("PacketIntake adds the agent's tags to each process, also to Zipkin's", async () => {
  const tags = new Map([["zone", "b"]]);
  const rig = openRig({ tags });
  rig.intake.receive(0, batchPacket(shop));
  rig.intake.receive(0, zipkinPacket("old-shop", 2));
  await end(rig);
  const batch = new SpanBatch();
  for (const { payload } of rig.parcels) readPostSpans(payload, batch);
  assert.equal(batch.rows, 5);
  for (let row = 0; row < batch.rows; row++) {
    const key = batch.dictionary.findText("zone");
    const resource = batch.resource[row]!;
    const start = batch.resourceAttributeStart[resource]!;
    const at = batch.resourceAttributes.find(key, start, batch.resourceAttributeEnd[resource]!);
    assert.equal(batch.dictionary.text(batch.resourceAttributes.words[2 * at]!), "b");
  }
});

test("PacketIntake gives OTLP the same spans", async () => {
  const rig = openRig({ format: "otlp-proto" });
  rig.intake.receive(0, batchPacket(shop));
  rig.intake.receive(0, batchPacket({ ...shop, service: "till", from: 9 }));
  await end(rig);
  const batch = new SpanBatch();
  readOtlpTraces(rig.parcels[0]!.payload, batch);
  assert.deepEqual([batch.rows, batch.resources], [6, 2]);
});

test("PacketIntake puts small processes into one request and large ones into their own", async () => {
  const rig = openRig();
  rig.intake.receive(0, batchPacket({ ...shop, spans: 40 }));
  for (let service = 0; service < 10; service++) {
    rig.intake.receive(0, batchPacket({ service: `s${service}`, spans: 2, from: 100 + service }));
  }
  await end(rig);
  assert.deepEqual(
    rig.parcels.map(({ spans }) => spans),
    [40, 20],
  );
  const services = new Set(printPosted(rig.parcels).match(/service\.name="?\w+/g));
  assert.equal(services.size, 11);
});

const bad: readonly (readonly [what: string, packet: Uint8Array])[] = [
  ["nothing", new Uint8Array(0)],
  ["no thrift", Uint8Array.of(1, 2, 3)],
  ["a method of somebody else", message("emitTrace", struct(), "compact")],
  ["no batch", message("emitBatch", struct([1, i64(1n)]), "compact")],
  ["__proto__ as a method", message("__proto__", struct(), "compact")],
];
for (const [what, packet] of bad) {
  test(`PacketIntake drops ${what} as a bad packet`, async () => {
    const rig = openRig();
    rig.intake.receive(0, packet);
    assert.equal((await end(rig)).total.packets.dropped["bad-packet"], 1);
  });
}

test("PacketIntake keeps nothing of any proper prefix, and all of what came before", async () => {
  const whole = batchPacket({ ...shop, service: "cut" });
  const rig = openRig();
  rig.intake.receive(0, batchPacket(shop));
  // The last byte ends the arguments; a prefix of a prefix that ends the batch is none.
  for (let length = 0; length < whole.length; length++) {
    rig.intake.receive(0, whole.subarray(0, length));
  }
  rig.intake.receive(0, batchPacket({ ...shop, from: 50 }));
  const { total } = await end(rig);
  assert.equal(total.packets.dropped["bad-packet"], whole.length);
  assert.equal(total.spans.forwarded, 6);
  assert.doesNotMatch(printPosted(rig.parcels), /cut/);
});

test("PacketIntake counts what is too long, with its spans and service", async () => {
  const rig = openRig({ doors: [{ ...DOOR, packetBytesMax: 200 }] });
  rig.intake.receive(0, batchPacket({ ...shop, padding: 300 }));
  const { total, services } = await end(rig);
  assert.equal(total.packets.dropped.truncated, 1);
  assert.equal(total.spans.dropped.truncated, 3);
  assert.deepEqual(services, [{ service: "shop", received: 3, forwarded: 0, lost: 3 }]);
});

test("PacketIntake drops what the queue cannot hold, and says whose it was", async () => {
  const rig = openRig({ doors: [{ ...DOOR, queuePacketsMax: 10 }] });
  for (let packet = 0; packet < 25; packet++) rig.intake.receive(0, batchPacket(shop));
  const { total } = await end(rig);
  assert.equal(total.packets.dropped["queue-full"], 15);
  assert.equal(total.spans.dropped["queue-full"], 45);
  assert.equal(total.spans.forwarded, 30);
});

test("PacketIntake reads no further while too much is on its way", async () => {
  const held = Promise.withResolvers<void>();
  const rig = openRig({ inFlightBytesMax: 1, batchBytesMax: 1 }, () => held.promise);
  for (let packet = 0; packet < 5; packet++) rig.intake.receive(0, batchPacket(shop));
  await until(() => rig.parcels.length === 1);
  await nextTurn();
  assert.equal(rig.parcels.length, 1);
  assert.equal(rig.ledger.figures().total.packets.queued, 4);
  held.resolve();
  await until(() => rig.ledger.figures().total.spans.forwarded === 15);
  await end(rig);
});

test("PacketIntake flushes what is old without being asked", async () => {
  const rig = openRig();
  rig.intake.receive(0, batchPacket(shop));
  await until(() => rig.ledger.figures().total.spans.forwarded === 3);
});

for (const [code, column] of [
  ["overloaded", "dropped"],
  ["unavailable", "dropped"],
  ["bad-input", "refused"],
  ["unsupported", "refused"],
] as const) {
  test(`PacketIntake counts spans as ${column} when nobody has them: ${code}`, async () => {
    const rig = openRig({}, () => Promise.reject(new SpoorError(code, "no")));
    rig.intake.receive(0, batchPacket(shop));
    const { total, services } = await end(rig);
    assert.equal((total.spans[column] as Readonly<Record<string, number>>)[code], 3);
    assert.equal(services[0]?.lost, 3);
  });
}

test("PacketIntake keeps the books of a bounded number of services", async () => {
  const rig = openRig({ doors: [{ ...DOOR, queuePacketsMax: 5_000 }] });
  for (let service = 0; service < 3_000; service++) {
    rig.intake.receive(0, batchPacket({ service: `flood-${service}`, spans: 1 }));
  }
  const { total, services } = await end(rig);
  assert.equal(total.spans.forwarded, 3_000);
  assert.equal(services.length, 1_001);
  assert.equal(services.find(({ service }) => service === "other-services")?.received, 2_000);
});

test("PacketIntake sees what clients say of their losses and what is missing", async () => {
  const rig = openRig();
  const client: BatchPlan = { ...shop, tags: { "client-uuid": "c1" } };
  rig.intake.receive(0, batchPacket({ ...client, sequence: 5, stats: [1, 0, 0] }));
  rig.intake.receive(0, batchPacket({ ...client, sequence: 6, stats: [1, 0, 0] }));
  rig.intake.receive(0, batchPacket({ ...client, sequence: 9, stats: [4, 2, 1] }));
  await end(rig);
  assert.deepEqual(rig.clients.figures(), {
    connected: 1,
    batchesReceived: 3,
    batchesSent: 4,
    batchesMissing: 2,
    spansDropped: { "full-queue": 3, "too-large": 2, "send-failure": 1 },
  });
});
