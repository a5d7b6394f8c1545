// What a span costs the application: this client beside jaeger-client and OpenTelemetry's SDK, in turns.
//
//   receivers (UDP, HTTP) ◀─ client-spans.ts, one process a library, mode and round ─▶ CPU µs a span
//
// Each sends as it does by default: jaeger-client and this one by UDP to an agent, OpenTelemetry's batch
// processor by OTLP over HTTP. The receivers only take what comes. Of the rounds the median counts.
// Not here: what is done with a span (client-spans.ts), its table (print-results.ts).

import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

export const CLIENT_LIBRARIES = ["spoor", "jaeger-client", "opentelemetry"] as const;
type Library = (typeof CLIENT_LIBRARIES)[number];

export interface ClientReport {
  readonly library: Library;
  /** CPU µs to start, tag five times, finish and send a span. */
  readonly sampledUs: number;
  /** Of these, in the kernel. */
  readonly sampledSystemUs: number;
  readonly unsampledUs: number;
  /** Bytes of memory of a span that waits for a collector. */
  readonly waitingBytes: number;
  readonly lostSpans: number;
}

export interface ClientBenchOptions {
  readonly folder: string;
  readonly isQuick: boolean;
}

const ROUNDS = 3;
/** Enough that the compilation of the code is a small part of it. */
const SAMPLED_SPANS = 800_000;
const UNSAMPLED_SPANS = 3_000_000;
const WAITING_SPANS = 20_000;
/** More than a burst, so that the kernel drops nothing while this process is busy. */
const RECEIVE_BYTES = 8 * 1024 * 1024;

type Found = Readonly<Record<string, number>>;

export async function measureClient(options: ClientBenchOptions): Promise<ClientReport[]> {
  const udp = createSocket({ type: "udp4", recvBufferSize: RECEIVE_BYTES });
  udp.bind(0, "127.0.0.1");
  await once(udp, "listening");
  const http = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end());
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port: httpPort } = http.address() as AddressInfo;
  const udpPort = udp.address().port;
  const part = options.isQuick ? 20 : 1;
  try {
    const all = new Map<string, Found[]>();
    for (let round = 0; round < (options.isQuick ? 1 : ROUNDS); round++) {
      for (const [mode, spans] of [
        ["sampled", SAMPLED_SPANS / part],
        ["unsampled", UNSAMPLED_SPANS / part],
        ["waiting", WAITING_SPANS],
      ] as const) {
        for (const library of CLIENT_LIBRARIES) {
          // Whoever waits waits for a collector that is away: nobody listens on port 1.
          const port = mode === "waiting" ? 1 : library === "opentelemetry" ? httpPort : udpPort;
          const found = await runOne(options.folder, [library, mode, `${spans}`, `${port}`]);
          const key = `${library} ${mode}`;
          all.set(key, [...(all.get(key) ?? []), found]);
        }
      }
    }
    return CLIENT_LIBRARIES.map((library) => reportOf(library, all));
  } finally {
    udp.close();
    http.closeAllConnections();
    http.close();
  }
}

async function runOne(folder: string, args: readonly string[]): Promise<Found> {
  const file = join(folder, "bench/client-spans.ts");
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", file, ...args]);
  return JSON.parse(stdout) as Found;
}

function reportOf(library: Library, all: ReadonlyMap<string, readonly Found[]>): ClientReport {
  const medianOf = (mode: string, field: string): number => {
    const values = all.get(`${library} ${mode}`)!.map((found) => found[field]!);
    return values.sort((a, b) => a - b)[values.length >> 1]!;
  };
  return {
    library,
    sampledUs: medianOf("sampled", "cpuUsPerSpan"),
    sampledSystemUs: medianOf("sampled", "systemUsPerSpan"),
    unsampledUs: medianOf("unsampled", "cpuUsPerSpan"),
    waitingBytes: medianOf("waiting", "bytesPerSpan"),
    lostSpans: all.get(`${library} sampled`)!.reduce((sum, { lost }) => sum + lost!, 0),
  };
}
