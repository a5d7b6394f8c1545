// Packets that are wrong, or that nobody honest would send, to every UDP door of an agent: each is counted,
// none costs the spans of others, and neither memory nor metrics grow with what peers make up.
//
//   cut · changed · noise · too long · other formats · 9,000 services ─UDP─▶ spoor agent ─▶ spoor
//
// Not here: answers of hostile collectors (agent-hostile-sampling.test.ts), each reader's own (src/wire).

import assert from "node:assert/strict";
import { type Socket, createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { batchPacket, zipkinPacket } from "../agent-packets.ts";
import {
  type AgentDoor,
  type AgentLedger,
  type AgentProcess,
  startAgent,
} from "../agent-process.ts";
import { makeRandom, mutate } from "../fuzz/mutate.ts";
import { readProcess } from "../read-process.ts";
import { AGENT_WAYS, type AgentWay } from "./agent-ways.ts";
import { useSpoor, waitFor } from "./running-spoor.ts";

const DOORS = ["compact", "binary", "zipkin"] as const satisfies readonly AgentDoor[];
const CUTS = 40;
const CHANGES = 150;
const SEED = 20_261_123;
/** Packets on their way, so that the kernel drops none. */
const BURST_BYTES = 64 * 1024;
const PACKET_BYTES_MAX = 65_507;
/** Twice: more than the agent has books for (1,000), and the collector has metrics for (4,000). */
const SERVICES = 4_500;
/** Peak of everything that the agent has mapped; an idle one takes some 100 MB, most of it Node's own file. */
const PEAK_BYTES_MAX = 200e6;

const golden = (name: string): Buffer =>
  readFileSync(new URL(`../golden/${name}`, import.meta.url));

const SAMPLES: Readonly<Record<(typeof DOORS)[number], readonly Buffer[]>> = {
  compact: [golden("jaeger/emit-batch.compact.bin")],
  binary: [golden("jaeger/emit-batch.binary.bin"), golden("jaeger/emit-batch.binary-old.bin")],
  zipkin: [golden("jaeger/emit-zipkin-batch.compact.bin")],
};

const spoor = useSpoor();

interface Rig {
  readonly agent: AgentProcess;
  /** Resolves when the agent has them; the kernel dropped none. */
  readonly send: (door: AgentDoor, packets: readonly Uint8Array[]) => Promise<void>;
  /** Waits until nothing is on its way. */
  readonly settled: () => Promise<AgentLedger>;
}

async function openRig(t: TestContext, way: AgentWay): Promise<Rig> {
  const agent = await startAgent(way.flags(spoor()));
  t.after(() => agent.kill());
  const sockets = new Map<AgentDoor, Socket>();
  let sent = 0;
  const socketOf = async (door: AgentDoor): Promise<Socket> => {
    const known = sockets.get(door);
    if (known !== undefined) return known;
    const socket = createSocket("udp4");
    socket.connect(agent.port(door), "127.0.0.1");
    await once(socket, "connect");
    t.after(() => socket.close());
    sockets.set(door, socket);
    return socket;
  };
  const received = async (): Promise<void> => {
    await waitFor(`${sent} packets at the agent`, async () => {
      const { total } = await agent.ledger();
      return total.packets.received === sent && total.packets.queued === 0 ? true : undefined;
    });
  };
  return {
    agent,
    async send(door, packets) {
      const socket = await socketOf(door);
      let bytes = 0;
      for (const packet of packets) {
        if (bytes + packet.length > BURST_BYTES) {
          await received();
          bytes = 0;
        }
        await new Promise<void>((resolve, reject) => {
          socket.send(packet, (error) => (error === null ? resolve() : reject(error)));
        });
        sent++;
        bytes += packet.length + 512;
      }
      await received();
    },
    settled: () =>
      waitFor("nothing on its way", async () => {
        const ledger = await agent.ledger();
        return ledger.total.spans.inFlight === 0 ? ledger : undefined;
      }),
  };
}

/** `count` prefixes, evenly spread, of nothing too. */
function cut(packet: Buffer, count: number): Buffer[] {
  const step = Math.max(1, Math.floor(packet.length / count));
  return Array.from({ length: count }, (_, at) => packet.subarray(0, at * step));
}

/** Sound packets among those that are not: theirs have to arrive whatever comes beside them. */
function mix(door: AgentDoor, packets: readonly Uint8Array[]): Uint8Array[] {
  return packets.flatMap((packet, at) => {
    const from = 1_000_000 + at;
    const sound =
      door === "zipkin"
        ? zipkinPacket(`sound-${door}`, 1, from)
        : batchPacket({ service: `sound-${door}`, spans: 1, from });
    return [packet, sound];
  });
}

for (const way of AGENT_WAYS) {
  test(`by ${way.name}: wrong packets are counted, and cost nobody else's spans`, async (t) => {
    const { agent, send, settled } = await openRig(t, way);
    const before = await collected();
    const random = makeRandom(SEED);
    let sound = 0;
    for (const door of DOORS) {
      const samples = SAMPLES[door];
      const wrong = [
        ...samples.flatMap((sample) => cut(sample, CUTS)),
        ...Array.from({ length: CHANGES }, () => mutate(random, samples).subarray(0, 60_000)),
        Buffer.from(Uint8Array.from({ length: 2_000 }, () => random(256))),
        golden("jaeger/batch.binary.bin"), // no envelope
        golden("otlp/traces.bin"),
        batchPacket({ service: "", spans: 2 }),
        batchPacket({ service: "nobody", spans: 1, from: 0 }), // ids of zeros
        Buffer.alloc(PACKET_BYTES_MAX),
      ];
      await send(door, mix(door, wrong));
      sound += wrong.length;
    }
    const { total, services, forwarder } = await settled();
    const { truncated, "bad-packet": bad, ...other } = total.packets.dropped;
    assert.equal(truncated, DOORS.length);
    assert.ok(bad > DOORS.length * CUTS, `${bad} bad packets`);
    assert.deepEqual(other, { "queue-full": 0 });
    const ownOf = (door: AgentDoor) => services.find(({ service }) => service === `sound-${door}`);
    const own = DOORS.map((door) => ownOf(door));
    assert.equal(
      own.reduce((sum, books) => sum + (books?.forwarded ?? 0), 0),
      sound,
      JSON.stringify([own, forwarder]),
    );
    await agent.end();
    const after = await collected();
    assert.equal(after.stored - before.stored, total.spans.forwarded - DOORS.length);
    assert.equal(
      after.invalidIds - before.invalidIds,
      DOORS.length,
      "spans without ids, and no other",
    );
  });
}

/** What the collector has made of all that it was sent. */
async function collected(): Promise<{ readonly stored: number; readonly invalidIds: number }> {
  const { received, stored, refused } = (await spoor().checkLedger()).total.spans;
  assert.equal(received, stored + refused["invalid-id"]);
  return { stored, invalidIds: refused["invalid-id"] };
}

async function countSeries(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
}

test("a flood of made-up services and clients ends in books and metrics of bounded size", async (t) => {
  const { agent, send, settled } = await openRig(t, AGENT_WAYS[0]!);
  const admin = `http://127.0.0.1:${agent.port("admin")}`;
  const packetsOf = (from: number): Uint8Array[] =>
    Array.from({ length: SERVICES }, (_, at) => {
      const service = `made-up-${from + at}`;
      const tags = { "client-uuid": `client-${from + at}` };
      return batchPacket({ service, spans: 1, from: from + at, tags, sequence: at });
    });
  await send("compact", packetsOf(1));
  const first = await settled();
  const series = await countSeries(admin);
  const collectorSeries = await countSeries(spoor().url("admin", ""));
  await send("binary", packetsOf(1 + SERVICES));
  const second = await settled();
  assert.equal(second.total.spans.forwarded, 2 * SERVICES);
  assert.equal(second.services.length, first.services.length);
  assert.ok(second.services.length < SERVICES / 2, `${second.services.length} services`);
  const others = second.services.find(({ service }) => service === "other-services");
  assert.ok(others !== undefined && others.forwarded > SERVICES);
  assert.equal(
    second.services.reduce((sum, { forwarded }) => sum + forwarded, 0),
    2 * SERVICES,
  );
  assert.equal(await countSeries(admin), series, "of the agent");
  assert.ok(!(await (await fetch(`${admin}/metrics`)).text()).includes("made-up"));
  const grown = (await countSeries(spoor().url("admin", ""))) - collectorSeries;
  assert.ok(grown < 50, `${grown} more series of the collector`);
  const { rssPeakBytes } = readProcess(agent.pid);
  t.diagnostic(`${series} series, ${Math.round(rssPeakBytes / 1e6)} MB at most`);
  assert.ok(rssPeakBytes < PEAK_BYTES_MAX, `${rssPeakBytes} bytes`);
  await agent.end();
});
