// Spoor as a process: when it says that it is ready, how it ends under load, what it says when it cannot start.
//
//   start ─▶ 503 ─▶ 200 ─▶ SIGTERM ─▶ 503, what came is finished ─▶ books ─▶ exit 0
//                             └▶ second signal ─▶ exit 143 at once
//
// Each test starts its own. Not here: the supervisor's and the settings' own rules (src/cli, src/base).

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openRawPeer } from "../raw-peer.ts";
import { findFreePorts } from "./free-ports.ts";
import { type RunningSpoor, openSpoor, waitFor } from "./running-spoor.ts";
import { TARGETS, type Target, findTarget } from "./targets.ts";

const root = join(import.meta.dirname, "../..");

/** The default of --shutdown.grace, and what closing may take beyond. */
const END_MS_MAX = 12_000;
const START_MS_MAX = 20_000;

async function open(t: TestContext, ...flags: string[]): Promise<RunningSpoor> {
  const spoor = await openSpoor(...flags);
  t.after(() => spoor.process.close());
  return spoor;
}

interface Books {
  readonly received: number;
  readonly stored: number;
  readonly refused: number;
  readonly dropped: number;
  readonly inFlight: number;
}

/** The last line about spans; it must balance. */
function readBooks({ process }: RunningSpoor): Books {
  const lines = process.log.filter((line) => line.includes('"spans of this run"'));
  assert.equal(lines.length, 1, process.log.slice(-5).join("\n"));
  const books = JSON.parse(lines[0]!) as Books;
  const { received, stored, refused, dropped, inFlight } = books;
  assert.equal(received, stored + refused + dropped + inFlight);
  assert.deepEqual({ dropped, inFlight }, { dropped: 0, inFlight: 0 });
  return books;
}

/** How many spans the target's first sample has. */
async function countSpans(spoor: RunningSpoor, target: Target): Promise<number> {
  const before = (await spoor.ledger()).total.spans.stored;
  const { outcome, answer } = await target.send(spoor, target.samples[0]!);
  assert.equal(outcome, "accepted", answer);
  return (await spoor.ledger()).total.spans.stored - before;
}

test("the end under load loses no span that was acknowledged", async (t) => {
  const LANES = 3;
  const spoor = await open(t);
  let acknowledged = 0;
  let accepted = 0;
  let isEnding = false;
  const load = async (target: Target, spans: number): Promise<void> => {
    for (;;) {
      // Goes on until the end refuses it or cuts it off; it was not told "accepted" then.
      const { outcome } = await target
        .send(spoor, target.samples[0]!)
        .catch(() => ({ outcome: "refused" as const }));
      if (outcome !== "accepted") {
        assert(isEnding, `${target.name} was refused before the end`);
        return;
      }
      acknowledged += spans;
      accepted++;
    }
  };
  const counted: (readonly [Target, number])[] = [];
  for (const target of TARGETS) counted.push([target, await countSpans(spoor, target)]);
  acknowledged += counted.reduce((sum, [, spans]) => sum + spans, 0);

  const lanes = counted.flatMap(([target, spans]) =>
    Array.from({ length: LANES }, () => load(target, spans)),
  );
  await waitFor("load", () => (accepted > 500 ? true : undefined));
  const startMs = performance.now();
  isEnding = true;
  spoor.process.signal("SIGTERM");
  const exit = await spoor.process.ended;
  const tookMs = performance.now() - startMs;
  await Promise.all(lanes);

  assert.deepEqual(exit, { code: 0, signal: null });
  assert(tookMs < END_MS_MAX, `the end took ${tookMs} ms`);
  const { stored } = readBooks(spoor);
  t.diagnostic(`${stored} spans stored, ${acknowledged} acknowledged, ${accepted} requests`);
  assert(stored >= acknowledged, `${stored} stored, ${acknowledged} acknowledged`);
});

const TRACE = findTarget("OTLP HTTP protobuf").samples[0]!;
const HALF = TRACE.length >> 1;

