// Asks a collector what to sample on Jaeger's own HTTP port: OTLP has no question for that.
//
//   GET :14268/api/sampling?service=… ─▶ JSON
//
// Source: Jaeger, cmd/collector/app/sampling. Trust: answers are a peer's; their size and time are bounded
// (net/http-client.ts), and they are read in sampling-proxy.ts.

import { openHttpClient } from "../../net/http-client.ts";
import { type CollectorAddress, type Lane, Refusal } from "./reporter.ts";

export interface StrategyByHttpOptions {
  readonly port: number;
  readonly connectTimeoutMs: number;
  /** Of one question. */
  readonly timeoutMs: number;
}

/** Connects when it is asked. */
export function openStrategyByHttp(
  { address, hostName }: CollectorAddress,
  { port, connectTimeoutMs, timeoutMs }: StrategyByHttpOptions,
): Pick<Lane, "askStrategy" | "close"> {
  const client = openHttpClient({ address: { ...address, port }, hostName, connectTimeoutMs });
  return {
    async askStrategy(service, signal) {
      const path = `/api/sampling?service=${encodeURIComponent(service)}`;
      const { status, body } = await client.request({ method: "GET", path, timeoutMs, signal });
      if (status !== 200) throw new Refusal("other", `HTTP status ${status}`);
      return { format: "json", payload: body };
    },
    close: () => client.close(),
  };
}
