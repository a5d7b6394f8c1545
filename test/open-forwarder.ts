// A forwarder for tests, and collectors that do with its parcels what a test wants.
//
//   await using collector = await openPostSpans((text) => { … })
//   await using one = await openTestForwarder({ ports: [collector.port], directory })
//
// A collector here takes PostSpans with any payload, so a test can number them.

import assert from "node:assert/strict";
import { systemClock } from "../src/base/clock.ts";
import { silentLog } from "../src/base/log.ts";
import { Collectors } from "../src/agent/collectors.ts";
import { findForwardImbalances } from "../src/agent/forward-books.ts";
import { CollectorForwarder, type Forwarder } from "../src/agent/forwarder.ts";
import type { Parcel } from "../src/agent/parcel.ts";
import { makeJaegerGrpcReporter } from "../src/agent/reporters/grpc.ts";
import type { Reporter } from "../src/agent/reporters/reporter.ts";
import { openSpool } from "../src/agent/spool.ts";
import { systemWake } from "../src/agent/timers.ts";
import { type GrpcServer, openGrpcServer } from "../src/net/grpc-server.ts";
import { diskFiles } from "../src/store/disk/files.ts";

const host = "127.0.0.1";

export interface TestForwarderOptions {
  readonly ports: readonly number[];
  readonly reporter?: Reporter;
  /** Of the spool; without it parcels wait in memory. */
  readonly directory?: string;
  readonly minPeers?: number;
  readonly attemptsMax?: number;
  readonly awayMsMax?: number;
  readonly memoryBytesMax?: number;
  readonly spoolBytesPerSecond?: number;
  readonly callMs?: number;
}

export interface TestForwarder extends Forwarder, AsyncDisposable {
  readonly collectors: Collectors;
  /** Asserts that every parcel is in one place. */
  checkBooks(): void;
}

export async function openTestForwarder(options: TestForwarderOptions): Promise<TestForwarder> {
  const { ports, directory, minPeers = 3, callMs = 2_000 } = options;
  const {
    reporter = makeJaegerGrpcReporter({ connectTimeoutMs: 2_000, timeoutMs: callMs }),
    attemptsMax = 4,
    awayMsMax = 200,
    memoryBytesMax = 1e6,
    spoolBytesPerSecond = 1e9,
  } = options;
  const onBug = (error: unknown): never => assert.fail(`a bug: ${String(error)}`);
  const shared = { clock: systemClock, wake: systemWake, log: silentLog, onBug };
  const { format, protocol } = reporter;
  const log = { files: diskFiles, bytesMax: 1e7, durability: "os", format } as const;
  const spool = directory === undefined ? undefined : await openSpool({ directory, ...log });
  const collectors = new Collectors({
    ...shared,
    hostPorts: ports.map((port) => ({ host, port })),
    reporter,
    minPeers,
    resolve: (name) => Promise.resolve([name]),
    random: Math.random,
  });
  const forwarder = new CollectorForwarder({
    ...shared,
    collectors,
    format,
    protocol,
    spool,
    attemptsMax,
    awayMsMax,
    memoryBytesMax,
    spoolBytesPerSecond,
  });
  await collectors.open();
  return {
    collectors,
    format,
    protocol,
    send: (parcel) => forwarder.send(parcel),
    hasTaker: () => forwarder.hasTaker(),
    askStrategy: (service) => forwarder.askStrategy(service),
    figures: () => forwarder.figures(),
    close: (graceMs) => forwarder.close(graceMs),
    checkBooks: () => assert.deepEqual(findForwardImbalances(forwarder.figures()), []),
    [Symbol.asyncDispose]: () => forwarder.close(0),
  };
}

/** A parcel with a number in it, and as many spans. */
export function numberedParcel(number: number, bytes = 20): Parcel {
  const payload = Buffer.from(String(number).padEnd(bytes, "."));
  return { payload, spans: number, services: [["numbers", number]] };
}

export interface TestPostSpans extends AsyncDisposable {
  readonly port: number;
  /** Numbers of parcels that were taken, in order. */
  readonly taken: number[];
  /** Calls, whatever became of them. */
  calls: number;
  close(graceMs: number): Promise<void>;
}

/** @param take may throw what the peer is to be told, or wait. */
export async function openPostSpans(
  take: (number: number) => void | Promise<void> = () => undefined,
  port = 0,
): Promise<TestPostSpans> {
  const taken: number[] = [];
  const handle = async (message: Uint8Array): Promise<Uint8Array> => {
    collector.calls++;
    const number = Number.parseInt(Buffer.from(message).toString("latin1"), 10);
    await take(number);
    taken.push(number);
    return new Uint8Array(0);
  };
  const methods = { PostSpans: { kind: "unary", handle } } as const;
  const server: GrpcServer = await openGrpcServer({
    name: "collector",
    hostPort: { host, port },
    services: [{ name: "jaeger.api_v2.CollectorService", methods }],
    log: silentLog,
    onBug: (error) => assert.fail(`a bug: ${String(error)}`),
  });
  const collector: TestPostSpans = {
    port: server.port,
    taken,
    calls: 0,
    close: (graceMs) => server.close(graceMs),
    [Symbol.asyncDispose]: () => server.close(0),
  };
  return collector;
}
