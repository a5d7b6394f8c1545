// `spoor demo` as a person starts it: the shop opens, its traces are connected across all six services, the
// calls between them are shown, and it ends by itself or when it is told to, and nothing is left running.
//
//   demo ─▶ a Spoor that runs     demo ─▶ none runs: it starts one, and ends it

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import type { JaegerForm } from "./expected-span.ts";
import { findFreePorts } from "./free-ports.ts";
import { type RunningSpoor, useSpoor, waitFor } from "./running-spoor.ts";
import { readJaegerTrace } from "./shown-traces.ts";

const root = join(import.meta.dirname, "../..");
const spoor = useSpoor();

/** Who calls whom, as drawn in src/demo/shop.ts. */
const CALLS = [
  ["cart", "catalog"],
  ["checkout", "payment"],
  ["checkout", "shipping"],
  ["frontend", "cart"],
  ["frontend", "checkout"],
] as const;
const SERVICES = ["cart", "catalog", "checkout", "frontend", "payment", "shipping"];

/** Longer than the slowest request of the shop. */
const END_MS_MAX = 40_000;

interface Demo {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<unknown[]>;
}

function startDemo(flags: readonly string[], env: Readonly<Record<string, string>> = {}): Demo {
  const child = spawn(process.execPath, [join(root, "src/cli/main.ts"), "demo", ...flags], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
    timeout: END_MS_MAX,
    killSignal: "SIGKILL",
  });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  return { child, output: () => output, ended: once(child, "exit") };
}

function flagsFor(running: RunningSpoor): string[] {
  return [
    `--demo.otlp-grpc=${running.address("otlpGrpc")}`,
    `--demo.otlp-http=${running.address("otlpHttp")}`,
    `--demo.query=${running.address("queryHttp")}`,
  ];
}

interface Envelope<T> {
  readonly data: readonly T[];
}

/** A trace that went through the whole shop. */
async function findWholeTrace(running: RunningSpoor): Promise<JaegerForm[] | undefined> {
  const params = { service: "frontend", limit: "200" };
  const { body } = await running.get("queryHttp", "/api/traces", params);
  return (body as Envelope<unknown>).data
    .map(readJaegerTrace)
    .find((spans) => new Set(spans.map((span) => span.serviceName)).size === SERVICES.length);
}

/** The mark of spans that came as Jaeger's Thrift. */
function isFromJaegerClient({ tags }: JaegerForm): boolean {
  return tags.some(({ key, value }) => key === "@jaeger@format" && value === "jaeger");
}

async function countSpans(
  running: RunningSpoor,
  counts: (span: JaegerForm) => boolean,
): Promise<number> {
  const params = { service: "frontend", limit: "1000" };
  const { body } = await running.get("queryHttp", "/api/traces", params);
  return (body as Envelope<unknown>).data.flatMap(readJaegerTrace).filter(counts).length;
}

