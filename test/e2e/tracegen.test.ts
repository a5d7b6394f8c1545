// `spoor tracegen` as a person starts it, in every protocol: its report is what the books say, and what
// queries return.
//
//   spoor tracegen ─▶ spoor all-in-one ─▶ ledger, query API
//                └─UDP─▶ spoor agent ─▶ spoor all-in-one ─▶ both ledgers, query API

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { PORTS, type ProtocolName } from "../../src/tracegen/settings.ts";
import { type Report, sumRefused } from "../../src/tracegen/send-counts.ts";
import type { AgentDoor } from "../agent-process.ts";
import { AGENT_WAYS, untilForwarded, useAgents } from "./agent-ways.ts";
import type { JaegerForm } from "./expected-span.ts";
import { type Door, type RunningSpoor, useSpoor } from "./running-spoor.ts";
import { readJaegerTrace } from "./shown-traces.ts";

const root = join(import.meta.dirname, "../..");
const spoor = useSpoor();
const agentOf = useAgents(spoor);

const TRACES = 24;
const SPANS = 12;
const END_MS_MAX = 30_000;

/** Says at the end which of our modules were loaded. */
const LIST_MODULES = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  const seen = [];
  registerHooks({ load(url, context, next) { seen.push(url); return next(url, context); } });
  process.on("exit", () => process.stderr.write(seen.join("\\n")));
