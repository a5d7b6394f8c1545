// Collectors that answer a client's question how to sample with anything: the client is told in time, what it
// was told before if need be; the agent stays small, and forwards spans meanwhile.
//
//   client ─ GET /sampling ─▶ spoor agent ─ gRPC │ TChannel │ HTTP ─▶ nonsense, too much, or nothing
//
// Not here: the readers of answers (src/sampling), wrong questions (remote-sampling.test.ts).

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { silentLog } from "../../src/base/log.ts";
import { openGrpcServer } from "../../src/net/grpc-server.ts";
import type { GrpcContext } from "../../src/net/grpc-service.ts";
import { openHttpServer } from "../../src/net/http-server.ts";
import type { TChannelHandler } from "../../src/net/tchannel-connection.ts";
import { openTChannelServer } from "../../src/net/tchannel-server.ts";
import { printStrategyJson } from "../../src/sampling/strategy-json.ts";
import { readStrategyQuestion, writeStrategyProto } from "../../src/sampling/strategy-proto.ts";
import type { Strategy } from "../../src/sampling/strategies.ts";
import { writeStrategyThrift } from "../../src/sampling/strategy-thrift.ts";
import {
  readArgumentText,
  writeStructResult,
  writeSubmitResult,
} from "../../src/wire/submit-thrift.ts";
import { batchPacket } from "../agent-packets.ts";
import { type AgentProcess, startAgent } from "../agent-process.ts";
import { makeRandom } from "../fuzz/mutate.ts";
import { readProcess } from "../read-process.ts";
import { waitFor } from "./running-spoor.ts";

/** Longer than the agent waits, shorter than a client does. */
const ANSWER_MS_MAX = 4_000;
/** Peak of everything that the agent has mapped; an idle one takes some 100 MB, most of it Node's own file. */
const PEAK_BYTES_MAX = 160e6;
/** More than the agent asks a collector at once. */
const QUESTIONS = 100;
const MIB = 1 << 20;
/** The longest answer that the agent reads. */
const READ_BYTES_MAX = 512 * 1024;
const SEED = 20_261_123;

const host = "127.0.0.1";
const onBug = (error: unknown): never => assert.fail(`a bug: ${String(error)}`);
const SOUND: Strategy = { type: "probabilistic", samplingRate: 0.25 };
const TOLD = '{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.25}}';

type Form = "proto" | "thrift" | "json";
/** Undefined: never. */
type Answer = Uint8Array | undefined;

const forms: Readonly<Record<Form, (strategy: Strategy) => Uint8Array>> = {
  proto: writeStrategyProto,
  thrift: writeStrategyThrift,
  json: (strategy) => Buffer.from(printStrategyJson(strategy, false)),
};

function withOperations(count: number, operation: string): Strategy {
  const bounds = { defaultLowerBoundTracesPerSecond: 0, defaultUpperBoundTracesPerSecond: 0 };
  const perOperation = Array.from({ length: count }, () => ({ operation, samplingRate: 0 }));
  const operations = { defaultSamplingProbability: 0, ...bounds, perOperation };
  return { type: "probabilistic", samplingRate: 0.5, operations };
}

/** What a hostile collector says, by the name of the service that asks. */
function hostileAnswers(form: Form): ReadonlyMap<string, Answer> {
  const write = forms[form];
  const sound = write(withOperations(3, "GET /"));
  const random = makeRandom(SEED);
  return new Map<string, Answer>([
    ["nothing", new Uint8Array(0)],
    ["never", undefined],
    ["half", sound.subarray(0, sound.length >> 1)],
    ["noise", Uint8Array.from({ length: 5_000 }, () => random(256))],
    ["zeros", Buffer.alloc(READ_BYTES_MAX)],
    ["brackets", Buffer.alloc(READ_BYTES_MAX, "[")],
    ["objects", Buffer.from(`[${"{},".repeat(READ_BYTES_MAX / 3 - 1)}{}]`)],
    ["quotes", Buffer.alloc(READ_BYTES_MAX, '"')],
    ["beyond-the-limit", Buffer.alloc(6 * MIB, " ")],
    ["rate", write({ type: "probabilistic", samplingRate: 2 })],
    ["one-vast-operation", write(withOperations(1, "x".repeat(3 * MIB)))],
    ["many-operations", write(withOperations(100_000, ""))],
    ["very-many-operations", write(withOperations(form === "json" ? 40_000 : 180_000, ""))],
  ]);
}

interface HostileCollector {
  readonly port: number;
  /** Requests with spans in them. */
  readonly parcels: () => number;
}

type Respond = (service: string, signal: AbortSignal | undefined) => Promise<Uint8Array>;

const taken = new Uint8Array(0);

async function openByGrpc(t: TestContext, respond: Respond): Promise<HostileCollector> {
  let parcels = 0;
  const postSpans = (): Uint8Array => {
    parcels++;
    return taken;
  };
  const ask = (message: Uint8Array, { signal }: GrpcContext): Promise<Uint8Array> =>
    respond(readStrategyQuestion(message), signal);
  const server = await openGrpcServer({
    name: "hostile",
    hostPort: { host, port: 0 },
    services: [
      {
        name: "jaeger.api_v2.CollectorService",
        methods: { PostSpans: { kind: "unary", handle: postSpans } },
      },
      {
        name: "jaeger.api_v2.SamplingManager",
        methods: { GetSamplingStrategy: { kind: "unary", handle: ask } },
      },
    ],
    log: silentLog,
    onBug,
  });
  t.after(() => server.close(0));
  return { port: server.port, parcels: () => parcels };
}