/** A request that is half sent. */
async function openHalfSent(spoor: RunningSpoor): Promise<Awaited<ReturnType<typeof openRawPeer>>> {
  const peer = await openRawPeer(Number(spoor.address("otlpHttp").split(":")[1]));
  peer.write(
    `POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\n` +
      `Content-Length: ${TRACE.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  await peer.until("100 Continue"); // so it is under way
  peer.write(TRACE.subarray(0, HALF));
  return peer;
}

function waitForStatus(spoor: RunningSpoor, wanted: number): Promise<true> {
  return waitFor(`${wanted} of the admin port`, async () => {
    const { status } = await spoor.get("admin", "/");
    return status === wanted ? true : undefined;
  });
}

test("a request that is under way at SIGTERM is finished, while health says 503", async (t) => {
  const spoor = await open(t);
  const spans = await countSpans(spoor, findTarget("OTLP HTTP protobuf"));
  const peer = await openHalfSent(spoor);
  await waitForStatus(spoor, 200);
  spoor.process.signal("SIGTERM");
  await waitForStatus(spoor, 503);
  await assert.rejects(fetch(spoor.url("otlpHttp", "/v1/traces")), "no new connection is accepted");
  peer.write(TRACE.subarray(HALF));
  assert.match(await peer.untilClosed(), /^HTTP\/1\.1 200 OK\r\n/m);
  assert.deepEqual(await spoor.process.ended, { code: 0, signal: null });
  assert.equal(readBooks(spoor).stored, 2 * spans);
});

test("a request that never ends is cut off after the grace, with exit code 0", async (t) => {
  const spoor = await open(t, "--shutdown.grace=500ms");
  const peer = await openHalfSent(spoor);
  const startMs = performance.now();
  spoor.process.signal("SIGINT");
  assert.deepEqual(await spoor.process.ended, { code: 0, signal: null });
  const tookMs = performance.now() - startMs;
  assert(tookMs > 450 && tookMs < 4_000, `the end took ${tookMs} ms`);
  await peer.untilClosed();
  assert.equal(readBooks(spoor).stored, 0);
});

test("a second signal ends the process at once", async (t) => {
  const spoor = await open(t, "--shutdown.grace=1h");
  const peer = await openHalfSent(spoor);
  spoor.process.signal("SIGTERM");
  await waitForStatus(spoor, 503);
  spoor.process.signal("SIGTERM");
  assert.deepEqual(await spoor.process.ended, { code: 143, signal: null });
  await peer.untilClosed();
});

test("health says 200 only when every door is open", async (t) => {
  const [admin, otlp, query] = await findFreePorts(3);
  const starting = openSpoor(
    `--admin.http.host-port=127.0.0.1:${admin}`,
    `--collector.otlp.http.host-port=127.0.0.1:${otlp}`,
    `--query.http-server.host-port=127.0.0.1:${query}`,
  );
  t.after(async () => (await starting).process.close());
  const seen: number[] = [];
  await waitFor("200 of the admin port", async () => {
    const answer = await fetch(`http://127.0.0.1:${admin}/`).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer !== undefined) seen.push(answer.status);
    return answer?.status === 200 ? true : undefined;
  });
  assert(
    seen.slice(0, -1).every((status) => status === 503),
    `statuses ${seen.join()}`,
  );

  const headers = { "content-type": "application/x-protobuf" };
  const url = `http://127.0.0.1:${otlp}/v1/traces`;
  const sent = await fetch(url, { method: "POST", headers, body: Buffer.from(TRACE) });
  assert.equal(sent.status, 200);
  const asked = await fetch(`http://127.0.0.1:${query}/api/services`);
  assert.equal(asked.status, 200);
  const { data } = (await asked.json()) as { data: string[] };
  assert(data.length > 0, "what was sent can be asked for");
});

interface Ended {
  readonly code: number;
  /** Standard error without the log's lines. */
  readonly said: string;
}

async function runToEnd(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const child = spawn(process.execPath, [join(root, "src/cli/main.ts"), ...args], {
    env: { ...process.env, SPAN_STORAGE_TYPE: "memory", ...env },
    stdio: ["ignore", "ignore", "pipe"],
    timeout: START_MS_MAX,
    killSignal: "SIGKILL",
  });
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => (text += part));
  const [code] = (await once(child, "close")) as [number];
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
  return { code, said: lines.join("\n") };
}

const wrongStarts: readonly {
  readonly what: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly said: RegExp;
}[] = [
  {
    what: "an unknown flag",
    args: ["all-in-one", "--collector.que-size=1"],
    said: /unknown flag --collector\.que-size; the nearest known is --collector\.queue-size/,
  },
  {
    what: "a flag without its value",
    args: ["--collector.zipkin.host-port"],
    said: /flag --collector\.zipkin\.host-port needs a value/,
  },
  {
    what: "a bad value of a flag",
    args: ["--memory.max-bytes=lots"],
    said: /bad value "lots" of memory\.max-bytes \(flag --memory\.max-bytes\): expected a number/,
  },
  {
    what: "a bad value in the environment",
    args: ["collector"],
    env: { COLLECTOR_OTLP_GRPC_HOST_PORT: "127.0.0.1:66000" },
    said: /bad value "127\.0\.0\.1:66000" of collector\.otlp\.grpc\.host-port \(.*COLLECTOR_OTLP_GRPC_HOST_PORT\)/,
  },
  {
    what: "a settings file that is not there",
    args: ["--config-file=no/such/file.yaml"],
    said: /config-file no\/such\/file\.yaml: ENOENT/,
  },
  {
    what: "an unknown command",
    args: ["colector"],
    said: /unknown command "colector"; .*collector/,
  },
  {
    what: "a host that is not of this machine",
    args: ["--admin.http.host-port=203.0.113.7:0"],
    said: /admin cannot listen on 203\.0\.113\.7:0/,
  },
];

for (const { what, args, env, said } of wrongStarts) {
  test(`${what} ends the start with one line`, async () => {
    const ended = await runToEnd(args, env);
    assert.equal(ended.code, 1);
    assert.match(ended.said, /^spoor: [^\n]+$/);
    assert.match(ended.said, said);
  });
}

const doorSettings: readonly (readonly [setting: string, door: string])[] = [
  ["collector.otlp.grpc", "otlp-grpc"],
  ["collector.otlp.http", "otlp-http"],
  ["collector.grpc-server", "jaeger-grpc"],
  ["collector.http-server", "jaeger-http"],
  ["collector.tchan-server", "tchannel"],
  ["collector.zipkin", "zipkin"],
  ["query.http-server", "query-http"],
  ["query.grpc-server", "query-grpc"],
  ["http-server", "sampling-http"],
  ["sampling.grpc-server", "sampling-grpc"],
  ["admin.http", "admin"],
];

test("a port that is taken ends the start with one line, whichever door wants it", async (t) => {
  const holder = createServer().listen(0, "127.0.0.1");
  t.after(() => holder.close());
  await once(holder, "listening");
  const { port } = holder.address() as { port: number };
  for (const [taken, door] of doorSettings) {
    const flags = doorSettings.map(
      ([name]) => `--${name}.host-port=127.0.0.1:${name === taken ? port : 0}`,
    );
    const { code, said } = await runToEnd(["all-in-one", ...flags]);
    assert.equal(code, 1, said);
    assert.equal(said, `spoor: ${door} cannot listen on 127.0.0.1:${port}: the port is taken`);
  }
});
