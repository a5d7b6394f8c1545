// Parts behind ports: in another thread, answers against those in this one; in this thread, order and ends.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { MessageChannel } from "node:worker_threads";
import { BatchPart } from "../../test/store/batch-part.ts";
import { BASE_US, CORPUS_US, makeRandom, makeSpans, traceIdOf } from "../../test/store/corpus.ts";
import { openHeads } from "../../test/store/open-heads.ts";
import { systemClock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import { printSpans } from "../model/print-spans.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import type { SeriesQuery, TraceQuery } from "../model/trace-query.ts";
import { HeadPart } from "./head/head-part.ts";
import { Head } from "./head/head.ts";
import type { Hits, Part } from "./part.ts";
import { IN_FLIGHT_MAX, RemoteParts, WAITING_MAX } from "./remote-part.ts";
import { servePart } from "./serve-part.ts";

const never = new AbortController().signal;
const range = { startUsMin: 0, startUsMax: 2 ** 53 };
const everything: TraceQuery = { ...range, attributes: [], limit: 10_000 };
const series: SeriesQuery = {
  services: ["cart", "frontend"],
  kinds: [],
  byOperation: true,
  endUs: BASE_US + CORPUS_US,
  lookbackUs: 50_000_000,
  stepUs: 10_000_000,
  windowUs: 20_000_000,
  quantile: 0.5,
};

const heads = openHeads();
after(() => heads.close());

function makeBatches(): SpanBatch[] {
  const random = makeRandom(5);
  return [0, 1].map(() => makeSpans({ random, rows: 200, tracesFrom: 0, tracesEnd: 20 }));
}

test("RemoteParts answers every question as the part does that is in the other thread", async () => {
  const head = new Head(64);
  for (const batch of makeBatches()) {
    head.append(batch);
    await heads.append(1, batch, 64);
  }
  const here: Part = new HeadPart(head, systemClock);
  const there = heads.parts.part(1);
  const strangers = (await here.calls(range, never)).strangers;
  const ids = [traceIdOf(3), traceIdOf(99), traceIdOf(0), traceIdOf(3)];
  const questions: readonly ((part: Part) => Promise<unknown>)[] = [
    (part) => part.search(everything, never),
    (part) => part.search({ ...everything, service: "cart", limit: 3 }, never),
    (part) => part.search(everything, never, ids),
    async (part) => (await part.readTraces(ids, never)).map((trace) => trace && printSpans(trace)),
    (part) => part.services(never),
    (part) => part.operations(undefined, undefined, never),
    (part) => part.operations("cart", 2, never),
    (part) => part.calls(range, never),
    (part) => part.spanServices(strangers, never),
    (part) => part.series(series, never),
    (part) => part.attributeKeys({ ...range, prefix: "", limit: 5 }, never),
    (part) => part.attributeValues({ ...range, prefix: "", key: "user", limit: 5 }, never),
  ];
  for (const ask of questions) assert.deepEqual(await ask(there), await ask(here), ask.toString());
  assert.deepEqual(await heads.parts.part(2).services(never), [], "another head");
  assert.equal(heads.parts.open, 0);
});

test("RemoteParts keeps code, message and numbers of a failure", async () => {
  const asked = heads.parts.part(1).series({ ...series, stepUs: 1, lookbackUs: 1e15 }, never);
  await assert.rejects(asked, (error: unknown) => {
    assert.ok(error instanceof SpoorError);
    assert.equal(error.code, "bad-input");
    assert.match(error.message, /^too many points of a line/);
    assert.deepEqual(error.where, { found: 1e15 + 1, expectedAtMost: 11_000 });
    return true;
  });
});

const ends: readonly (readonly [
  what: string,
  end: (dying: ReturnType<typeof openHeads>) => void,
])[] = [
  ["exits", ({ worker }) => worker.postMessage("exit", [])],
  ["throws", ({ worker }) => worker.postMessage("throw", [])],
  ["is terminated", ({ worker }) => void worker.terminate()],
  [
    "meets a bug in an answer",
    ({ parts }) =>
      void parts
        .part("bug")
        .services(never)
        .catch(() => 0),
  ],
];

for (const [what, end] of ends) {
  test(`RemoteParts fails what is open when the other thread ${what}`, async () => {
    const dying = openHeads();
    dying.worker.on("error", () => undefined); // What the engine starts a new one for.
    await dying.append(1, makeBatches()[0]!, 64);
    const part = dying.parts.part(1);
    end(dying);
    const asked = Array.from({ length: 2 * IN_FLIGHT_MAX }, () => part.search(everything, never));
    const results = await Promise.allSettled(asked);
    const last = results.at(-1)!;
    assert.equal(last.status, "rejected");
    for (const result of results) {
      if (result.status === "rejected") assert.equal(result.reason.code, "unavailable");
    }
    await assert.rejects(part.services(never), { code: "unavailable" });
    assert.equal(dying.parts.open, 0);
  });
}

/** A part in this thread behind a port; its searches end when they are told to. */
function makeGated(): {
  remote: RemoteParts<number>;
  part: Part;
  running: Map<number, { end(): void; signal: AbortSignal }>;
} {
  const running = new Map<number, { end(): void; signal: AbortSignal }>();
  const { port1, port2 } = new MessageChannel();
  servePart(port2, () =>
    Object.assign(new BatchPart(), {
      async search({ limit }: TraceQuery, signal: AbortSignal): Promise<Hits> {
        const { promise, resolve } = Promise.withResolvers<void>();
        running.set(limit, { end: resolve, signal });
        await promise;
        running.delete(limit);
        if (signal.aborted) throw new SpoorError("unavailable", "stopped");
        return { ids: new Uint8Array(16 * limit), startUs: new Float64Array(limit) };
      },
    }),
  );
  const remote = new RemoteParts<number>(port1);
  return { remote, part: remote.part(0), running };
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    assert.ok(turns < 10_000, "it never happens");
    await setImmediate();
  }
}

