// The way of a span from an application to a query, as it was with Jaeger: two processes whose tracers come from
// the environment and whose gRPC calls are traced by interceptors.
//
//   chain/caller.ts ─gRPC─▶ chain/service.ts
//        └───── UDP 6831 ──────┴─▶ spoor agent ─ TChannel 14267 ─▶ spoor, embedded engine ─▶ query API
//
// Not here: kinds of failure (src/client/grpc), other ways from the agent (go-jaeger-client.test.ts).

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { text } from "node:stream/consumers";
import { AGENT_WAYS, untilForwarded, useAgents } from "./agent-ways.ts";
import type { JaegerForm } from "./expected-span.ts";
import { useSpoor } from "./running-spoor.ts";
import { readJaegerTrace } from "./shown-traces.ts";

const folder = join(import.meta.dirname, "chain");
const root = join(import.meta.dirname, "../..");

const END_MS_MAX = 20_000;

const spoor = useSpoor("--span-storage.type=segment");
const openAgent = useAgents(spoor);

type Environment = Readonly<Record<string, string>>;

function start(program: string, args: readonly string[], env: Environment): ChildProcess {
  return spawn(process.execPath, [join(folder, program), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "inherit"],
    timeout: END_MS_MAX,
    killSignal: "SIGKILL",
  });
}

/** @returns the caller's trace id; both processes have ended, and with them their tracers. */
async function runChain(env: Environment): Promise<string> {
  const service = start("service.ts", [], {
    ...env,
    JAEGER_SERVICE_NAME: "notes",
    JAEGER_TAGS: "zone=a,home=${CHAIN_HOME:nowhere}",
  });
  const [port] = (await once(service.stdout!, "data")) as [Buffer];
  const caller = start("caller.ts", [String(port).trim()], {
    ...env,
    JAEGER_SERVICE_NAME: "visitor",
    JAEGER_TAGS: "zone=b,home=${CHAIN_HOME:nowhere}",
    CHAIN_HOME: "here",
  });
  const [said] = await Promise.all([text(caller.stdout!), once(caller, "exit")]);
  service.stdin!.end();
  if (service.exitCode === null) await once(service, "exit");
  assert.deepEqual([caller.exitCode, service.exitCode], [0, 0]);
  return said.trim();
}

interface Shape {
  readonly service: string;
  readonly name: string;
  readonly tags: Readonly<Record<string, unknown>>;
  readonly logs: readonly Readonly<Record<string, unknown>>[];
  readonly children: readonly Shape[];
}

const fieldsOf = (tags: JaegerForm["tags"]): Record<string, unknown> =>
  Object.fromEntries(tags.map(({ key, value }) => [key, value]));

/** A span with those under it, in the order of their starts. */
function shapeOf(span: JaegerForm, all: readonly JaegerForm[]): Shape {
  const { "@jaeger@format": format, ...tags } = fieldsOf(span.tags);
  assert.equal(format, "jaeger", "came as Thrift, through TChannel");
  const children = all.filter((one) => one.references.some(({ spanID }) => spanID === span.spanID));
  for (const { references } of children) assert.equal(references[0]?.refType, "CHILD_OF");
  return {
    service: span.serviceName,
    name: span.operationName,
    tags,
    logs: span.logs.map(({ fields }) => fieldsOf(fields)),
    children: children
      .toSorted((a, b) => Number(a.start) - Number(b.start))
      .map((child) => shapeOf(child, all)),
  };
}

/** Both sides of a call, and what the handler did. */
function expectCall(
  method: string,
  request: string,
  messages: { sent: number; received: number },
  failure?: string,
): Shape {
  const name = `/chain.Notes/${method}`;
  const common = { component: "gRPC", "grpc.method": name, "grpc.code": failure ? 3 : 0 };
  // The second one is what a query says of the first.
  const error = failure === undefined ? {} : { error: true, "otel.status_code": "ERROR" };
  const errorLogs =
    failure === undefined
      ? []
      : [
          {
            event: "error",
            "error.kind": "INVALID_ARGUMENT",
            message: `3 INVALID_ARGUMENT: ${failure}`,
          },
        ];
  const log = (type: string, id: number): object => ({
    event: "message",
    "message.type": type,
    "message.id": id,
  });
  const list = (type: string, count: number): object[] =>
    Array.from({ length: count }, (_, at) => log(type, at + 1));
  const store: Shape = {
    service: "notes",
    name: `store ${method}`,
    tags: { tenant: "north" },
    logs: [{ event: "stored", name: method }],
    children: [],
  };
  const server: Shape = {
    service: "notes",
    name,
    tags: {
      ...common,
      ...error,
      "span.kind": "server",
      "note.text": request,
      "peer.address": "(local)",
      ...(method === "Fail" ? { "is.bad": true } : {}),
    },
    logs: [
      ...list("received", messages.received),
      ...list("sent", messages.sent),
      ...errorLogs,
    ] as Shape["logs"],
    children: [store],
  };
  return {
    service: "visitor",
    name,
    tags: { ...common, ...error, "span.kind": "client", "peer.address": "(local)" },
    logs: errorLogs,
    children: [server],
  };
}

