// Root spans of the service `learner`, sampled as a client says that it was told to.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { RunningSpoor } from "./running-spoor.ts";

/** Sends one by OTLP over HTTP; it has been stored when the promise resolves. */
export async function sendRoot(
  spoor: RunningSpoor,
  operation: string,
  probability: number,
): Promise<void> {
  const value = { stringValue: "learner" };
  const span = {
    traceId: randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    name: operation,
    startTimeUnixNano: "1700000000000000000",
    endTimeUnixNano: "1700000000001000000",
    attributes: [
      { key: "sampler.type", value: { stringValue: "probabilistic" } },
      { key: "sampler.param", value: { doubleValue: probability } },
    ],
  };
  const resource = { attributes: [{ key: "service.name", value }] };
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
  const headers = { "content-type": "application/json" };
  const url = spoor.url("otlpHttp", "/v1/traces");
  const answer = await fetch(url, { method: "POST", headers, body });
  assert.equal(answer.status, 200);
}
