// Each way that a request can go through the intake, with the books and metrics it leaves.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type SpanRecord, addSpans } from "../../test/make-trace.ts";
import { SpoorError } from "../base/errors.ts";
import { printMetrics } from "../base/metrics-text.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { printSpans } from "../model/print-spans.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { makeMemoryStore } from "../store/memory/memory-store.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { Intake, type Receipt } from "./intake.ts";
import type { ReadPayload } from "./readers.ts";
import { Ledger, findImbalances } from "./ledger.ts";
import { collectorMetrics } from "./metrics.ts";
import { LocalReception } from "./reception.ts";
import { makeSanitizer } from "./sanitize.ts";

const MIB = 1024 * 1024;

interface Setup {
  readonly ledger: Ledger;
  readonly store: TraceStore;
  /** Sends `bytes` zeros that `read` makes something of. */
  send(read: ReadPayload, bytes?: number): Promise<Receipt>;
  /** Metrics lines that contain `part`. */
  metrics(part: string): string[];
  /** The clock moves by hand. */
  tick(ms: number): void;
}

function setUp(write?: (batch: SpanBatch) => Promise<void>, inFlightBytesMax = MIB): Setup {
  let nowMs = 0;
  const clock = { nowUs: () => 0, monotonicMs: () => nowMs };
  const store = makeMemoryStore({ tracesMax: 100, bytesMax: 100 * MIB }, clock);
  if (write !== undefined) store.write = write;
  const registry = new MetricsRegistry();
  const ledger = new Ledger();
  const intake = new Intake({
    reception: new LocalReception(store, makeSanitizer(new Map())),
    ledger,
    metrics: registry.register(collectorMetrics),
    clock,
    host: "here",
    inFlightBytesMax,
  });
  return {
    ledger,
    store,
    send(read, bytes = 100) {
      const labels = { format: "otlp", transport: "grpc" } as const;
      const take = intake.open("otlp-grpc", "otlp-proto", labels, read);
      return take(new Uint8Array(bytes));
    },
    metrics: (part) =>
      printMetrics(registry)
        .split("\n")
        .filter((line) => line.includes(part) && !line.startsWith("#")),
    tick: (ms) => (nowMs += ms),
  };
}

function readSpans(...spans: readonly SpanRecord[]): ReadPayload {
  return (_payload, batch) => void addSpans(batch, spans);
}

function balance({ ledger, store }: Setup): ReturnType<Ledger["figures"]>["total"] {
  const figures = ledger.figures();
  const { spans, evictedSpans } = store.figures();
  assert.deepEqual(findImbalances(figures, spans + evictedSpans), []);
  return figures.total;
}

const good = readSpans({ id: 1, service: "shop" }, { id: 2, parent: 1, service: "shop" });

test("Intake stores, counts and times a good request", async () => {
  let setup: Setup;
  setup = setUp(() => {
    setup.tick(30);
    return Promise.resolve();
  });
  assert.deepEqual(await setup.send(good), { invalidIds: 0 });
  const { requests, spans } = setup.ledger.figures().total;
  assert.deepEqual([requests.received, requests.stored], [1, 1]);
  assert.deepEqual([spans.received, spans.stored, spans.inFlight], [2, 2, 0]);
  assert.deepEqual(setup.metrics("_received_total{svc"), [
    'jaeger_collector_spans_received_total{svc="shop",debug="false",format="otlp",transport="grpc"} 2',
    'jaeger_collector_traces_received_total{svc="shop",debug="false",format="otlp",' +
      'transport="grpc",sampler_type="unknown"} 1',
  ]);
  assert.deepEqual(setup.metrics("saved_by_svc_total"), [
    'jaeger_collector_spans_saved_by_svc_total{svc="shop",debug="false",result="ok"} 2',
    'jaeger_collector_traces_saved_by_svc_total{svc="shop",debug="false",result="ok",' +
      'sampler_type="unknown"} 1',
  ]);
  assert.deepEqual(setup.metrics("batch_size"), ['jaeger_collector_batch_size{host="here"} 2']);
  assert.deepEqual(setup.metrics("spans_bytes"), ['jaeger_collector_spans_bytes{host="here"} 100']);
  assert.deepEqual(setup.metrics("save_latency_sum"), [
    'jaeger_collector_save_latency_sum{host="here"} 0.03',
  ]);
});

test("Intake gives the store sanitized spans", async () => {
  const setup = setUp();
  await setup.send(readSpans({ id: 1, name: "", service: "" }));
  const [batch] = await setup.store.findTraces(
    { startUsMin: 0, startUsMax: 2 ** 53, attributes: [], limit: 10 },
    new AbortController().signal,
  );
  assert.ok(batch !== undefined);
  assert.match(printSpans(batch), /empty-service-name[^]*"empty-span-name"/);
  balance(setup);
});

test("Intake keeps nothing of a payload that cannot be read but its count", async () => {
  const setup = setUp();
  const broken: ReadPayload = (_payload, batch) => {
    addSpans(batch, [{ id: 7 }]);
    throw new SpoorError("bad-input", "broken", { offset: 5 });
  };
  await assert.rejects(setup.send(broken), { code: "bad-input", where: { offset: 5 } });
  assert.equal(balance(setup).requests.refused["bad-input"], 1);
  await setup.send(good);
  const { requests, spans } = balance(setup);
  assert.deepEqual([requests.received, requests.stored, spans.received], [2, 1, 2]);
});

