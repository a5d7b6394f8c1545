// A real socket: what arrives, what is read at the end, what is refused from then on.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { until } from "../../test/until.ts";
import { silentLog } from "../base/log.ts";
import { type UdpSocket, openUdpSocket } from "./udp-socket.ts";

interface Rig {
  readonly socket: UdpSocket;
  readonly packets: Uint8Array[];
  readonly errors: { count: number };
}

async function openRig(host = "127.0.0.1", port = 0): Promise<Rig> {
  const packets: Uint8Array[] = [];
  const errors = { count: 0 };
  const socket = await openUdpSocket({
    title: "test",
    hostPort: { host, port },
    bufferBytes: 0,
    log: silentLog,
    onPacket: (packet) => void packets.push(packet),
    onReadError: () => void errors.count++,
  });
  return { socket, packets, errors };
}

/** Sends all of them before anybody can read. */
async function sendAll(
  to: { port: number },
  host: string,
  packets: readonly string[],
): Promise<void> {
  const sender = createSocket(host.includes(":") ? "udp6" : "udp4");
  sender.connect(to.port, host);
  await once(sender, "connect");
  for (const packet of packets) sender.send(packet);
  await new Promise<void>((resolve) => {
    sender.send("last", () => resolve());
  });
  sender.close();
}

for (const host of ["127.0.0.1", "0.0.0.0"]) {
  test(`openUdpSocket() reads at its end what the kernel holds, on ${host}`, async () => {
    const { socket, packets, errors } = await openRig(host);
    const sent = Array.from({ length: 200 }, (_, index) => `packet ${index}`);
    await sendAll(socket, "127.0.0.1", sent);
    await socket.drain();
    assert.equal(packets.length, 201);
    const { promise: refused, resolve } = Promise.withResolvers<unknown>();
    const late = createSocket("udp4").on("error", resolve);
    late.connect(socket.port, "127.0.0.1", () => late.send("too late"));
    assert.match(String(await refused), /ECONNREFUSED/);
    late.close();
    assert.equal(packets.length, 201);
    assert.equal(errors.count, 0);
    await socket.close();
  });
}

test("openUdpSocket() takes IPv6", async (t) => {
  let rig: Rig;
  try {
    rig = await openRig("::1");
  } catch {
    t.skip("no IPv6 here");
    return;
  }
  const { socket, packets } = rig;
  await sendAll(socket, "::1", ["one"]);
  await until(() => packets.length === 2);
  await socket.drain();
  await socket.close();
});

test("openUdpSocket() asks for a large receive buffer", async () => {
  const { socket } = await openRig();
  assert.ok(socket.bufferBytes >= 212_992, `${socket.bufferBytes}`);
  await socket.close();
});

test("openUdpSocket() says which door has no port", async () => {
  const { socket } = await openRig();
  await assert.rejects(openRig("127.0.0.1", socket.port), {
    code: "unavailable",
    message: /^test cannot listen on 127\.0\.0\.1:\d+: the port is taken$/,
  });
  await socket.close();
});