async function openByTChannel(t: TestContext, respond: Respond): Promise<HostileCollector> {
  let parcels = 0;
  const server = await openTChannelServer({
    name: "hostile",
    hostPort: { host, port: 0 },
    services: new Map<string, TChannelHandler>([
      [
        "Collector::submitBatches",
        () => {
          parcels++;
          return Promise.resolve(writeSubmitResult(1));
        },
      ],
      [
        "SamplingManager::getSamplingStrategy",
        async ({ body, signal }) =>
          writeStructResult(await respond(readArgumentText(body), signal)),
      ],
    ]),
    log: silentLog,
    onBug,
  });
  t.after(() => server.close(0));
  return { port: server.port, parcels: () => parcels };
}

async function openByHttp(t: TestContext, respond: Respond): Promise<HostileCollector> {
  let parcels = 0;
  const server = await openHttpServer({
    name: "hostile",
    hostPort: { host, port: 0 },
    routes: [
      {
        method: "POST",
        path: "/v1/traces",
        handle({ body }) {
          if (body.length > 0) parcels++; // an empty one asks whether we are well
          return { status: 200 };
        },
      },
      {
        method: "GET",
        path: "/api/sampling",
        handle: async ({ query, signal }) => ({
          status: 200,
          body: await respond(query.get("service")!, signal),
        }),
      },
    ],
    log: silentLog,
    onBug,
  });
  t.after(() => server.close(0));
  return { port: server.port, parcels: () => parcels };
}

const WAYS = [
  { name: "grpc", form: "proto", setting: "grpc", open: openByGrpc },
  { name: "tchannel", form: "thrift", setting: "tchannel", open: openByTChannel },
  { name: "otlp-http", form: "json", setting: "otlp", open: openByHttp },
] as const;

/** What a client is told, and in which time. */
async function ask(agent: AgentProcess, service: string): Promise<readonly [number, string]> {
  const url = `http://${host}:${agent.port("sampling")}/sampling?service=${service}`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  return [answer.status, await answer.text()];
}

async function sendSpan(agent: AgentProcess): Promise<void> {
  const socket = createSocket("udp4");
  socket.connect(agent.port("compact"), host);
  await once(socket, "connect");
  await new Promise<void>((resolve, reject) => {
    const packet = batchPacket({ service: "meanwhile", spans: 1 });
    socket.send(packet, (error) => (error === null ? resolve() : reject(error)));
  });
  socket.close();
}

interface Rig {
  readonly agent: AgentProcess;
  readonly collector: HostileCollector;
}

async function openRig(
  t: TestContext,
  { name, setting, open }: Pick<(typeof WAYS)[number], "name" | "setting" | "open">,
  respond: Respond,
): Promise<Rig> {
  const collector = await open(t, respond);
  const agent = await startAgent([
    `--reporter.type=${name}`,
    `--reporter.${setting}.host-port=${host}:${collector.port}`,
    `--reporter.sampling-port=${collector.port}`,
  ]);
  t.after(() => agent.kill());
  return { agent, collector };
}

for (const { name, form, setting, open } of WAYS) {
  test(`by ${name}: hostile answers cost time and memory within bounds`, async (t) => {
    const answers = hostileAnswers(form);
    let isHostile = false;
    const respond: Respond = async (service, signal) => {
      if (service === "sound" && !isHostile) return forms[form](SOUND);
      const answer = answers.get(service === "sound" ? "noise" : service);
      if (answer !== undefined) return answer;
      if (signal?.aborted === false) await once(signal, "abort");
      return taken;
    };
    const { agent, collector } = await openRig(t, { name, setting, open }, respond);
    assert.deepEqual(await ask(agent, "sound"), [200, TOLD]);
    isHostile = true;
    for (const service of answers.keys()) {
      const [status, text] = await ask(agent, service);
      if (status === 200) assert.equal(typeof JSON.parse(text), "object", service);
      else assert.match(text, /^collector error: /, service);
      const expected = service === "nothing" || service === "zeros" ? [200, 500] : [500];
      assert.ok(expected.includes(status), `${service}: ${status} ${text.slice(0, 100)}`);
      assert.deepEqual(await ask(agent, "sound"), [200, TOLD], `after ${service}`);
      const before = collector.parcels();
      await sendSpan(agent);
      await waitFor("a span", () => collector.parcels() > before || undefined);
    }
    const { rssAnonBytes, rssPeakBytes } = readProcess(agent.pid);
    const mb = (bytes: number): number => Math.round(bytes / 1e6);
    t.diagnostic(`${mb(rssAnonBytes)} MB of its own, ${mb(rssPeakBytes)} MB at most`);
    assert.ok(rssPeakBytes < PEAK_BYTES_MAX, `${rssPeakBytes} bytes`);
    await agent.end();
  });

  test(`by ${name}: questions that nobody answers do not hold up spans`, async (t) => {
    let asked = 0;
    let givenUp = 0;
    const respond: Respond = async (service, signal) => {
      if (service === "sound") return forms[form](SOUND);
      asked++;
      if (signal?.aborted === false) await once(signal, "abort");
      givenUp++;
      return taken;
    };
    const { agent, collector } = await openRig(t, { name, setting, open }, respond);
    const asking = Array.from({ length: QUESTIONS }, (_, at) => ask(agent, `never-${at}`));
    await waitFor("a question", () => asked > 0 || undefined);
    await sendSpan(agent);
    await waitFor("a span", () => collector.parcels() > 0 || undefined);
    assert.equal(givenUp, 0, "it went beside the questions");
    for (const [status] of await Promise.all(asking)) assert.equal(status, 500);
    assert.deepEqual(await ask(agent, "sound"), [200, TOLD]);
    await agent.end();
  });
}
