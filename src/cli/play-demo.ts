// `spoor demo`: the shop of src/demo, with its settings, its log, and its end.
//
// Not here: the shop (src/demo).

import { systemClock } from "../base/clock.ts";
import { type Environment, parseSettings } from "../base/parse-settings.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";
import { runDemo } from "../demo/demo.ts";
import { demoSettings } from "./demo-settings.ts";
import { makeLog, openLineWriter } from "./log.ts";
import type { ProcessHandle } from "./supervisor.ts";

const STDERR = 2;

/** Returns when the shop is closed and every process that it started has ended. */
export async function playDemo(
  argv: readonly string[],
  env: Environment,
  process: ProcessHandle & { readonly execPath: string; readonly argv: readonly string[] },
): Promise<void> {
  const { config } = parseSettings({ table: demoSettings, command: "demo", argv, env });
  const addressOf = (name: "otlp-grpc" | "otlp-http" | "query"): string =>
    printHostPort(config[`demo.${name}`] ?? OFF);
  const [grpc, http, query] = [addressOf("otlp-grpc"), addressOf("otlp-http"), addressOf("query")];
  const write = openLineWriter(STDERR);
  const log = makeLog({ level: "info", encoding: "console", clock: systemClock, write });

  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => (stop.signal.aborted ? process.exit(1) : stop.abort()));
  }
  const outcome = await runDemo({
    targets: { grpc, http },
    openAgent: async () => {
      const { openDemoAgent } = await import("./open-demo-agent.ts");
      return openDemoAgent({ otlpGrpc: grpc, log, clock: systemClock });
    },
    query,
    rate: config["demo.rate"],
    durationMs: config["demo.duration"],
    start: [
      process.execPath,
      process.argv[1] ?? "",
      "all-in-one",
      "--span-storage.type=memory",
      `--collector.otlp.grpc.host-port=${grpc}`,
      `--collector.otlp.http.host-port=${http}`,
      `--query.http-server.host-port=${query}`,
    ],
    clock: systemClock,
    log,
    signal: stop.signal,
  });
  log.info("the shop is closed", { ...outcome });
}

/** An empty address cannot be sent to; the demo says so by its first request. */
const OFF: HostPort = { host: "127.0.0.1", port: 0 };