test("Intake leaves spans without ids out, whoever saw it, and tells the sender", async () => {
  const setup = setUp();
  const some = readSpans({ id: 1 }, { id: 0 });
  assert.deepEqual(
    await setup.send((payload, batch) => {
      some(payload, batch);
      return { spans: 3 };
    }),
    {
      invalidIds: 4,
    },
  );
  const { requests, spans } = balance(setup);
  assert.deepEqual([spans.received, spans.stored, spans.refused["invalid-id"]], [5, 1, 4]);
  assert.equal(requests.stored, 1);
});

test("Intake refuses a request of nothing but spans without ids", async () => {
  const setup = setUp();
  await assert.rejects(setup.send(readSpans({ id: 0 })), {
    code: "bad-input",
    where: { spans: 1 },
  });
  const { requests, spans } = balance(setup);
  assert.deepEqual([requests.refused["bad-input"], spans.refused["invalid-id"]], [1, 1]);
});

test("Intake takes an empty request without asking the store", async () => {
  const setup = setUp(() => assert.fail("the store was asked"));
  assert.deepEqual(await setup.send(() => {}), { invalidIds: 0 });
  assert.equal(balance(setup).requests.stored, 1);
});

for (const code of ["overloaded", "unavailable"] as const) {
  test(`Intake tells the sender that the store is ${code}`, async () => {
    const setup = setUp(() => Promise.reject(new SpoorError(code, "not now")));
    await assert.rejects(setup.send(good), { code });
    const { requests, spans } = balance(setup);
    assert.deepEqual([requests.refused[code], spans.refused[code], spans.inFlight], [1, 2, 0]);
    assert.deepEqual(setup.metrics("spans_saved_by_svc_total"), [
      'jaeger_collector_spans_saved_by_svc_total{svc="shop",debug="false",result="err"} 2',
    ]);
  });
}

test("Intake counts what a bug has lost and lets it go on to the supervisor", async () => {
  const inStore = setUp(() => {
    throw new TypeError("bug");
  });
  await assert.rejects(inStore.send(good), TypeError);
  const { requests, spans } = balance(inStore);
  assert.deepEqual([requests.dropped.bug, spans.dropped.bug, spans.inFlight], [1, 2, 0]);
  assert.deepEqual(inStore.metrics("jaeger_collector_spans_dropped_total"), [
    'jaeger_collector_spans_dropped_total{host="here"} 2',
  ]);

  const inReader = setUp();
  await assert.rejects(
    inReader.send(() => {
      throw new RangeError("bug");
    }),
    RangeError,
  );
  assert.equal(balance(inReader).requests.dropped.bug, 1);
});

test("Intake bounds the bytes that wait for the store, but one request always fits", async () => {
  const waiting: (() => void)[] = [];
  const setup = setUp(
    () =>
      new Promise((resolve) => {
        waiting.push(resolve);
      }),
    1_000,
  );
  const first = setup.send(good, 5_000);
  assert.equal(setup.ledger.figures().total.spans.inFlight, 2);
  assert.deepEqual(setup.metrics("queue_length"), ['jaeger_collector_queue_length{host="here"} 2']);
  await assert.rejects(setup.send(good, 1), {
    code: "overloaded",
    where: { waiting: 5_000, allowed: 1_000 },
  });
  waiting.shift()?.();
  await first;
  const both = [setup.send(good, 600), setup.send(good, 400)];
  await assert.rejects(setup.send(good, 1), { code: "overloaded" });
  assert.deepEqual(findImbalances(setup.ledger.figures()), []);
  for (const resolve of waiting) resolve();
  await Promise.all(both);
  const { requests, spans } = setup.ledger.figures().total;
  assert.deepEqual([requests.received, requests.refused.overloaded], [5, 2]);
  assert.deepEqual([requests.inFlight, spans.inFlight, spans.stored], [0, 0, 6]);
  assert.deepEqual(findImbalances(setup.ledger.figures()), []);
});

test("Intake keeps requests that wait apart from those that come later", async () => {
  const rows: number[] = [];
  const waiting: (() => void)[] = [];
  const setup = setUp((batch) => {
    rows.push(batch.rows);
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  });
  const sent = [setup.send(good), setup.send(readSpans({ id: 3 })), setup.send(good)];
  for (const resolve of waiting) resolve();
  await Promise.all(sent);
  assert.deepEqual(rows, [2, 1, 2]);
  const { spans } = setup.ledger.figures().total;
  assert.deepEqual([spans.received, spans.stored], [5, 5]);
});

test("Intake does not keep an outsized batch for the next request", async () => {
  const setup = setUp(() => Promise.resolve());
  const batches: SpanBatch[] = [];
  const keepBatch: ReadPayload = (_payload, batch) => void batches.push(batch);
  await setup.send(keepBatch);
  await setup.send((payload, batch) => {
    keepBatch(payload, batch);
    addSpans(batch, [{ id: 1, attributes: { big: "x".repeat(33 * MIB) } }]);
  });
  await setup.send(keepBatch);
  assert.equal(batches[0], batches[1]);
  assert.notEqual(batches[1], batches[2]);
});

test("Intake shows as queue capacity what fits of the mean span", async () => {
  const setup = setUp(undefined, 10_000);
  const capacity = (): string[] => setup.metrics("queue_capacity");
  assert.deepEqual(capacity(), ['jaeger_collector_queue_capacity{host="here"} 20']);
  await setup.send(good, 80);
  assert.deepEqual(capacity(), ['jaeger_collector_queue_capacity{host="here"} 250']);
});
