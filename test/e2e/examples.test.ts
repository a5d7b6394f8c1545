// The examples as their README says to run them, and what is to be seen of them.
//
//   examples/* ─UDP─▶ spoor agent ─▶ spoor ─▶ /api/traces

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { AGENT_WAYS, useAgents } from "./agent-ways.ts";
import type { JaegerForm } from "./expected-span.ts";
import { useSpoor, waitFor } from "./running-spoor.ts";
import { readJaegerTrace } from "./shown-traces.ts";

const folder = join(import.meta.dirname, "../../examples");

const END_MS_MAX = 20_000;

const spoor = useSpoor("--span-storage.type=memory");
const openAgent = useAgents(spoor);

async function start(service: string, program: string, ...args: string[]): Promise<ChildProcess> {
  const agent = await openAgent(AGENT_WAYS[0]!);
  return spawn(process.execPath, [join(folder, program), ...args], {
    env: {
      ...process.env,
      JAEGER_SERVICE_NAME: service,
      JAEGER_AGENT_HOST: "127.0.0.1",
      JAEGER_AGENT_PORT: String(agent.port("compact")),
      JAEGER_SAMPLER_TYPE: "const",
      JAEGER_SAMPLER_PARAM: "1",
    },
    stdio: ["ignore", "pipe", "inherit"],
    timeout: END_MS_MAX,
    killSignal: "SIGKILL",
  });
}

/** A server that says where it listens. */
async function serve(service: string, program: string): Promise<[ChildProcess, address: string]> {
  const child = await start(service, program, program.includes("grpc") ? "127.0.0.1:0" : "0");
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  const address = /listening on (\S+)/.exec(String(line))?.[1];
  assert(address !== undefined, String(line));
  return [child, address];
}

async function end(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  if (child.exitCode === null) await once(child, "exit");
  assert.equal(child.exitCode, 0);
}

/** @returns what it printed. */
async function runToEnd(service: string, program: string, ...args: string[]): Promise<string> {
  const child = await start(service, program, ...args);
  const [said] = await Promise.all([text(child.stdout!), once(child, "exit")]);
  assert.equal(child.exitCode, 0, said);
  return said;
}

/** The one trace that has a span of this name, when it has so many spans. */
async function findTrace(service: string, operation: string, count: number): Promise<JaegerForm[]> {
  return waitFor(`${count} spans`, async () => {
    const { body } = await spoor().get("queryHttp", "/api/traces", { service, operation });
    const [trace] = (body as { data: unknown[] }).data;
    const spans = trace === undefined ? [] : readJaegerTrace(trace);
    return spans.length === count ? spans : undefined;
  });
}

/** `service name` of each span, with those above it. */
function pathsOf(spans: readonly JaegerForm[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanID, span]));
  const pathOf = (span: JaegerForm): string => {
    const parent = byId.get(span.references[0]?.spanID ?? "");
    const own = `${span.serviceName} ${span.operationName}`;
    return parent === undefined ? own : `${pathOf(parent)} > ${own}`;
  };
  return spans.map(pathOf).toSorted();
}

test("examples/grpc: unary and streaming calls are one trace of two services", async () => {
  const [server, address] = await serve("catalog", "grpc/server.ts");
  const said = await runToEnd("caller", "grpc/caller.ts", address);
  await end(server);
  assert.equal(
    said,
    ["kettle: 3 left", "no such item", "now 19.90", "now 18.90", "now 20.90", ""].join("\n"),
  );

  const spans = await findTrace("caller", "look around", 9);
  const top = "caller look around";
  const call = (method: string): string =>
    `${top} > caller /shop.Catalog/${method} > catalog /shop.Catalog/${method}`;
  assert.deepEqual(
    pathsOf(spans),
    [
      top,
      `${top} > caller /shop.Catalog/GetItem`,
      `${top} > caller /shop.Catalog/GetItem`,
      call("GetItem"),
      call("GetItem"),
      `${call("GetItem")} > catalog read stock`,
      `${call("GetItem")} > catalog read stock`,
      `${top} > caller /shop.Catalog/WatchPrices`,
      call("WatchPrices"),
    ].toSorted(),
  );
  const failed = spans.filter(({ tags }) => tags.some(({ key }) => key === "error"));
  assert.equal(failed.length, 2, "both sides of the item that is not there");
});

test("examples/express: requests and the calls under them are one trace", async () => {
  const [server, address] = await serve("orders", "express/service.js");
  const answer = await fetch(`http://${address}/orders/12`);
  assert.deepEqual(await answer.json(), { id: "12", stock: 3 });
  await end(server);
  const spans = await findTrace("orders", "GET /orders/:id", 3);
  const top = "orders GET /orders/:id";
  const stock = `${top} > orders GET /stock/:item`;
  assert.deepEqual(pathsOf(spans), [top, stock, `${stock} > orders read stock`]);
  const tags = Object.fromEntries(
    spans
      .find(({ operationName }) => operationName === "GET /orders/:id")!
      .tags.map(({ key, value }) => [key, value]),
  );
  assert.equal(tags["http.status_code"], 200);
  assert.equal(tags["order.id"], "12");
});

test("examples/from-jaeger-client: the two programs differ in the import, and their traces in nothing", async () => {
  const readCode = (name: string): string[] =>
    readFileSync(join(folder, "from-jaeger-client", name), "utf8")
      .split("\n")
      .filter((line) => !line.startsWith("//"));
  const [before, after] = [readCode("before.cjs"), readCode("after.cjs")];
  const changed = after.filter((line, at) => line !== before[at]);
  assert.deepEqual(changed, [
    `const { initTracerFromEnv, opentracing } = require("spoor/client");`,
  ]);

  const traces = [];
  for (const name of ["before.cjs", "after.cjs"]) {
    const id = (await runToEnd("billing", `from-jaeger-client/${name}`)).trim();
    traces.push(
      await waitFor(`the trace of ${name}`, async () => {
        const { body } = await spoor().get("queryHttp", `/api/traces/${id}`);
        const [trace] = (body as { data: unknown[] | null }).data ?? [];
        const spans = trace === undefined ? [] : readJaegerTrace(trace);
        return spans.length === 2 ? spans.map((span) => describe(span, spans)) : undefined;
      }),
    );
  }
  assert.deepEqual(traces[0], traces[1]);
});

/** Without what differs from run to run: ids, times, and by whom it was sent. */
function describe(span: JaegerForm, all: readonly JaegerForm[]): object {
  const { operationName, tags, logs, flags, serviceName } = span;
  return {
    operationName,
    serviceName,
    flags,
    tags,
    parent: all.find(({ spanID }) => spanID === span.references[0]?.spanID)?.operationName,
    logs: logs.map(({ fields }) => fields),
    processTags: span.processTags
      .map(({ key }) => key.replace(/^(?:jaeger|spoor)\.version$/, "version"))
      .toSorted(),
  };
}