`)}`;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function startTracegen(
  flags: readonly string[],
  onOutput: (text: string, kill: () => void) => void = () => undefined,
  nodeFlags: readonly string[] = [],
): Promise<Outcome> {
  const program = [...nodeFlags, join(root, "src/cli/main.ts"), "tracegen"];
  const child = spawn(process.execPath, [...program, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: END_MS_MAX,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    onOutput(stderr, () => child.kill("SIGTERM"));
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

async function send(protocol: ProtocolName, target: string): Promise<Report> {
  const { code, stdout, stderr } = await startTracegen([
    `--protocol=${protocol}`,
    `--target=${target}`,
    `-service=${protocol}`,
    "-services=4",
    "-workers=2",
    `-traces=${TRACES / 2}`,
    `-spans=${SPANS - 1}`,
    "-batch=20",
    "--rate=200",
    "--json",
  ]);
  assert.deepEqual([code, stderr], [0, ""]);
  const report = JSON.parse(stdout) as Report;
  assert.deepEqual([report.protocol, report.target], [protocol, target]);
  assert.deepEqual([report.traces, report.spans.sent], [TRACES, TRACES * SPANS]);
  return report;
}

interface Envelope<T> {
  readonly data: readonly T[];
}

/** Every span of the services, once. */
async function findSpans(
  running: RunningSpoor,
  services: readonly string[],
): Promise<JaegerForm[]> {
  const traces = new Map<string, JaegerForm[]>();
  for (const service of services) {
    const params = { service, limit: "200", lookback: "1h" };
    const { body } = await running.get("queryHttp", "/api/traces", params);
    for (const trace of (body as Envelope<{ traceID: string }>).data) {
      traces.set(trace.traceID, readJaegerTrace(trace));
    }
  }
  assert.equal(traces.size, TRACES);
  for (const spans of traces.values()) {
    assert.equal(spans.length, SPANS);
    const ids = new Set(spans.map(({ spanID }) => spanID));
    assert.equal(ids.size, SPANS);
    const parents = spans.flatMap(({ references }) => references.map(({ spanID }) => spanID));
    assert.equal(parents.length, SPANS - 1, "one root");
    for (const parent of parents) assert.ok(ids.has(parent));
  }
  return [...traces.values()].flat();
}

/** What is shown of each service is what the report says was sent. */
async function compareQueries(report: Report): Promise<void> {
  const sent = report.services.filter((one) => one.sent > 0);
  const spans = await findSpans(
    spoor(),
    sent.map(({ service }) => service),
  );
  const shown = sent.map(({ service }) => [
    service,
    spans.filter(({ serviceName }) => serviceName === service).length,
  ]);
  assert.deepEqual(
    shown,
    sent.map((one) => [one.service, one.sent]),
  );
  assert.ok(sent.length > 2, "services call each other");
  const kinds = new Set(
    spans.flatMap(({ tags }) =>
      tags.filter(({ key }) => key === "span.kind").map((tag) => tag.value),
    ),
  );
  for (const kind of ["client", "server", "internal"]) assert.ok(kinds.has(kind), kind);
}

const answered: Readonly<Partial<Record<ProtocolName, Door>>> = {
  "otlp-grpc": "otlpGrpc",
  "otlp-http": "otlpHttp",
  "otlp-json": "otlpHttp",
  "jaeger-grpc": "jaegerGrpc",
  "jaeger-http": "jaegerHttp",
  tchannel: "tchannel",
  "zipkin-json": "zipkin",
};
const byUdp: Readonly<Partial<Record<ProtocolName, AgentDoor>>> = {
  "jaeger-compact": "compact",
  "jaeger-binary": "binary",
  "zipkin-compact": "zipkin",
};

test("every protocol of tracegen is tested here", () => {
  const tested = [...Object.keys(answered), ...Object.keys(byUdp)];
  assert.deepEqual(tested.toSorted(), Object.keys(PORTS).toSorted());
});

for (const [protocol, door] of Object.entries(answered) as [ProtocolName, Door][]) {
  test(`spoor tracegen by ${protocol} reports what the ledger and queries say`, async () => {
    const before = await spoor().ledger();
    const report = await send(protocol, spoor().address(door));
    assert.equal(report.spans.accepted, report.spans.sent);
    const after = await spoor().checkLedger();
    assert.equal(after.total.spans.stored - before.total.spans.stored, report.spans.accepted);
    assert.equal(after.total.requests.stored - before.total.requests.stored, report.payloads);
    await compareQueries(report);
  });
}

let byAgent = 0;
for (const [protocol, door] of Object.entries(byUdp) as [ProtocolName, AgentDoor][]) {
  test(`spoor tracegen by ${protocol} reports what the agent, the ledger and queries say`, async () => {
    const agent = await agentOf(AGENT_WAYS[0]!);
    const before = await spoor().ledger();
    const packets = (await agent.ledger()).total.packets.received;
    const report = await send(protocol, `127.0.0.1:${agent.port(door)}`);
    assert.equal(report.spans.unacknowledged, report.spans.sent);
    byAgent += report.spans.sent;
    await untilForwarded(agent, byAgent);
    const books = await agent.ledger();
    assert.equal(books.total.packets.received - packets, report.payloads);
    for (const { service, sent } of report.services) {
      const own = books.services.find((one) => one.service === service);
      assert.equal(own?.received ?? 0, sent, service);
    }
    const after = await spoor().checkLedger();
    assert.equal(after.total.spans.stored - before.total.spans.stored, report.spans.sent);
    await compareQueries(report);
  });
}

test("spoor tracegen loads what its protocol needs, and nothing else", async () => {
  for (const [protocol, door, needless] of [
    [
      "otlp-grpc",
      "otlpGrpc",
      /\/src\/(?:wire\/.*(?:thrift|json|zipkin|jaeger)|net\/(?:http|tchannel))/,
    ],
    ["zipkin-json", "zipkin", /\/src\/(?:wire\/.*(?:otlp|thrift-)|net\/(?:grpc|tchannel))/],
    ["tchannel", "tchannel", /\/src\/(?:wire\/.*(?:otlp|json|zipkin)|net\/(?:grpc|http))/],
  ] as const) {
    const flags = [`--protocol=${protocol}`, `--target=${spoor().address(door)}`];
    const imports = ["--import", LIST_MODULES];
    const { code, stderr } = await startTracegen(flags, undefined, imports);
    assert.equal(code, 0, stderr);
    const urls = stderr.split("\n");
    assert.ok(urls.some((url) => url.endsWith("/tracegen/run-tracegen.ts")));
    const roles =
      /\/src\/(?:agent|collector|query|sampling|store|demo)\/(?!.*(?:settings|strategies|shard-folders)\.ts$)/;
    assert.deepEqual(
      urls.filter((url) => needless.test(url) || roles.test(url)),
      [],
      protocol,
    );
  }
});

test("spoor tracegen ends when it is told to, having sent what it made", async () => {
  const before = await spoor().ledger();
  const flags = [`--target=${spoor().address("otlpGrpc")}`, "-duration=1m", "--rate=100"];
  const more = ["--progress=50ms", "-service=told", "-batch=20"];
  const outcome = await startTracegen([...flags, ...more], (text, kill) => {
    if (/accepted [1-9]/.test(text)) kill();
  });
  assert.equal(outcome.code, 0, outcome.stderr);
  const found = /sent (\d+), accepted (\d+), refused 0\n/.exec(outcome.stdout);
  assert.ok(found !== null, outcome.stdout);
  assert.equal(found[1], found[2]);
  const after = await spoor().checkLedger();
  assert.equal(after.total.spans.stored - before.total.spans.stored, Number(found[1]));
});

test("spoor tracegen fails if something was refused, and says why", async () => {
  // A door that takes traces by another path alone.
  const flags = ["--protocol=zipkin-json", `--target=${spoor().address("otlpHttp")}`, "--json"];
  const { code, stdout } = await startTracegen(flags);
  assert.equal(code, 1);
  const report = JSON.parse(stdout) as Report;
  assert.deepEqual(report.spans.refused, { unsupported: 10 });
  assert.equal(sumRefused(report.spans), 10);
  assert.match(report.firstRefusal, /HTTP status 404/);
});

test("spoor tracegen says in one line that nobody is there, or that a flag is unknown", async () => {
  const nobody = await startTracegen(["--target=127.0.0.1:1"]);
  assert.deepEqual([nobody.code, nobody.stdout], [1, ""]);
  assert.match(nobody.stderr, /^spoor: nobody takes spans at 127\.0\.0\.1:1: .*\n$/);
  const unknown = await startTracegen(["--rat=5"]);
  assert.deepEqual([unknown.code, unknown.stdout], [1, ""]);
  assert.match(unknown.stderr, /^spoor: .*--rat\b.*--rate.*\n$/);
});
