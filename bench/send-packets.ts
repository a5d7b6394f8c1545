// The generator of datagrams, a process of its own: sends packets at a rate, whatever becomes of them.
//
//   node bench/send-packets.ts --port 6831 --rate 100000 --seconds 5
//     a line when the first packet is due; at the end { "packets": …, "bytes": …, "seconds": …, "cpuSeconds": … }
//
// What is counted was taken by the kernel for a socket that was there.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { makePackets, SPANS_PER_PACKET } from "./emit-packets.ts";

export interface PacketReport {
  readonly packets: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** More than an agent joins, so that a batch does not see one twice. */
const PACKETS = 200;

async function main(): Promise<void> {
  const { values: args } = parseArgs({
    options: {
      port: { type: "string", default: "6831" },
      rate: { type: "string", default: "50000" },
      seconds: { type: "string", default: "5" },
    },
  });
  const packets = makePackets(PACKETS);
  const socket = createSocket("udp4");
  socket.connect(Number(args.port), "127.0.0.1");
  await once(socket, "connect");
  const seconds = Number(args.seconds);
  const packetsPerMs = Number(args.rate) / SPANS_PER_PACKET / 1_000;
  const count = Math.ceil(packetsPerMs * 1_000 * seconds);
  let sent = 0;
  let bytes = 0;
  let pending = 0;
  process.stdout.write("\n");
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  for (let next = 0; next < count;) {
    const due = Math.min(count, Math.ceil((performance.now() - startedMs) * packetsPerMs));
    for (; next < due; next++) {
      const packet = packets[next % packets.length]!;
      pending++;
      socket.send(packet, (error) => {
        pending--;
        if (error !== null) return;
        sent++;
        bytes += packet.length;
      });
    }
    await wait(1);
  }
  while (pending > 0) await wait(1);
  const { user, system } = process.cpuUsage(cpuBefore);
  const report: PacketReport = {
    packets: sent,
    bytes,
    seconds: (performance.now() - startedMs) / 1_000,
    cpuSeconds: (user + system) / 1e6,
  };
  process.stdout.write(JSON.stringify(report));
  socket.close();
}

await main();
