// The agent as the program opens it: its ports, its books, how it is told to end.

import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { parseSettings } from "../base/parse-settings.ts";
import type { OpenLog } from "./log.ts";
import { openAgentRole } from "./open-agent-role.ts";
import { agentRoleSettings } from "./roles.ts";
import type { Running } from "./supervisor.ts";

const ADDRESSES = [
  "processor.jaeger-compact.server-host-port",
  "processor.jaeger-binary.server-host-port",
  "processor.zipkin-compact.server-host-port",
  "http-server.host-port",
  "admin.http.host-port",
];

interface Rig {
  readonly running: Running;
  readonly admin: string;
  readonly names: readonly string[];
  readonly ends: readonly string[];
}

async function openRig(): Promise<Rig> {
  const argv = [
    ...ADDRESSES.map((name) => `--${name}=127.0.0.1:0`),
    "--reporter.grpc.host-port=127.0.0.1:1",
  ];
  const { config } = parseSettings({ table: agentRoleSettings, argv, env: {} });
  const addresses = new Map<string, string>();
  const ends: string[] = [];
  const log: OpenLog = {
    ...silentLog,
    fatal() {},
    level: () => "info",
    setLevel() {},
    info(message, fields) {
      if (typeof fields?.["at"] === "string") addresses.set(message, fields["at"]);
    },
  };
  const running = await openAgentRole({
    config,
    log,
    clock: systemClock,
    onBug(error) {
      throw error;
    },
    end: (why) => void ends.push(why),
  });
  return { running, admin: addresses.get("admin")!, names: [...addresses.keys()], ends };
}

test("openAgentRole() opens all doors, is ready without a collector, and ends when told", async () => {
  const { running, admin, names, ends } = await openRig();
  assert.deepEqual(names, [
    "Jaeger UDP (compact)",
    "Jaeger UDP (binary)",
    "Zipkin UDP (compact)",
    "sampling HTTP",
    "admin",
  ]);
  assert.equal((await fetch(admin)).status, 200);
  const ledger = (await (await fetch(`${admin}/api/ledger`)).json()) as {
    doors: readonly unknown[];
    forwarder: unknown;
  };
  assert.equal(ledger.doors.length, 3);
  assert.notEqual(ledger.forwarder, null);
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  assert.match(metrics, /^jaeger_agent_tc_reporter_jaeger_batches_failures 0$/m);
  assert.deepEqual(ends, []);
  assert.equal((await fetch(`${admin}/quitquitquit`, { method: "POST" })).status, 200);
  assert.deepEqual(ends, ["POST /quitquitquit"]);
  assert.notEqual((await fetch(`${admin}/quitquitquit`)).status, 200);
  await running.close(500);
});
