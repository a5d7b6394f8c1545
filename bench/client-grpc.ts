// What the gRPC interceptors of the client add to a unary call, both sides in this process.
//
//   plain │ empty interceptors │ traced, sampled │ traced, not sampled     in short turns, again and again:
//                                                                          a machine's moods touch all alike
//
// Two figures each: CPU a call while 16 are in flight, and the time of a call that is alone. Spans go to
// nobody: what a reporter costs is measured with the client. Calls are child spans of an active one.
//
//   node bench/client-grpc.ts [seconds]

import * as grpc from "@grpc/grpc-js";
import { runWithSpan } from "../src/client/active-span.ts";
import {
  openTracingClientInterceptor,
  openTracingServerInterceptor,
} from "../src/client/grpc/index.ts";
import { makeCodecs } from "../src/client/propagation/codec.ts";
import { NoopReporter } from "../src/client/reporter.ts";
import { ConstSampler } from "../src/client/samplers/const-sampler.ts";
import { Tracer } from "../src/client/tracer.ts";

const PATH = "/bench.Echo/Unary";
const IN_FLIGHT = 16;
const TURN_MS = 60;
const WARM_TURNS = 3;
/** Bytes of a request and of its response: a small message. */
const MESSAGE = Buffer.alloc(100, "x");

/** `empty`: grpc-js's own interceptors that do nothing, the least that any could add. */
type Way = "plain" | "empty" | "sampled" | "unsampled";
const WAYS: readonly Way[] = ["plain", "empty", "sampled", "unsampled"];

export interface CallCost {
  /** Microseconds of CPU a call, both sides. */
  readonly cpuUs: number;
  /** Microseconds that a call takes alone. */
  readonly aloneUs: number;
}

export interface GrpcReport {
  readonly costs: Readonly<Record<Way, CallCost>>;
  /** What is added to a plain call, in per cent. */
  readonly added: Readonly<Record<Exclude<Way, "plain">, CallCost>>;
}

interface Pair {
  readonly call: () => Promise<void>;
  close(): void;
}

/** @param seconds about how long to measure; a few give ± 2 %. */
export async function measureClientGrpc(seconds: number): Promise<GrpcReport> {
  const pairs = await Promise.all(WAYS.map(async (way) => [way, await openPair(way)] as const));
  const cpu = new Map<Way, number[]>(WAYS.map((way) => [way, []]));
  const alone = new Map<Way, number[]>(WAYS.map((way) => [way, []]));
  const rounds = Math.max(1, Math.round((seconds * 1_000) / (2 * TURN_MS * WAYS.length)));
  for (let round = -WARM_TURNS; round < rounds; round++) {
    // Another one goes first each time.
    for (let at = 0; at < pairs.length; at++) {
      const [way, pair] = pairs[(at + round + pairs.length) % pairs.length]!;
      const cpuUs = await timeTurn(pair.call);
      if (round >= 0) cpu.get(way)!.push(cpuUs);
    }
    // One call of each, in turns: what disturbs one disturbs the others as often.
    const end = performance.now() + TURN_MS * WAYS.length;
    while (performance.now() < end) {
      for (const [way, pair] of pairs) {
        const from = performance.now();
        await pair.call();
        if (round >= 0) alone.get(way)!.push((performance.now() - from) * 1_000);
      }
    }
  }
  for (const [, pair] of pairs) pair.close();
  const costs = Object.fromEntries(
    WAYS.map((way) => [
      way,
      { cpuUs: lowerQuarter(cpu.get(way)!), aloneUs: lowerQuarter(alone.get(way)!) },
    ]),
  ) as GrpcReport["costs"];
  const addedBy = (way: Way): CallCost => ({
    cpuUs: 100 * (costs[way].cpuUs / costs.plain.cpuUs - 1),
    aloneUs: 100 * (costs[way].aloneUs / costs.plain.aloneUs - 1),
  });
  return {
    costs,
    added: {
      empty: addedBy("empty"),
      sampled: addedBy("sampled"),
      unsampled: addedBy("unsampled"),
    },
  };
}

export function printClientGrpc({ costs, added }: GrpcReport): string {
  const lines = ["a unary call          CPU µs   added     alone µs   added"];
  for (const way of WAYS) {
    const { cpuUs, aloneUs } = costs[way];
    const more = way === "plain" ? undefined : added[way];
    const percent = (value: number | undefined): string =>
      value === undefined ? "" : `${value.toFixed(1)} %`;
    lines.push(
      way.padEnd(20) +
        cpuUs.toFixed(1).padStart(8) +
        percent(more?.cpuUs).padStart(8) +
        aloneUs.toFixed(1).padStart(13) +
        percent(more?.aloneUs).padStart(8),
    );
  }
  return lines.join("\n");
}

function cpuUsSoFar(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** CPU a call, of as many as fit into a turn. */
async function timeTurn(call: () => Promise<void>): Promise<number> {
  const end = performance.now() + TURN_MS;
  let calls = 0;
  const work = async (): Promise<void> => {
    while (performance.now() < end) {
      await call();
      calls++;
    }
  };
  const from = cpuUsSoFar();
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  return (cpuUsSoFar() - from) / calls;
}

/** What disturbs a call only ever makes it slower. */
function lowerQuarter(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 2] ?? 0;
}

function makeTracer(isSampled: boolean): Tracer {
  const codecs = { ...makeCodecs({ propagation: ["jaeger"], onGarbage: () => {} }) };
  return new Tracer("bench", new NoopReporter(), new ConstSampler(isSampled), { codecs });
}

function clientInterceptors(way: Way, tracer: Tracer): grpc.Interceptor[] {
  if (way === "plain") return [];
  if (way !== "empty") return [openTracingClientInterceptor({ tracer })];
  return [(options, nextCall) => new grpc.InterceptingCall(nextCall(options))];
}

function serverInterceptors(way: Way, tracer: Tracer): grpc.ServerInterceptor[] {
  if (way === "plain") return [];
  if (way !== "empty") return [openTracingServerInterceptor({ tracer })];
  return [(_method, call) => new grpc.ServerInterceptingCall(call)];
}

async function openPair(way: Way): Promise<Pair> {
  const tracer = makeTracer(way === "sampled");
  const isTraced = way === "sampled" || way === "unsampled";
  const server = new grpc.Server({ interceptors: serverInterceptors(way, tracer) });
  const identity = (bytes: Buffer): Buffer => bytes;
  const method = {
    path: PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  } as const;
  server.addService(
    { Unary: method },
    {
      Unary: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) =>
        done(null, call.request),
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    interceptors: clientInterceptors(way, tracer),
  });
  const root = isTraced ? tracer.startSpan("bench") : undefined;
  const call = (): Promise<void> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(PATH, identity, identity, MESSAGE, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  return {
    call: () => runWithSpan(root, call),
    close: () => {
      client.close();
      server.forceShutdown();
    },
  };
}

if (import.meta.main) {
  const report = await measureClientGrpc(Number(process.argv[2] ?? "6"));
  process.stdout.write(`${printClientGrpc(report)}\n`);
}
