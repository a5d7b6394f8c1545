// A real collector for tests: the doors that are asked for, on free ports, in front of a real store.
//
//   await using collector = await openTestCollector(["otlp-grpc", "zipkin"], ["--collector.tags=a=b"])
//   collector.port("zipkin") · await collector.printStored() · collector.checkBooks()
//
// Settings go through the same parser as a user's flags.
// Not here: senders (each test has its own).

import assert from "node:assert/strict";
import { systemClock } from "../src/base/clock.ts";
import { type ErrorCode, SpoorError } from "../src/base/errors.ts";
import { silentLog } from "../src/base/log.ts";
import { printMetrics } from "../src/base/metrics-text.ts";
import { MetricsRegistry } from "../src/base/metrics.ts";
import { parseSettings } from "../src/base/parse-settings.ts";
import { type Collector, type DoorAddress, openCollector } from "../src/collector/collector.ts";
import { type DoorName, type LedgerFigures, findImbalances } from "../src/collector/ledger.ts";
import { collectorSettings } from "../src/collector/settings.ts";
import { printSpans } from "../src/model/print-spans.ts";
import type { Sampling } from "../src/sampling/open-sampling.ts";
import { makeMemoryStore } from "../src/store/memory/memory-store.ts";
import type { TraceStore } from "../src/store/trace-store.ts";

const addressFlags: Readonly<Record<DoorName, string>> = {
  "otlp-grpc": "collector.otlp.grpc.host-port",
  "otlp-http": "collector.otlp.http.host-port",
  "jaeger-grpc": "collector.grpc-server.host-port",
  "jaeger-http": "collector.http-server.host-port",
  tchannel: "collector.tchan-server.host-port",
  zipkin: "collector.zipkin.host-port",
};

/** Columns of the books, by door and format: what is not 0. */
export type Books = Record<string, Record<string, number>>;

export interface TestCollector extends AsyncDisposable {
  readonly collector: Collector;
  readonly store: TraceStore;
  /** What the doors reported as bugs; `checkBooks` expects none. */
  readonly bugs: unknown[];
  address(door: DoorName): DoorAddress;
  port(door: DoorName): number;
  /** All spans, oldest trace first, as `printSpans` prints them. */
  printStored(): Promise<string>;
  /** Asserts that the books balance, agree with the store, and that no bug was reported. */
  checkBooks(): LedgerFigures;
  /** What is not 0 in the books, as `{ "zipkin zipkin-proto": { "spans stored": 1 } }`. */
  books(): Books;
  /** Lines of the metrics that contain `part`. */
  metrics(part: string): string[];
}

export interface TestCollectorOptions {
  readonly store?: TraceStore;
  readonly sampling?: Sampling;
}

/** Opens `doors` on free ports of 127.0.0.1; all other doors stay shut. */
export async function openTestCollector(
  doors: readonly DoorName[],
  flags: readonly string[] = [],
  options: TestCollectorOptions = {},
): Promise<TestCollector> {
  const argv = Object.entries(addressFlags).map(([door, flag]) =>
    doors.includes(door as DoorName) ? `--${flag}=127.0.0.1:0` : `--${flag}=`,
  );
  const { config } = parseSettings({
    table: collectorSettings,
    argv: [...argv, ...flags],
    env: {},
  });
  const bounds = { tracesMax: 0, bytesMax: 512 * 1024 * 1024 };
  const store = options.store ?? makeMemoryStore(bounds, systemClock);
  const registry = new MetricsRegistry();
  const bugs: unknown[] = [];
  const collector = await openCollector({
    config,
    store,
    registry,
    log: silentLog,
    clock: systemClock,
    onBug: (error) => void bugs.push(error),
    host: "test",
    sampling: options.sampling,
  });
  const address = (door: DoorName): DoorAddress => {
    const found = collector.addresses.find((one) => one.door === door);
    assert.ok(found !== undefined, `door ${door} is not open`);
    return found;
  };
  const checkBooks = (): LedgerFigures => {
    assert.deepEqual(bugs, []);
    const figures = collector.ledger.figures();
    const { spans, evictedSpans } = store.figures();
    assert.deepEqual(findImbalances(figures, spans + evictedSpans), []);
    return figures;
  };
  return {
    collector,
    store,
    bugs,
    address,
    port: (door) => address(door).port,
    printStored: () => printStored(store),
    checkBooks,
    books: () => printBooks(checkBooks()),
    metrics: (part) =>
      printMetrics(registry)
        .split("\n")
        .filter((line) => line.includes(part) && !line.startsWith("#")),
    [Symbol.asyncDispose]: () => collector.close(0),
  };
}

/** All spans of `store`, oldest trace first. */
export async function printStored(store: TraceStore): Promise<string> {
  const everything = {
    startUsMin: -(2 ** 53),
    startUsMax: 2 ** 53,
    attributes: [],
    limit: 10_000,
  };
  const batches = await store.findTraces(everything, new AbortController().signal);
  return batches.map(printSpans).toReversed().join("\n");
}

/** A store that takes nothing. */
export function storeThatFails(code: ErrorCode): TraceStore {
  const store = makeMemoryStore({ tracesMax: 0, bytesMax: 1024 * 1024 }, systemClock);
  store.write = () => Promise.reject(new SpoorError(code, "not now"));
  return store;
}

function printBooks({ accounts }: LedgerFigures): Books {
  const books: Books = {};
  for (const { door, format, requests, spans } of accounts) {
    const columns: Record<string, number> = {};
    for (const [what, tally] of Object.entries({ requests, spans })) {
      const { received, stored, inFlight, refused, dropped } = tally;
      const all = { received, stored, "in flight": inFlight, ...refused, ...dropped };
      for (const [name, count] of Object.entries(all)) {
        if (count !== 0) columns[`${what} ${name}`] = count;
      }
    }
    if (Object.keys(columns).length > 0) books[`${door} ${format}`] = columns;
  }
  return books;
}
