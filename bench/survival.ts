// What is left after kill -9: the server is killed while it is sent to, started again, and asked for each
// trace that it had acknowledged.

import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { QueryClient } from "./query-client.ts";
import { type SentTrace, SentTraces } from "./sent-traces.ts";
import { type ServerOptions, withServer } from "./server.ts";

const CLIENTS = 4;

export interface SurvivalReport {
  readonly acknowledgedSpans: number;
  readonly lostSpans: number;
  readonly doubledSpans: number;
  readonly readyMs: number;
}

/** @param seconds of saturated load before the kill. */
export async function measureSurvival(
  options: ServerOptions,
  door: string,
  seconds: number,
): Promise<SurvivalReport> {
  const path = join(options.directory, "..", "sent-until-killed");
  await withServer(options, async (server) => {
    const load = server.startLoad(door, { "until-error": "", seconds: "600", sent: path });
    await load.started;
    await wait(1_000 * seconds);
    await server.kill();
    await load.report;
  });
  return withServer(options, async (server) => {
    const lost = await countLost(server.address("Query HTTP"), SentTraces.load(path));
    return { ...lost, readyMs: server.process.readyMs };
  });
}

type LostReport = Omit<SurvivalReport, "readyMs">;

/** Asks for each of the traces. @param most ask for so many of them only, spread over all. */
export async function countLost(
  base: string,
  sent: SentTraces,
  most = Number.POSITIVE_INFINITY,
): Promise<LostReport> {
  const report = { acknowledgedSpans: 0, lostSpans: 0, doubledSpans: 0 };
  const step = Math.max(1, sent.count / most);
  let next = 0;
  const ask = async (): Promise<void> => {
    const client = new QueryClient(base);
    while (next < sent.count) {
      const trace = sent.at(Math.floor(next));
      next += step;
      const ids = await readSpanIds(client, trace);
      const distinct = new Set(ids).size;
      report.acknowledgedSpans += trace.spans;
      report.lostSpans += Math.max(0, trace.spans - distinct);
      report.doubledSpans += ids.length - distinct;
    }
    client.close();
  };
  await Promise.all(Array.from({ length: CLIENTS }, ask));
  return report;
}

async function readSpanIds(client: QueryClient, trace: SentTrace): Promise<string[]> {
  const { status, body } = await client.ask(`/api/traces/${trace.id}?raw=true`);
  if (status === 404) return [];
  if (status !== 200) throw new Error(`trace ${trace.id} answered ${status}`);
  const { data } = JSON.parse(body.toString()) as { data: { spans: { spanID: string }[] }[] };
  return data[0]!.spans.map(({ spanID }) => spanID);
}

/** Median ms of one write of `bytes` and its fdatasync, in the directory. */
export async function timeSync(directory: string, bytes: number, writes: number): Promise<number> {
  const file = await open(join(directory, "sync-probe"), "w");
  const payload = Buffer.alloc(bytes, "x");
  const ms: number[] = [];
  try {
    for (let write = 0; write < writes; write++) {
      const startedMs = performance.now();
      await file.write(payload);
      await file.datasync();
      ms.push(performance.now() - startedMs);
    }
  } finally {
    await file.close();
  }
  ms.sort((one, two) => one - two);
  return ms[writes >> 1]!;
}
