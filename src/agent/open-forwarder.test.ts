// The forwarder from its flags, and what a killed process leaves to the next one.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { numberedParcel, openPostSpans } from "../../test/open-forwarder.ts";
import { until } from "../../test/until.ts";
import { silentLog } from "../base/log.ts";
import { printMetrics } from "../base/metrics-text.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { parseSettings } from "../base/parse-settings.ts";
import { findForwardImbalances } from "./forward-books.ts";
import { showForwarder } from "./forwarder-metrics.ts";
import { forwarderSettings } from "./forwarder-settings.ts";
import type { Forwarder } from "./forwarder.ts";
import { openForwarder } from "./open-forwarder.ts";

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

function open(...argv: string[]): Promise<Forwarder> {
  const { config } = parseSettings({ table: forwarderSettings, argv, env: {} });
  return openForwarder({
    config,
    memoryBytesMax: 1e6,
    log: silentLog,
    onBug: (error) => assert.fail(`a bug: ${String(error)}`),
  });
}

async function makeDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "spoor-spool-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function closedPort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}

test("openForwarder() speaks the protocol that is asked for", async () => {
  const cases: readonly (readonly [readonly string[], string, string])[] = [
    [["--reporter.grpc.host-port=127.0.0.1:1"], "grpc", "jaeger-proto"],
    [["--collector.host-port=127.0.0.1:1,127.0.0.1:2"], "tchannel", "jaeger-thrift-list"],
    [
      ["--reporter.type=tchannel", "--reporter.tchannel.host-port=127.0.0.1:1"],
      "tchannel",
      "jaeger-thrift-list",
    ],
    [
      ["--reporter.type=otlp-grpc", "--reporter.otlp.host-port=127.0.0.1:1"],
      "otlp-grpc",
      "otlp-proto",
    ],
    [
      ["--reporter.type=otlp-http", "--reporter.otlp.host-port=127.0.0.1:1"],
      "otlp-http",
      "otlp-proto",
    ],
  ];
  for (const [flags, protocol, format] of cases) {
    const forwarder = await open(...flags);
    assert.deepEqual([forwarder.protocol, forwarder.format], [protocol, format]);
    await forwarder.close(0);
  }
});

test("openForwarder() refuses settings that make no sense", async () => {
  const grpc = "--reporter.grpc.host-port=127.0.0.1:1";
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /no collector is named/],
    [["--reporter.type=otlp-http", grpc], /reporter\.otlp\.host-port is empty/],
    [["--reporter.grpc.host-port=collector"], /no host:port/],
    [[grpc, "--reporter.grpc.tls.ca=/nowhere"], /tls\.enabled is not true/],
    [[grpc, "--reporter.grpc.tls.enabled", "--reporter.grpc.tls.ca=/nowhere"], /cannot read/],
  ];
  for (const [flags, message] of cases) {
    await assert.rejects(open(...flags), { code: "bad-input", message });
  }
});

test("openForwarder() lets one process have a spool", async (t) => {
  const flags = ["--reporter.grpc.host-port=127.0.0.1:1"];
  flags.push(`--spool.directory=${await makeDirectory(t)}`);
  const first = await open(...flags);
  await assert.rejects(open(...flags), { code: "unavailable", message: /--spool\.directory/ });
  await first.close(0);
  await (await open(...flags)).close(0);
});

test("openForwarder() of a killed process's spool delivers all that was promised", async (t) => {
  const directory = await makeDirectory(t);
  const port = await closedPort();
  const program = join(import.meta.dirname, "../../test/spool-process.ts");
  const child = spawn(process.execPath, [program, directory, String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let promised = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    promised = Number(line);
    if (promised === 300) child.kill("SIGKILL");
  });
  const [, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  assert.equal(signal, "SIGKILL");
  assert.ok(promised >= 300);

  await using collector = await openPostSpans(undefined, port);
  const flags = [`--reporter.grpc.host-port=127.0.0.1:${port}`, `--spool.directory=${directory}`];
  const forwarder = await open(...flags);
  await until(() => collector.taken.length >= promised);
  await until(() => forwarder.figures().spooled.parcels === 0);
  // What was on the disk and not yet promised comes, too.
  assert.deepEqual(collector.taken, range(1, collector.taken.length));
  assert.ok(collector.taken.length <= promised + 1);
  assert.deepEqual(findForwardImbalances(forwarder.figures()), []);
  await forwarder.close(1_000);
});

test("showForwarder() shows where spans are, under Jaeger's names and ours", async () => {
  await using collector = await openPostSpans();
  const forwarder = await open(`--reporter.grpc.host-port=127.0.0.1:${collector.port}`);
  const registry = new MetricsRegistry();
  showForwarder(forwarder, registry);
  await forwarder.send(numberedParcel(5));
  const text = printMetrics(registry);
  for (const line of [
    'jaeger_agent_connection_status_collector_connected{protocol="grpc"} 1',
    'jaeger_agent_connection_status_collector_reconnects_total{protocol="grpc"} 0',
    "spoor_agent_forwarder_spans_received_total 5",
    "spoor_agent_forwarder_spans_delivered_total 5",
    'spoor_agent_forwarder_spans_refused_total{reason="invalid"} 0',
    'spoor_agent_forwarder_spans_dropped_total{reason="spool-full"} 0',
    "spoor_agent_spool_spans 0",
  ]) {
    assert.ok(text.includes(`\n${line}\n`), line);
  }
  await forwarder.close(1_000);
});
