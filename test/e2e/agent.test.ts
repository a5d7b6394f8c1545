// The agent as a process: its end under a load that it cannot keep up with, and how small it is.
//
//   packets ─UDP─▶ spoor agent ─gRPC─▶ spoor all-in-one ─▶ its ledger
//
// Not here: what comes of a client's spans (agent-fields.test.ts), restarts (agent-survival.test.ts).

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { batchPacket } from "../agent-packets.ts";
import { type AgentProcess, booksOf, startAgent } from "../agent-process.ts";
import { readProcess } from "../read-process.ts";
import { type SpoorProcess, startSpoor } from "../spoor-process.ts";

const root = new URL("../..", import.meta.url).pathname;

/** Unreclaimable memory, for a sidecar that may take 50 MB: idle, and under a load of a tenth of a core. */
const IDLE_BYTES_MAX = 35 * 1024 * 1024;
const LOAD_BYTES_MAX = 45 * 1024 * 1024;
const LOAD_SPANS_PER_SECOND = 5_000;
const LOAD_SECONDS = 4;

/** Says at the end which of our modules and which packages were loaded. */
const LIST_MODULES = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  const seen = new Set();
  registerHooks({ load(url, context, next) { seen.add(url); return next(url, context); } });
  process.on("exit", () => process.stderr.write("MODULES " + JSON.stringify([...seen]) + "\\n"));
`)}`;

let collector: SpoorProcess;

before(async () => {
  collector = await startSpoor(root, ["--span-storage.type=memory"]);
});
after(async () => {
  await collector.close();
});

const start = (
  nodeFlags: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<AgentProcess> => {
  const reporter = `--reporter.grpc.host-port=${collector.addresses.get("Jaeger gRPC")}`;
  return startAgent([reporter, ...flags], nodeFlags);
};

async function countStored(): Promise<number> {
  const answer = await fetch(`http://${collector.addresses.get("admin")}/api/ledger`);
  const { total } = (await answer.json()) as { total: { spans: { stored: number } } };
  return total.spans.stored;
}

test("an agent that is ended under load has forwarded or counted every packet", async () => {
  const agent = await start();
  const before = await countStored();
  const sender = createSocket("udp4");
  sender.connect(agent.port("compact"), "127.0.0.1");
  await once(sender, "connect");
  let sent = 0;
  let refused = 0;
  sender.on("error", () => refused++);
  const packet = batchPacket({ service: "burst", spans: 20, padding: 200 });
  let isEnding = false;
  while (refused === 0 && sent < 20_000) {
    const failed = await new Promise<boolean>((resolve) => {
      sender.send(packet, (error) => resolve(error !== null));
    });
    if (failed) break; // the send that hears of a refused one is not sent
    sent++;
    if (sent === 2_000) {
      agent.child.kill("SIGTERM");
      isEnding = true;
    }
  }
  assert.ok(isEnding);
  assert.deepEqual(await agent.ended, { code: 0, signal: null });
  sender.close();
  const packets = booksOf(agent.log, "packets");
  const spans = booksOf(agent.log, "spans");
  const arrived = packets["received"]! + packets["droppedByKernel"]!;
  // What was sent between the last that was accepted and the refusal that said so.
  assert.ok(arrived >= 2_000 && arrived <= sent, `${arrived} of ${sent}`);
  assert.equal(packets["received"], packets["read"]! + packets["dropped"]!);
  assert.equal(spans["received"], 20 * (packets["received"] ?? 0));
  assert.equal(spans["received"], spans["forwarded"]! + spans["refused"]! + spans["dropped"]!);
  assert.equal((await countStored()) - before, spans["forwarded"]);
});

test("an idle agent is small, and loads nothing that it does not need", async () => {
  const agent = await start(["--import", LIST_MODULES]);
  await agent.end();
  const line = agent.log.find((one) => one.startsWith("MODULES "));
  const urls = JSON.parse(line?.slice("MODULES ".length) ?? "[]") as readonly string[];
  assert.ok(urls.some((url) => url.endsWith("/agent/agent.ts")));
  const needless =
    /\/src\/(?:query|demo|store\/(?:memory|head|block|search|file))\/(?!settings)|\/grpc-js\/|\/re2js\/|\/yaml\/|\/smol-toml\/|\/collector\/(?!settings)|\/src\/otlp\/|\/agent\/(?:otlp-|convert-)/;
  assert.deepEqual(
    urls.filter((url) => needless.test(url)),
    [],
  );
  // With compiled code in the cache, as every start but the first has it.
  const again = await start();
  const { rssAnonBytes } = readProcess(again.pid);
  assert.ok(rssAnonBytes <= IDLE_BYTES_MAX, `${rssAnonBytes} bytes`);
  await again.end();
});

test("an agent in a sidecar's memory takes a steady load, all of it", async () => {
  await (await start()).end(); // compiles what the load needs
  const agent = await start();
  const sender = createSocket("udp4");
  sender.connect(agent.port("compact"), "127.0.0.1");
  await once(sender, "connect");
  const spans = 10;
  const packets = Array.from({ length: 50 }, (_, index) =>
    batchPacket({ service: `load-${index % 5}`, spans, from: 1 + spans * index, padding: 200 }),
  );
  const count = (LOAD_SPANS_PER_SECOND / spans) * LOAD_SECONDS;
  let peakBytes = 0;
  const startMs = performance.now();
  for (let sent = 0; sent < count;) {
    const dueMs = startMs + (sent / count) * LOAD_SECONDS * 1_000;
    await wait(Math.max(0, dueMs - performance.now()));
    for (let burst = 0; burst < 5 && sent < count; burst++) sender.send(packets[sent++ % 50]!);
    peakBytes = Math.max(peakBytes, readProcess(agent.pid).rssAnonBytes);
  }
  sender.close();
  await agent.end();
  assert.equal(booksOf(agent.log, "spans")["forwarded"], count * spans);
  assert.ok(peakBytes <= LOAD_BYTES_MAX, `${peakBytes} bytes`);
});

test("an agent that is asked to takes OTLP, and answers when the collector has the spans", async () => {
  const otlp = ["--agent.otlp.grpc.host-port=", "--agent.otlp.http.host-port=127.0.0.1:0"];
  const agent = await start([], ["--agent.otlp.enabled", ...otlp]);
  const before = await countStored();
  const span = { traceId: "0a".repeat(16), spanId: "0b".repeat(8), name: "by OTLP" };
  const post = (): Promise<Response> =>
    fetch(`http://127.0.0.1:${agent.port("otlp")}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }),
    });
  // Until it has found the collector, it tells a sender to come again.
  let status = 503;
  for (let tries = 0; tries < 100 && status === 503; tries++) ({ status } = await post());
  assert.equal(status, 200);
  assert.equal((await countStored()) - before, 1);
  await agent.end();
  assert.equal(booksOf(agent.log, "spans")["forwarded"], 1);
});
