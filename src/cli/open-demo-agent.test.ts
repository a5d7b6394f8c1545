// The demo's agent forwards what it got before it ends.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { batchPacket } from "../../test/agent-packets.ts";
import { openTestCollector } from "../../test/open-collector.ts";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { openDemoAgent } from "./open-demo-agent.ts";

test("openDemoAgent() takes spans by UDP, and has forwarded them when it is closed", async () => {
  await using collector = await openTestCollector(["otlp-grpc"]);
  const otlpGrpc = `127.0.0.1:${collector.port("otlp-grpc")}`;
  const agent = await openDemoAgent({ otlpGrpc, log: silentLog, clock: systemClock });
  const { host, port } = agent.udp;
  const socket = createSocket("udp4");
  await new Promise<void>((resolve, reject) => {
    socket.send(batchPacket({ service: "cart", spans: 7 }), port, host, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  socket.close();
  await agent.close();
  assert.equal(collector.checkBooks().total.spans.stored, 7);
});