/** Addresses differ from run to run; that there is one does not. */
function withoutPorts(shape: Shape): Shape {
  const tags = Object.fromEntries(
    Object.entries(shape.tags).map(([key, value]) => [
      key,
      key === "peer.address" && String(value).startsWith("127.0.0.1:") ? "(local)" : value,
    ]),
  );
  return { ...shape, tags, children: shape.children.map(withoutPorts) };
}

test("a trace of two processes has its parents, tags, logs and processes when it is queried", async () => {
  const way = AGENT_WAYS.find(({ name }) => name === "tchannel")!;
  const agent = await openAgent(way);
  const traceId = await runChain({
    JAEGER_AGENT_HOST: "127.0.0.1",
    JAEGER_AGENT_PORT: String(agent.port("compact")),
    JAEGER_SAMPLER_TYPE: "const",
    JAEGER_SAMPLER_PARAM: "1",
  });
  await untilForwarded(agent, 16);

  const { body } = await spoor().get("queryHttp", `/api/traces/${traceId}`);
  const [trace, ...others] = (body as { data: unknown[] }).data;
  assert.equal(others.length, 0);
  const spans = readJaegerTrace(trace);
  assert.equal(spans.length, 16);
  for (const { flags, warnings } of spans) assert.deepEqual([flags, warnings], [1, []]);

  const roots = spans.filter(({ references }) => references.length === 0);
  assert.equal(roots.length, 1);
  assert.deepEqual(withoutPorts(shapeOf(roots[0]!, spans)), {
    service: "visitor",
    name: "visit",
    tags: {
      "sampler.type": "const",
      "sampler.param": true,
      listed: 2,
      chatted: 1,
      failed: "3 INVALID_ARGUMENT: no such note",
    },
    logs: [
      { event: "baggage", key: "tenant", value: "north" },
      { event: "put", text: "put" },
      { event: "put many", text: "all" },
    ],
    children: [
      expectCall("Put", "put", { received: 1, sent: 1 }),
      expectCall("PutMany", "first", { received: 2, sent: 1 }),
      expectCall("List", "list", { received: 1, sent: 2 }),
      expectCall("Chat", "hello", { received: 1, sent: 1 }),
      expectCall("Fail", "fail", { received: 1, sent: 0 }, "no such note"),
    ],
  });

  const processes = new Map(
    spans.map(({ serviceName, processTags }) => [serviceName, fieldsOf(processTags)]),
  );
  assert.deepEqual([...processes.keys()].toSorted(), ["notes", "visitor"]);
  for (const [service, zone, home] of [
    ["notes", "a", "nowhere"],
    ["visitor", "b", "here"],
  ] as const) {
    const tags = processes.get(service) ?? {};
    assert.equal(tags["zone"], zone);
    assert.equal(tags["home"], home);
    for (const key of ["hostname", "ip", "client-uuid", "spoor.version"]) assert(key in tags, key);
  }

  const { received, forwarded, dropped } = (await agent.ledger()).total.spans;
  assert.deepEqual([received, forwarded], [16, 16]);
  assert(Object.values(dropped as unknown as object).every((count) => count === 0));
});

test("what the trace is made of can be searched: service, operation, tag, failure", async () => {
  const searches = [
    { service: "visitor", operation: "visit" },
    { service: "notes", operation: "/chain.Notes/Chat" },
    { service: "notes", tags: JSON.stringify({ tenant: "north" }) },
    { service: "notes", tags: JSON.stringify({ error: "true", "note.text": "fail" }) },
    { service: "visitor", tags: JSON.stringify({ home: "here" }) },
  ];
  for (const search of searches) {
    const { body } = await spoor().get("queryHttp", "/api/traces", search);
    const { data } = body as { data: unknown[] };
    assert.equal(data.length, 1, JSON.stringify(search));
    assert.equal(readJaegerTrace(data[0]).length, 16);
  }
  const { body } = await spoor().get("queryHttp", "/api/dependencies", {
    endTs: String(Date.now()),
  });
  assert.deepEqual((body as { data: unknown[] }).data, [
    { parent: "visitor", child: "notes", callCount: 5 },
  ]);
});
