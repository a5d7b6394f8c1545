// A real query service for tests: both doors on free ports, in front of a real store with spans.
//
//   await using query = await openTestQuery(["--query.base-path=/jaeger"], [trace, trace])
//   await query.get("/api/services") ─▶ { status, type, text, json() }
//
// Settings go through the same parser as a user's flags. The clock stands still at NOW_US.

import assert from "node:assert/strict";
import type { Clock } from "../src/base/clock.ts";
import { silentLog } from "../src/base/log.ts";
import { printMetrics } from "../src/base/metrics-text.ts";
import { MetricsRegistry } from "../src/base/metrics.ts";
import { parseSettings } from "../src/base/parse-settings.ts";
import type { SpanBatch } from "../src/model/span-batch.ts";
import type { HttpRoute } from "../src/net/http-route.ts";
import { openQuery } from "../src/query/query.ts";
import { querySettings } from "../src/query/settings.ts";
import { makeMemoryStore } from "../src/store/memory/memory-store.ts";
import { currentToken } from "../src/store/bearer-token.ts";
import type { TraceStore } from "../src/store/trace-store.ts";
import { START_US } from "./make-trace.ts";

/** An hour after the spans that `makeTrace` makes unless told otherwise. */
export const NOW_US = START_US + 3_600e6;

export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Content-Type. */
  readonly type: string;
  readonly text: string;
  json(): unknown;
}

export interface TestQuery extends AsyncDisposable {
  readonly store: TraceStore;
  readonly clock: Clock;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly bugs: unknown[];
  get(path: string, init?: RequestInit): Promise<TestAnswer>;
  /** Lines of the metrics that contain `part`. */
  metrics(part: string): string[];
}

export interface TestQueryOptions {
  /** Wraps the memory store. */
  readonly wrap?: (store: TraceStore) => TraceStore;
  readonly moreRoutes?: readonly HttpRoute[];
}

/** Opens both doors, with `batches` stored one after the other. */
export async function openTestQuery(
  flags: readonly string[] = [],
  batches: readonly SpanBatch[] = [],
  options: TestQueryOptions = {},
): Promise<TestQuery> {
  const argv = ["--query.http-server.host-port=:0", "--query.grpc-server.host-port=:0", ...flags];
  const { config } = parseSettings({ table: querySettings, argv, env: {} });
  const clock: Clock = { nowUs: () => NOW_US, monotonicMs: () => performance.now() };
  const memory = makeMemoryStore({ tracesMax: 0, bytesMax: 256 * 1024 * 1024 }, clock);
  for (const batch of batches) await memory.write(batch);
  const store = options.wrap?.(memory) ?? memory;
  const registry = new MetricsRegistry();
  const bugs: unknown[] = [];
  const query = await openQuery({
    config,
    store,
    registry,
    log: silentLog,
    clock,
    onBug: (error) => void bugs.push(error),
    ...(options.moreRoutes === undefined ? {} : { moreRoutes: options.moreRoutes }),
  });
  const portOf = (door: string): number =>
    query.addresses.find((address) => address.door === door)?.port ?? 0;
  const httpPort = portOf("query-http");
  return {
    store,
    clock,
    httpPort,
    grpcPort: portOf("query-grpc"),
    bugs,
    async get(path, init) {
      const answer = await fetch(`http://127.0.0.1:${httpPort}${path}`, init);
      const text = await answer.text();
      const type = answer.headers.get("content-type") ?? "";
      const json = (): unknown => JSON.parse(text);
      return { status: answer.status, headers: answer.headers, type, text, json };
    },
    metrics: (part) =>
      printMetrics(registry)
        .split("\n")
        .filter((line) => line.includes(part) && !line.startsWith("#")),
    async [Symbol.asyncDispose]() {
      await query.close(0);
      assert.deepEqual(bugs, []);
    },
  };
}

/** The same store, but for what `methods` has. */
export function withMethods(store: TraceStore, methods: Partial<TraceStore>): TraceStore {
  return new Proxy(store, {
    get(target, key) {
      if (key in methods) return Reflect.get(methods, key);
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A store that tells `tell` whose token it is asked with. */
export function withTokens(
  store: TraceStore,
  tell: (token: string | undefined) => void,
): TraceStore {
  return withMethods(store, {
    services(signal) {
      tell(currentToken());
      return store.services(signal);
    },
    readTraces(ids, signal) {
      tell(currentToken());
      return store.readTraces(ids, signal);
    },
  });
}
