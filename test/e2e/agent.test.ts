// The agent as a process: a real client by UDP, a real collector behind it, and its end under load.
//
//   jaeger-client, packets ─UDP─▶ spoor agent ─gRPC─▶ spoor all-in-one ─▶ its ledger, its query API

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { batchPacket } from "../agent-packets.ts";
import { readProcess } from "../read-process.ts";
import { type SpoorProcess, startSpoor } from "../spoor-process.ts";

interface JaegerClient {
  initTracer(
    config: object,
    options: object,
  ): {
    startSpan(name: string): { setTag(key: string, value: unknown): void; finish(): void };
    close(done: () => void): void;
  };
}

const jaeger = createRequire(import.meta.url)("jaeger-client") as JaegerClient;
const root = new URL("../..", import.meta.url).pathname;

/** Unreclaimable memory of an idle agent. */
const IDLE_BYTES_MAX = 35 * 1024 * 1024;

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

interface AgentProcess {
  readonly child: ChildProcess;
  readonly log: readonly string[];
  readonly ended: Promise<number | null>;
  port(name: string): number;
}

async function startAgent(nodeFlags: readonly string[] = []): Promise<AgentProcess> {
  const doors = ["jaeger-compact", "jaeger-binary", "zipkin-compact"];
  const child = spawn(
    process.execPath,
    [
      ...nodeFlags,
      `${root}src/cli/main.ts`,
      "agent",
      "--log-encoding=json",
      ...doors.map((door) => `--processor.${door}.server-host-port=127.0.0.1:0`),
      "--http-server.host-port=127.0.0.1:0",
      "--admin.http.host-port=127.0.0.1:0",
      `--reporter.grpc.host-port=${collector.addresses.get("Jaeger gRPC")}`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const log: string[] = [];
  const ready = Promise.withResolvers<void>();
  const lines = createInterface({ input: child.stderr });
  lines.on("line", (line) => {
    log.push(line);
    if (line.includes('"Spoor is ready"')) ready.resolve();
  });
  lines.on("close", () => ready.reject(new Error(log.join("\n"))));
  await ready.promise;
  const port = (name: string): number => {
    const line = log.find((one) => one.includes(`"msg":"${name}"`)) ?? "{}";
    const { at = "" } = JSON.parse(line) as { at?: string };
    return Number(at.split(":").at(-1));
  };
  return { child, log, ended, port };
}

/** The last words of an agent about its spans. */
function booksOf(log: readonly string[], what: string): Readonly<Record<string, number>> {
  const line = log.find((one) => one.includes(`"msg":"${what} of this run"`));
  assert.ok(line !== undefined, log.slice(-5).join("\n"));
  return JSON.parse(line) as Readonly<Record<string, number>>;
}

async function end({ child, ended }: AgentProcess): Promise<void> {
  child.kill("SIGTERM");
  assert.equal(await ended, 0);
}

async function countStored(): Promise<number> {
  const answer = await fetch(`http://${collector.addresses.get("admin")}/api/ledger`);
  const { total } = (await answer.json()) as { total: { spans: { stored: number } } };
  return total.spans.stored;
}

test("npm jaeger-client's spans go by UDP through the agent to the query API", async () => {
  const agent = await startAgent();
  const tracer = jaeger.initTracer(
    {
      serviceName: "by-udp",
      sampler: { type: "const", param: 1 },
      reporter: { agentHost: "127.0.0.1", agentPort: agent.port("Jaeger UDP (binary)") },
    },
    { tags: { floor: 3 } },
  );
  for (let index = 0; index < 10; index++) {
    const span = tracer.startSpan(`op ${index}`);
    span.setTag("index", index);
    span.finish();
  }
  await new Promise<void>((resolve) => {
    tracer.close(resolve);
  });
  await end(agent);
  assert.equal(booksOf(agent.log, "spans")["forwarded"], 10);
  const query = collector.addresses.get("query HTTP") ?? collector.addresses.get("Query HTTP");
  const found = await fetch(`http://${query}/api/traces?service=by-udp&limit=20&lookback=1h`);
  const { data } = (await found.json()) as {
    data: readonly {
      spans: readonly { operationName: string; tags: readonly { key: string; value: unknown }[] }[];
      processes: Readonly<Record<string, { tags: readonly { key: string; value: unknown }[] }>>;
    }[];
  };
  const names = data.flatMap(({ spans }) => spans.map(({ operationName }) => operationName));
  assert.deepEqual(
    names.sort(),
    Array.from({ length: 10 }, (_, index) => `op ${index}`),
  );
  const [{ spans, processes } = { spans: [], processes: {} }] = data;
  const index = spans[0]?.tags.find(({ key }) => key === "index")?.value;
  assert.equal(`op ${String(index)}`, spans[0]?.operationName);
  const tags = Object.values(processes)[0]?.tags ?? [];
  assert.equal(tags.find(({ key }) => key === "floor")?.value, 3);
});

test("an agent that is ended under load has forwarded or counted every packet", async () => {
  const agent = await startAgent();
  const before = await countStored();
  const sender = createSocket("udp4");
  sender.connect(agent.port("Jaeger UDP (compact)"), "127.0.0.1");
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
  assert.equal(await agent.ended, 0);
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
  const agent = await startAgent(["--import", LIST_MODULES]);
  await end(agent);
  const line = agent.log.find((one) => one.startsWith("MODULES "));
  const urls = JSON.parse(line?.slice("MODULES ".length) ?? "[]") as readonly string[];
  assert.ok(urls.some((url) => url.endsWith("/agent/agent.ts")));
  const needless =
    /\/src\/(?:query|demo|store\/(?:memory|head|block|search|file))\/(?!settings)|\/grpc-js\/|\/re2js\/|\/yaml\/|\/smol-toml\/|\/collector\/(?!settings)/;
  assert.deepEqual(
    urls.filter((url) => needless.test(url)),
    [],
  );
  // With compiled code in the cache, as every start but the first has it.
  const again = await startAgent();
  const { rssAnonBytes } = readProcess(again.child.pid!);
  assert.ok(rssAnonBytes <= IDLE_BYTES_MAX, `${rssAnonBytes} bytes`);
  await end(again);
});
