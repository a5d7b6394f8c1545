// Exact counts of spans while agent and collectors are restarted, away, ended and killed under load.
//
//   packets ─UDP─▶ spoor agent (spool) ─▶ one or two Spoors on fixed ports ─▶ what each has stored
//
// What arrived at a socket of the agent's is stored in the end, once. Only who is killed while it hands over
// what it had spooled may hand some over again.
// AGENT_OUTAGE_SECONDS=1800 lets the collector be away for so long (docs/testing.md).
// Not here: the forwarder alone (forwarding.test.ts), damage to the spool (src/agent/spool.test.ts).

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type AgentProcess, booksOf, startAgent } from "../agent-process.ts";
import { readProcess } from "../read-process.ts";
import { type KeptDoor, RestartableSpoor } from "./restartable-spoor.ts";
import { waitFor } from "./running-spoor.ts";
import { SPANS_A_PACKET, type UdpLoad, openUdpLoad, traceIdOfPacket } from "./udp-load.ts";

const OUTAGE_SECONDS = Number(process.env["AGENT_OUTAGE_SECONDS"] ?? 2);
/** A long outage with less of a load: it has to fit into the spool. */
const PACE_MS = OUTAGE_SECONDS > 60 ? 10 : 2;
/** Between two things that happen to agent and collectors. */
const PACKETS = 60;
/** Packets whose spans are asked for one by one. */
const CHECKED_MAX = 500;

type Way = readonly [name: string, door: KeptDoor, flags: readonly string[]];

const WAYS: readonly Way[] = [
  ["grpc", "jaegerGrpc", []],
  // A call that is given up may still be stored, and its parcel is sent again: here nobody is that slow.
  [
    "tchannel",
    "tchannel",
    ["report-timeout=30s", "discovery.conn-check-timeout=10s"].map(
      (flag) => `--reporter.tchannel.${flag}`,
    ),
  ],
  ["otlp-grpc", "otlpGrpc", []],
];
const GRPC = WAYS[0]!;

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);

/** An agent that can be ended and started again with the same spool, and on the same port. */
class Rig {
  readonly targets: readonly RestartableSpoor[];
  readonly #directory: string;
  readonly #way: Way;
  #agent: AgentProcess | undefined;
  #port = 0;
  /** Of all lives of the agent that ended by themselves. */
  received = 0;

  constructor(directory: string, collectors: number, way: Way) {
    this.#directory = directory;
    this.#way = way;
    this.targets = Array.from(
      { length: collectors },
      (_, index) => new RestartableSpoor(join(directory, `collector-${index}`)),
    );
  }

