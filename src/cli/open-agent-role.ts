// What the agent opens, in which order, and how it all closes again.
//
//   admin (503) ─▶ forwarder ─▶ doors ─▶ admin says 200                        open
//   admin (503) ─▶ doors stop, what came is forwarded or spooled ─▶ admin      close
//
// It has no store. It is ready also while no collector is there: what it takes is spooled then.
// In a job it ends with its peers (watch-peers.ts), or when it is told to: POST /quitquitquit.
//
// Not here: the doors (agent/agent.ts), signals (supervisor.ts).

import { openAgent } from "../agent/agent.ts";
import { showForwarder } from "../agent/forwarder-metrics.ts";
import type { ForwarderConfig } from "../agent/forwarder-settings.ts";
import { openForwarder } from "../agent/open-forwarder.ts";
import type { AgentConfig } from "../agent/settings.ts";
import type { Clock } from "../base/clock.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { freeAfterStart, keepYoungSmall } from "../net/garbage.ts";
import type { HttpRoute } from "../net/http-route.ts";
import { makeAdminRoutes } from "./admin.ts";
import { makeHealth } from "./health.ts";
import type { OpenLog } from "./log.ts";
import { ADMIN_GRACE_MS, metricsRouteOf, openAdmin } from "./open-admin.ts";
import { registerProcessMetrics } from "./process-metrics.ts";
import type { JobConfig, ProcessConfig } from "./settings.ts";
import type { Running } from "./supervisor.ts";
import { readVersion } from "./version.ts";
import { watchPeers } from "./watch-peers.ts";

export interface AgentRoleParts {
  readonly config: ProcessConfig & AgentConfig & ForwarderConfig & JobConfig;
  readonly log: OpenLog;
  readonly clock: Clock;
  readonly onBug: (error: unknown) => void;
  /** Ends the process as a signal does, and says why. */
  readonly end: (why: string) => void;
}

/** @throws SpoorError when a door or the spool cannot be opened; nothing stays open then. */
export async function openAgentRole(parts: AgentRoleParts): Promise<Running> {
  const { config, log, clock, onBug, end } = parts;
  const registry = new MetricsRegistry();
  const version = readVersion(import.meta.url);
  const health = makeHealth(clock);
  registerProcessMetrics(registry, version, clock);
  log.info("Spoor is starting", { version: version.version, node: process.version });

  let graceMs = 0;
  await using opening = new AsyncDisposableStack();
  let ledgerRoute: HttpRoute | undefined;
  const admin = await openAdmin(parts, [
    ...makeAdminRoutes({ health, registry, log, version, metricsRoute: metricsRouteOf(config) }),
    {
      method: "GET",
      path: "/api/ledger",
      handle: (request) => ledgerRoute?.handle(request) ?? { status: 503 },
    },
    { method: "POST", path: "/quitquitquit", handle: () => quit(end) },
  ]);
  opening.defer(() => admin.close(ADMIN_GRACE_MS));
  const forwarder = await openForwarder({
    config,
    // What waits to be read comes on top at the end.
    memoryBytesMax: config["agent.max-inflight-bytes"] + 2 * config["agent.max-queue-bytes"],
    log,
    onBug,
  });
  showForwarder(forwarder, registry);
  const agent = await openAgent({ config, forwarder, registry, log, clock, onBug });
  opening.defer(() => agent.close(graceMs));
  ({ ledgerRoute } = agent);
  if (config["exit-with-peers"]) opening.defer(watchPeers({ onGone: end, log }));

  health.open(() => Promise.resolve());
  for (const { name, at } of [...agent.addresses, ...admin.addresses]) log.info(name, { at });
  freeAfterStart();
  keepYoungSmall();
  log.info("Spoor is ready");
  const running = opening.move();
  return {
    async close(grace) {
      graceMs = grace;
      health.shut();
      await running.disposeAsync();
    },
  };
}

function quit(end: (why: string) => void): { readonly status: 200; readonly body: string } {
  end("POST /quitquitquit");
  return { status: 200, body: "ending\n" };
}