test("spoor demo sends connected traces of six services, and ends after --demo.duration", async () => {
  const demo = startDemo([...flagsFor(spoor()), "--demo.rate=20", "--demo.duration=4s"]);
  assert.deepEqual(await demo.ended, [0, null], demo.output());
  assert.match(demo.output(), /the shop is open/);
  assert.match(demo.output(), /the shop is closed {2}sent=\d\d/);

  const { body } = await spoor().get("queryHttp", "/api/services");
  assert.deepEqual((body as Envelope<string>).data.toSorted(), SERVICES);

  const spans = await findWholeTrace(spoor());
  assert(spans !== undefined, "no trace has spans of all services");
  const byId = new Map(spans.map((span) => [span.spanID, span]));
  const parents = spans.map((span) => byId.get(span.references[0]?.spanID ?? ""));
  const roots = spans.filter((_, at) => parents[at] === undefined);
  assert.deepEqual(
    roots.map(({ serviceName, references }) => [serviceName, references]),
    [["frontend", []]],
    "every other span has its parent in the trace",
  );
  const between = spans.flatMap((span, at) => {
    const parent = parents[at];
    const isCall = parent !== undefined && parent.serviceName !== span.serviceName;
    return isCall ? [`${parent.serviceName} ${span.serviceName}`] : [];
  });
  assert.deepEqual(
    between.toSorted(),
    CALLS.map((call) => call.join(" ")),
  );
  for (const { warnings, operationName } of spans) assert.deepEqual(warnings, [], operationName);

  // Half of them have our client and send by UDP to the demo's agent, which says what it forwarded.
  const byUdp = spans.filter(isFromJaegerClient);
  const clients = new Set(byUdp.map(({ serviceName }) => serviceName));
  assert.deepEqual([...clients].toSorted(), ["cart", "checkout", "shipping"]);
  const calls = byUdp.filter(({ tags }) => tags.some(({ key }) => key === "grpc.method"));
  assert.deepEqual(
    calls.map(({ serviceName, operationName }) => `${serviceName} ${operationName}`).toSorted(),
    ["checkout /shop.checkout/PlaceOrder", "checkout /shop.payment/Charge"],
    "gRPC calls, from and to a service with the SDK",
  );
  const books = /spans of this run +received=(\d+) +forwarded=(\d+) +refused=0 +dropped=0/.exec(
    demo.output(),
  );
  assert(books !== null, demo.output());
  assert.equal(books[1], books[2]);
  assert.equal(Number(books[1]), await countSpans(spoor(), isFromJaegerClient));
});

test("the demo's calls are the dependencies of its services", async () => {
  const { body } = await spoor().get("queryHttp", "/api/dependencies", {
    endTs: String(Date.now()),
  });
  const links = (body as Envelope<{ parent: string; child: string; callCount: number }>).data;
  assert.deepEqual(
    links.map(({ parent, child }) => `${parent} ${child}`).toSorted(),
    CALLS.map((call) => call.join(" ")),
  );
  for (const { callCount } of links) assert(callCount > 10, `${callCount} calls`);
});

test("spoor demo ends when it is told to", async () => {
  const demo = startDemo([...flagsFor(spoor()), "--demo.rate=20"]);
  await waitFor("the shop to open", () => (/shop is open/.test(demo.output()) ? true : undefined));
  demo.child.kill("SIGINT");
  assert.deepEqual(await demo.ended, [0, null], demo.output());
});

test("spoor demo starts a Spoor where none runs, and leaves none behind", async () => {
  const [grpc, http, query] = await findFreePorts(3);
  const any = "127.0.0.1:0";
  const demo = startDemo(
    [
      `--demo.otlp-grpc=127.0.0.1:${grpc}`,
      `--demo.otlp-http=127.0.0.1:${http}`,
      `--demo.query=127.0.0.1:${query}`,
      "--demo.rate=20",
    ],
    {
      COLLECTOR_GRPC_SERVER_HOST_PORT: any,
      COLLECTOR_HTTP_SERVER_HOST_PORT: any,
      COLLECTOR_ZIPKIN_HOST_PORT: any,
      QUERY_GRPC_SERVER_HOST_PORT: any,
      ADMIN_HTTP_HOST_PORT: any,
    },
  );
  const url = `http://127.0.0.1:${query}/api/services`;
  await waitFor("spans of all services", async () => {
    const answer = await fetch(url).catch(() => undefined);
    const { data } =
      answer === undefined ? { data: [] } : ((await answer.json()) as Envelope<string>);
    return (data ?? []).length === SERVICES.length ? true : undefined;
  });
  demo.child.kill("SIGINT");
  assert.deepEqual(await demo.ended, [0, null], demo.output());
  await assert.rejects(fetch(url), "the Spoor that the demo started has ended");
});

test("spoor demo refuses settings that it does not know, in one line", async () => {
  const demo = startDemo(["--demo.rat=7"]);
  assert.deepEqual(await demo.ended, [1, null]);
  assert.match(demo.output(), /^spoor: .*demo\.rat\b.*demo\.rate.*\n$/);
});
