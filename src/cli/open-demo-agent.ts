// The agent of `spoor demo`, in the demo's own process: a UDP port that is free, in front of the Spoor that
// the demo sends to.
//
// Not here: the agent as a role, with an admin port and its other doors (open-agent-role.ts).

import { openAgent } from "../agent/agent.ts";
import { forwarderSettings } from "../agent/forwarder-settings.ts";
import { openForwarder } from "../agent/open-forwarder.ts";
import { agentSettings } from "../agent/settings.ts";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { parseHostPort } from "../base/host-port.ts";
import type { Log } from "../base/log.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { parseSettings } from "../base/parse-settings.ts";
import type { DemoAgent } from "../demo/demo.ts";

export interface DemoAgentOptions {
  /** `127.0.0.1:4317`: where what has come is forwarded to. */
  readonly otlpGrpc: string;
  readonly log: Log;
  readonly clock: Clock;
}

/** What is under way at the end has been made by six small services. */
const GRACE_MS = 5_000;

/** @throws SpoorError `unavailable` if there is no free port. */
export async function openDemoAgent(options: DemoAgentOptions): Promise<DemoAgent> {
  const { otlpGrpc, log, clock } = options;
  const { config } = parseSettings({
    table: { ...agentSettings, ...forwarderSettings },
    argv: [
      "--processor.jaeger-compact.server-host-port=127.0.0.1:0",
      "--processor.jaeger-binary.server-host-port=",
      "--processor.zipkin-compact.server-host-port=",
      "--http-server.host-port=",
      "--reporter.type=otlp-grpc",
      `--reporter.otlp.host-port=${otlpGrpc}`,
    ],
    env: {},
  });
  const onBug = (error: unknown): never => {
    throw error; // nobody catches it: the process ends
  };
  const memoryBytesMax = config["agent.max-inflight-bytes"];
  const forwarder = await openForwarder({ config, memoryBytesMax, log, onBug });
  const registry = new MetricsRegistry();
  const agent = await openAgent({ config, forwarder, registry, log, clock, onBug });
  const udp = parseHostPort(agent.addresses[0]?.at ?? "");
  assert(udp !== undefined, "the agent of the demo has one door");
  return { udp, close: () => agent.close(GRACE_MS) };
}
