// npm's jaeger-client with its HTTP sender, Thrift to 14268: every field comes back.

import { test } from "node:test";
import {
  type JaegerTestClient,
  openJaegerClient,
  sendJaegerDebugSpan,
  sendJaegerTrace,
} from "./jaeger-client-spans.ts";
import { checkReadBack } from "./read-back.ts";
import { useSpoor } from "./running-spoor.ts";

const spoor = useSpoor();

function openClient(service: string, traceId128bit: boolean): Promise<JaegerTestClient> {
  const reporter = { collectorEndpoint: spoor().url("jaegerHttp", "/api/traces") };
  return openJaegerClient({ service, traceId128bit, reporter });
}

for (const bits of [64, 128] as const) {
  test(`jaeger-client with trace ids of ${bits} bits: every field comes back`, async () => {
    const client = await openClient(`jaeger-client-${bits}`, bits === 128);
    const expected = sendJaegerTrace(client);
    await client.close();
    await checkReadBack(spoor(), expected);
  });
}

test("jaeger-client: a debug span keeps its flag", async () => {
  const client = await openClient("jaeger-client-debug", true);
  const expected = sendJaegerDebugSpan(client);
  await client.close();
  await checkReadBack(spoor(), expected);
});
