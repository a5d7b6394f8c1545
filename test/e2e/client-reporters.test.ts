// Each way out of the client, to real processes, counted there: an application that ends by itself has
// delivered every span, and one whose agent or collector is dead, deaf or mad ends all the same.
//
//   finish-and-end.ts ─ UDP 6831, 6832 ─▶ spoor agent ─ gRPC ─▶ spoor     ledger: + exactly so many
//                     ├ thrift over HTTP 14268 ────────────────────▶
//                     └ OTLP over HTTP 4318 ───────────────────────▶
//
// Not here: what a span is on each way (src/client/reporters), the chain of services (client-chain.test.ts).

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { type AgentProcess, startAgent } from "../agent-process.ts";
import { type SpoorProcess, startSpoor } from "../spoor-process.ts";
import { findFreePorts } from "./free-ports.ts";

const root = join(import.meta.dirname, "../..");
const program = join(import.meta.dirname, "reporting/finish-and-end.ts");
const run = promisify(execFile);

const SPANS = 3_000;
/** From the last span to the end of a process with an empty loop: its flush, and a loaded machine. */
const END_MS_MAX = 1_500;
/** The same when the peer takes the connection and never answers: what a flush at the end may take. */
const DEAF_MS_MAX = 4_000;
const LOOKS_MAX = 200;

let spoor: SpoorProcess;
let agent: AgentProcess;

before(async () => {
  spoor = await startSpoor(root, ["--span-storage.type=memory"]);
  agent = await startAgent([`--reporter.grpc.host-port=${spoor.addresses.get("Jaeger gRPC")}`]);
});
after(async () => {
  await agent.end();
  await spoor.close();
});

async function countStored(): Promise<number> {
  const answer = await fetch(`http://${spoor.addresses.get("admin")}/api/ledger`);
  const { total } = (await answer.json()) as { total: { spans: { stored: number } } };
  return total.spans.stored;
}

/** @returns ms that the process lived after its last span. */
async function finishAndEnd(
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<number> {
  const { stdout, stderr } = await run(process.execPath, [program, ...args], {
    env: {
      PATH: process.env["PATH"],
      JAEGER_SERVICE_NAME: "ends",
      JAEGER_SAMPLER_TYPE: "const",
      JAEGER_SAMPLER_PARAM: "1",
      ...env,
    },
    timeout: 20_000,
  });
  assert.equal(stderr, "");
  return Number(stdout);
}

async function checkDelivered(
  env: Readonly<Record<string, string>>,
  spans: number,
  ...more: readonly string[]
): Promise<void> {
  const before = await countStored();
  const lastedMs = await finishAndEnd(env, `${spans}`, ...more);
  assert.ok(lastedMs < END_MS_MAX, `${lastedMs} ms`);
  const expected = before + spans + more.length;
  for (let look = 0; (await countStored()) < expected && look < LOOKS_MAX; look++) await wait(20);
  assert.equal(await countStored(), expected);
}

const at = (port: number): Record<string, string> => ({
  JAEGER_AGENT_HOST: "127.0.0.1",
  JAEGER_AGENT_PORT: `${port}`,
});
/** By how its line in the log begins. */
function endpointOf(name: string): string {
  const found = [...spoor.addresses].find(([what]) => what.toLowerCase().startsWith(name));
  assert.ok(found !== undefined, name);
  return `http://${found[1]}`;
}

test("a process that ends has delivered its spans by UDP to the agent", async () => {
  await checkDelivered(at(agent.port("compact")), 1);
  await checkDelivered(at(agent.port("compact")), SPANS);
  assert.equal((await agent.ledger()).total.packets.dropped["bad-packet"], 0);
});

test("a process that ends has delivered its spans by thrift over HTTP", async () => {
  const env = { JAEGER_ENDPOINT: `${endpointOf("jaeger http")}/api/traces` };
  await checkDelivered(env, 1);
  await checkDelivered(env, SPANS, "large");
});

test("a process that ends has delivered its spans by OTLP over HTTP", async () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: endpointOf("otlp http") };
  await checkDelivered(env, 1);
  await checkDelivered(env, SPANS, "large");
});

test("a span too large for a packet goes cut by UDP, whole by OTLP beside it", async () => {
  await checkDelivered(at(agent.port("compact")), 10, "large");
  assert.deepEqual(await findLarge(), { cut: true, chars: 1_024 });
  const env = {
    ...at(agent.port("compact")),
    OTEL_EXPORTER_OTLP_ENDPOINT: endpointOf("otlp http"),
    JAEGER_SERVICE_NAME: "whole",
  };
  await checkDelivered(env, 10, "large");
  assert.deepEqual(await findLarge("whole"), { cut: false, chars: 30_000 });
});

test("a process ends in time whatever its agent or collector does", async () => {
  const [dead] = await findFreePorts(1);
  const lasted = async (env: Readonly<Record<string, string>>): Promise<number> =>
    finishAndEnd(env, "700", "large");
  const nobody = [
    at(dead!),
    { JAEGER_AGENT_HOST: "no-such-host.invalid" },
    { JAEGER_ENDPOINT: `http://127.0.0.1:${dead}/api/traces` },
    { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${dead}` },
  ];
  for (const env of nobody) {
    const ms = await lasted(env);
    assert.ok(ms < END_MS_MAX, `${JSON.stringify(env)}: ${ms} ms`);
  }
  const peers: readonly ((socket: Socket) => void)[] = [
    () => {},
    (socket) => socket.end("garbage"),
    (socket) => void socket.write(`HTTP/1.1 200 OK\r\n\r\n${"x".repeat(1_000_000)}`),
  ];
  for (const onSocket of peers) {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      onSocket(socket);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const ms = await lasted({ JAEGER_ENDPOINT: `http://127.0.0.1:${port}/api/traces` });
    assert.ok(ms < DEAF_MS_MAX, `${ms} ms`);
    server.close();
  }
});

interface ShownTrace {
  readonly spans: readonly { tags: readonly { key: string; value: unknown }[] }[];
}

async function findLarge(service = "ends"): Promise<{ cut: boolean; chars: number }> {
  const query = `service=${service}&operation=large&limit=1`;
  const answer = await fetch(`${endpointOf("query http")}/api/traces?${query}`);
  const { data } = (await answer.json()) as { data: readonly ShownTrace[] };
  const tags = new Map(data[0]!.spans[0]!.tags.map(({ key, value }) => [key, value]));
  return { cut: tags.has("spoor.cut"), chars: String(tags.get("text 0")).length };
}