  get agent(): AgentProcess {
    assert(this.#agent !== undefined, "no agent is running");
    return this.#agent;
  }

  async startAgent(...flags: readonly string[]): Promise<void> {
    const [name, door, more] = this.#way;
    const setting = name === "otlp-grpc" ? "otlp" : name;
    const ports = this.targets.map((target) => `127.0.0.1:${target.port(door)}`);
    this.#agent = await startAgent([
      `--reporter.type=${name}`,
      `--reporter.${setting}.host-port=${ports.join()}`,
      `--processor.jaeger-compact.server-host-port=127.0.0.1:${this.#port}`,
      `--spool.directory=${join(this.#directory, "spool")}`,
      "--spool.after=200ms",
      ...more,
      ...flags,
    ]);
    this.#port = this.#agent.port("compact");
  }

  /** SIGTERM: everything that came has to be with a collector or in the spool. */
  async endAgent(): Promise<void> {
    const { agent } = this;
    await agent.end();
    this.#agent = undefined;
    const packets = booksOf(agent.log, "packets");
    const spans = booksOf(agent.log, "spans");
    this.received += packets["received"]!;
    assert.deepEqual(
      { ...packets, dropped: packets["dropped"], droppedByKernel: packets["droppedByKernel"] },
      { ...packets, dropped: 0, droppedByKernel: 0 },
    );
    assert.equal(spans["received"], SPANS_A_PACKET * packets["received"]!);
    assert.equal(spans["forwarded"], spans["received"]);
  }

  async killAgent(): Promise<void> {
    await this.agent.kill();
    this.#agent = undefined;
  }

  openLoad(paceMs = PACE_MS): Promise<UdpLoad> {
    return openUdpLoad({ port: this.#port, service: "load", paceMs });
  }

  /** Waits until nothing is in the spool or on its way. */
  async untilDelivered(msMax?: number): Promise<void> {
    const isDelivered = async (): Promise<true | undefined> => {
      const { total, forwarder } = await this.agent.ledger();
      const left = total.spans.inFlight + forwarder.inFlight.spans + forwarder.spooled.spans;
      return left === 0 && total.packets.queued === 0 ? true : undefined;
    };
    await waitFor("an empty spool", isDelivered, msMax);
  }

  async stored(): Promise<number> {
    return sum(await Promise.all(this.targets.map((target) => target.spans())));
  }

  /** How often the first span of a packet is stored, all collectors together. */
  async countOf(packet: number): Promise<number> {
    const traceId = traceIdOfPacket(packet);
    return sum(await Promise.all(this.targets.map((target) => target.countOf(traceId))));
  }

  async close(): Promise<void> {
    await this.#agent?.kill();
    for (const target of this.targets) await target.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function openRig(t: TestContext, collectors: number, way: Way): Promise<Rig> {
  const directory = await mkdtemp(join(tmpdir(), "spoor-survival-"));
  const rig = new Rig(directory, collectors, way);
  t.after(() => rig.close());
  await Promise.all(rig.targets.map((target) => target.start()));
  return rig;
}

for (const way of WAYS) {
  test(`by ${way[0]}: a rolling restart of agent and collectors loses and doubles no span`, async (t) => {
    const rig = await openRig(t, 2, way);
    await rig.startAgent();
    const load = await rig.openLoad();
    for (const target of rig.targets) {
      await load.moreArrived(PACKETS);
      await target.end("SIGTERM");
      await load.moreArrived(PACKETS);
      await target.start();
      await load.moreArrived(PACKETS);
      await rig.endAgent();
      await rig.startAgent();
    }
    await load.moreArrived(PACKETS);
    await load.end();
    await rig.untilDelivered();
    await rig.endAgent();
    t.diagnostic(`${load.arrived} packets, and ${load.refused} while no agent was there`);
    assert.ok(load.refused > 0);
    assert.equal(rig.received, load.arrived);
    assert.equal(await rig.stored(), SPANS_A_PACKET * load.arrived);
  });
}

test(`a collector that is away for ${OUTAGE_SECONDS} s costs no span`, async (t) => {
  const rig = await openRig(t, 1, GRPC);
  const [target] = rig.targets as [RestartableSpoor];
  await rig.startAgent();
  const load = await rig.openLoad();
  await load.more(PACKETS);
  await target.end("SIGTERM");
  await load.more((OUTAGE_SECONDS * 1_000) / PACE_MS);
  const { forwarder } = await rig.agent.ledger();
  assert.ok(forwarder.spooled.spans > 0);
  const { rssAnonBytes } = readProcess(rig.agent.pid);
  await target.start();
  await load.more(PACKETS);
  await load.end();
  await rig.untilDelivered(20_000 + OUTAGE_SECONDS * 1_000);
  await rig.endAgent();
  t.diagnostic(
    `${forwarder.spooled.spans} spans in ${forwarder.spooled.bytes} bytes of the spool, ` +
      `${Math.round(rssAnonBytes / 1e6)} MB of the agent`,
  );
  assert.equal(rig.received, load.arrived);
  assert.equal(await rig.stored(), SPANS_A_PACKET * load.arrived);
  const step = Math.ceil(load.arrived / CHECKED_MAX);
  for (let packet = 0; packet < load.arrived; packet += step) {
    assert.equal(await rig.countOf(packet), 1, `packet ${packet}`);
  }
});

test("an agent that is ended under load while no collector is there leaves all in the spool", async (t) => {
  const rig = await openRig(t, 1, GRPC);
  const [target] = rig.targets as [RestartableSpoor];
  await target.end("SIGTERM");
  await rig.startAgent();
  const load = await rig.openLoad(0);
  await load.moreArrived(10 * PACKETS);
  await rig.endAgent();
  await target.start();
  await rig.startAgent();
  await load.moreArrived(PACKETS);
  await load.end();
  await rig.untilDelivered();
  const { forwarder } = await rig.agent.ledger();
  assert.ok(forwarder.recovered.spans > 0);
  await rig.endAgent();
  assert.equal(rig.received, load.arrived);
  assert.equal(await rig.stored(), SPANS_A_PACKET * load.arrived);
});

/** Sends, with nobody there to take it, until all is on the disk. */
async function fillSpool(rig: Rig, packets: number): Promise<number> {
  const load = await rig.openLoad();
  await load.moreArrived(packets);
  await load.end();
  await waitFor("everything in the spool", async () => {
    const { total } = await rig.agent.ledger();
    return total.spans.forwarded === SPANS_A_PACKET * load.arrived || undefined;
  });
  return load.arrived;
}

test("an agent that is killed has lost nothing of its spool, and doubles nothing", async (t) => {
  const rig = await openRig(t, 1, GRPC);
  const [target] = rig.targets as [RestartableSpoor];
  await target.end("SIGTERM");
  await rig.startAgent();
  const packets = await fillSpool(rig, 5 * PACKETS);
  await rig.killAgent();
  await target.start();
  await rig.startAgent();
  await rig.untilDelivered();
  const { forwarder } = await rig.agent.ledger();
  assert.equal(forwarder.recovered.spans, SPANS_A_PACKET * packets);
  assert.equal(await rig.stored(), SPANS_A_PACKET * packets);
  for (let packet = 0; packet < packets; packet++) assert.equal(await rig.countOf(packet), 1);
});

test("an agent that is killed while it empties its spool delivers the rest, and little twice", async (t) => {
  const rig = await openRig(t, 1, GRPC);
  const [target] = rig.targets as [RestartableSpoor];
  await target.end("SIGTERM");
  const slow = "--spool.max-bytes-per-second=64KiB";
  // Many small parcels: each is promised, delivered and forgotten by itself.
  await rig.startAgent(slow, "--agent.batch-max-age=5ms");
  const packets = await fillSpool(rig, 5 * PACKETS);
  await target.start();
  await waitFor("the first of the spool", async () => (await rig.stored()) > 0 || undefined);
  await rig.killAgent();
  const before = await rig.stored();
  assert.ok(before < SPANS_A_PACKET * packets, "it was killed too late");
  await rig.startAgent();
  await rig.untilDelivered();
  const again = (await rig.stored()) - SPANS_A_PACKET * packets;
  t.diagnostic(`${again} of ${SPANS_A_PACKET * packets} spans twice`);
  assert.ok(again >= 0 && again <= before, `${again} spans more than were sent`);
  for (let packet = 0; packet < packets; packet++) assert.ok((await rig.countOf(packet)) >= 1);
});