const ask = (part: Part, limit: number, signal = never): Promise<Hits> =>
  part.search({ ...everything, limit }, signal);

test("RemoteParts lets the rest wait while enough is in flight, and answers in any order", async () => {
  const { remote, part, running } = makeGated();
  const asked = Array.from({ length: IN_FLIGHT_MAX + 2 }, (_, at) => ask(part, at + 1));
  await until(() => running.size === IN_FLIGHT_MAX);
  assert.equal(remote.open, IN_FLIGHT_MAX + 2);
  assert.ok(!running.has(IN_FLIGHT_MAX + 1));
  running.get(3)!.end();
  assert.equal((await asked[2]!).startUs.length, 3);
  await until(() => running.has(IN_FLIGHT_MAX + 1));
  assert.ok(!running.has(IN_FLIGHT_MAX + 2));
  while (remote.open > 0) {
    for (const one of running.values()) one.end();
    await setImmediate();
  }
  const sizes = (await Promise.all(asked)).map((hits) => hits.ids.length / 16);
  assert.deepEqual(
    sizes,
    sizes.map((_, at) => at + 1),
  );
  remote.close();
});

test("RemoteParts tells the other side who was cancelled, and gives its place away when it ends", async () => {
  const { remote, part, running } = makeGated();
  const cancel = new AbortController();
  const asked = Array.from({ length: IN_FLIGHT_MAX }, (_, at) => ask(part, at + 1, cancel.signal));
  const waiting = ask(part, 100, cancel.signal);
  const other = ask(part, 50);
  await until(() => running.size === IN_FLIGHT_MAX);
  cancel.abort();
  const expected = { code: "unavailable", message: "the query was cancelled" };
  for (const one of [...asked, waiting]) await assert.rejects(one, expected);
  await until(() => [...running.values()].every(({ signal }) => signal.aborted));
  assert.equal(remote.open, IN_FLIGHT_MAX + 1);
  running.get(1)!.end();
  await until(() => running.has(50));
  assert.ok(!running.has(100));
  for (const one of running.values()) one.end();
  assert.equal((await other).startUs.length, 50);
  await until(() => remote.open === 0);
  await assert.rejects(ask(part, 1, cancel.signal), expected);
  remote.close();
});

test("RemoteParts refuses more questions than may wait", async () => {
  const { remote, part } = makeGated();
  const asked = Array.from({ length: IN_FLIGHT_MAX + WAITING_MAX }, () => ask(part, 1));
  await assert.rejects(ask(part, 1), { code: "overloaded" });
  remote.close();
  const results = await Promise.allSettled(asked);
  assert.ok(results.every((one) => one.status === "rejected" && one.reason.code === "unavailable"));
});

test("RemoteParts.close() stops what the other side works on", async () => {
  const { remote, part, running } = makeGated();
  const asked = assert.rejects(ask(part, 1), { code: "unavailable" });
  await until(() => running.size === 1);
  remote.close();
  await asked;
  await until(() => running.get(1)!.signal.aborted);
  running.get(1)!.end();
});

test("RemoteParts leaves the ids alone that it was asked for", async () => {
  const ids = [traceIdOf(1), traceIdOf(2)];
  const names = { traceIds: Buffer.concat(ids), spanIds: Buffer.alloc(16) };
  const part = heads.parts.part(1);
  await part.readTraces(ids, never);
  await part.spanServices(names, never);
  assert.deepEqual(ids, [traceIdOf(1), traceIdOf(2)]);
  assert.equal(names.traceIds.length, 32);
});

test("RemoteParts does not keep the process alive while nothing is asked", async () => {
  const { port1, port2 } = new MessageChannel();
  const remote = new RemoteParts<number>(port1);
  assert.equal(port1.hasRef(), false);
  const asked = remote.part(0).services(never);
  assert.equal(port1.hasRef(), true);
  servePart(port2, () => new BatchPart());
  await asked;
  assert.equal(port1.hasRef(), false);
  remote.close();
  await once(port2, "close");
});
