// npm's jaeger-client asks an agent how to sample and sends to it by UDP: whichever way the agent forwards,
// every field comes back from the query API.

import { test } from "node:test";
import { AGENT_WAYS, untilForwarded, useAgents } from "./agent-ways.ts";
import type { ExpectedSpan } from "./expected-span.ts";
import { openJaegerClient, sendJaegerDebugSpan, sendJaegerTrace } from "./jaeger-client-spans.ts";
import { checkReadBack } from "./read-back.ts";
import { useSpoor } from "./running-spoor.ts";

const spoor = useSpoor("--sampling.default-sampling-probability=1");
const agentOf = useAgents(spoor);

for (const way of AGENT_WAYS) {
  test(`jaeger-client by UDP, the agent by ${way.name}: every field comes back`, async () => {
    const agent = await agentOf(way);
    const traces: (readonly ExpectedSpan[])[] = [];
    for (const bits of [64, 128]) {
      for (const send of [sendJaegerTrace, sendJaegerDebugSpan]) {
        const client = await openJaegerClient({
          service: `${send.name}-${way.name}-${bits}`,
          traceId128bit: bits === 128,
          reporter: { agentHost: "127.0.0.1", agentPort: agent.port("binary") },
          askAt: `127.0.0.1:${agent.port("sampling")}`,
        });
        traces.push(send(client));
        await client.close();
      }
    }
    await untilForwarded(agent, traces.flat().length);
    for (const trace of traces) await checkReadBack(spoor(), trace.map(way.shown));
  });
}
