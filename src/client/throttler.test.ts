// Debug traces by credit, from a server that gives it well or badly.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { makeCountedMetrics } from "../../test/counted-metrics.ts";
import { JaegerMetrics, JaegerThrottler } from "../../test/jaeger-samplers.ts";
import { type PolledServer, answerEndlessly, openPolledServer } from "../../test/polled-server.ts";
import { makeClientMetrics } from "./client-metrics.ts";
import { DefaultThrottler, RemoteThrottler } from "./throttler.ts";

let server: PolledServer;
before(async () => {
  server = await openPolledServer();
});
after(() => server.close());

const THROTTLED = "jaeger:throttled_debug_spans";
const OK = "jaeger:throttler_updates{result=ok}";
const FAILED = "jaeger:throttler_updates{result=err}";

function openRig(uuid: string | undefined = "u-1") {
  const { factory, figures } = makeCountedMetrics();
  const throttler = new RemoteThrottler("shop", {
    hostPort: server.hostPort,
    refreshIntervalMs: 0,
    metrics: makeClientMetrics(factory),
  });
  throttler.setProcess({ tags: [{ key: "client-uuid", value: uuid }] });
  return { throttler, figures };
}

function give(...balances: readonly unknown[]): void {
  server.answer = JSON.stringify({ balances });
}

test("RemoteThrottler asks for the operations that wanted a debug trace, and spends what it gets", async () => {
  const { throttler, figures } = openRig();
  await throttler.refresh(); // nobody wanted anything: nothing is asked
  assert.deepEqual(figures, {});
  assert.equal(throttler.isAllowed("a b"), false);
  assert.equal(throttler.isAllowed("__proto__"), false);
  give({ operation: "a b", balance: 2 }, { operation: "__proto__", balance: 1.5 });
  await throttler.refresh();
  assert.equal(
    server.paths.at(-1),
    "/credits?service=shop&uuid=u-1&operations=a+b&operations=__proto__",
  );
  const allowed = ["a b", "a b", "a b", "__proto__", "__proto__"].map((one) =>
    throttler.isAllowed(one),
  );
  assert.deepEqual(allowed, [true, true, false, true, false]);
  give({ operation: "__proto__", balance: 0.5 });
  await throttler.refresh();
  assert.equal(throttler.isAllowed("__proto__"), true); // half a credit was left
  assert.deepEqual(figures, { [THROTTLED]: 4, [OK]: 2 });
  throttler.close();
});

test("RemoteThrottler allows what jaeger-client's does with the same credit", async () => {
  const { throttler, figures } = openRig();
  const counted = makeCountedMetrics();
  const metrics = new JaegerMetrics(counted.factory);
  const theirs = new JaegerThrottler("shop", { metrics, initialDelayMs: 2 ** 30 });
  theirs.isAllowed("a");
  throttler.isAllowed("a");
  const operations = ["a", "b", "a", "a", "b"];
  for (const balance of [0, 0.4, 0.7, 3, 1, 2.5]) {
    for (const operation of operations) {
      assert.equal(throttler.isAllowed(operation), theirs.isAllowed(operation));
    }
    give({ operation: "a", balance }, { operation: "b", balance: balance / 2 });
    await throttler.refresh();
    theirs._parseCreditResponse(String(server.answer));
  }
  assert.deepEqual(figures, counted.figures);
  throttler.close();
  theirs.close();
});

test("RemoteThrottler takes no credit for what it did not ask for, and no more than a bound", async () => {
  const { throttler } = openRig();
  throttler.isAllowed("a");
  give({ operation: "b", balance: 9 }, { operation: "a", balance: 1e300 });
  await throttler.refresh();
  assert.equal(throttler.isAllowed("b"), false);
  let allowed = 0;
  while (throttler.isAllowed("a")) allowed++;
  assert.equal(allowed, 1_440);
  throttler.close();
});

test("RemoteThrottler counts answers that do not hold and keeps the credit that it has", async () => {
  const { throttler, figures } = openRig();
  throttler.isAllowed("a");
  give({ operation: "a", balance: 2 });
  await throttler.refresh();
  const answers: readonly PolledServer["answer"][] = [
    "",
    "null",
    "[]",
    "{}",
    '{"balances":{}}',
    '{"balances":[null]}',
    '{"balances":[{"operation":"a"}]}',
    '{"balances":[{"operation":"a","balance":"9"}]}',
    '{"balances":[{"operation":"a","balance":-9}]}',
    '{"balances":[{"operation":"a","balance":9},{"operation":7,"balance":9}]}',
    (response) => response.writeHead(500).end('{"balances":[]}'),
    answerEndlessly(" "),
  ];
  for (const answer of answers) {
    server.answer = answer;
    await throttler.refresh();
  }
  assert.deepEqual(figures, { [THROTTLED]: 1, [OK]: 1, [FAILED]: answers.length });
  assert.deepEqual(
    [1, 2, 3].map(() => throttler.isAllowed("a")),
    [true, true, false],
  );
  throttler.close();
});

test("RemoteThrottler asks in lines that a server takes, and remembers a bounded number", async () => {
  const { throttler, figures } = openRig();
  const asked = server.paths.length;
  for (let at = 0; at < 1_000; at++) throttler.isAllowed(`${at} `.repeat(100));
  throttler.isAllowed("x".repeat(1_000_000));
  give();
  await throttler.refresh();
  const paths = server.paths.slice(asked);
  assert.ok(paths.every((path) => path.length < 12_000));
  const operations = paths.flatMap((path) =>
    new URL(path, "http://x").searchParams.getAll("operations"),
  );
  assert.equal(operations.length, 200);
  assert.deepEqual(figures, { [THROTTLED]: 1_001, [OK]: 1 });
  throttler.close();
});

test("RemoteThrottler asks nothing before it knows who it is", async () => {
  const { throttler, figures } = openRig("");
  const asked = server.paths.length;
  throttler.isAllowed("a");
  await throttler.refresh();
  assert.equal(server.paths.length, asked);
  assert.deepEqual(figures, { [THROTTLED]: 1, [FAILED]: 1 });
  throttler.setProcess({ uuid: "u-2", tags: [] });
  give({ operation: "a", balance: 1 });
  await throttler.refresh();
  assert.equal(throttler.isAllowed("a"), true);
  let calls = 0;
  throttler.close(() => calls++);
  assert.equal(calls, 1);
});

test("RemoteThrottler asks by itself and tells who wants to know", async () => {
  give({ operation: "a", balance: 1 });
  const allowed = await new Promise<boolean>((resolve) => {
    const throttler = new RemoteThrottler("shop", {
      hostPort: server.hostPort,
      refreshIntervalMs: 5,
      onCreditsUpdate(one) {
        one.close();
        resolve(one.isAllowed("a"));
        throw new Error("the user's mistake");
      },
    });
    throttler.setProcess({ uuid: "u", tags: [] });
    throttler.isAllowed("a");
  });
  assert.equal(allowed, true);
});

test("DefaultThrottler allows everything or nothing", () => {
  assert.equal(new DefaultThrottler().isAllowed("a"), true);
  const throttler = new DefaultThrottler(true);
  throttler.setProcess({ tags: [] });
  assert.equal(throttler.isAllowed("a"), false);
  let calls = 0;
  throttler.close(() => calls++);
  assert.equal(calls, 1);
});
