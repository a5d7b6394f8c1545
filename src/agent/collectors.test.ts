// Which collectors are connected, rest and are chosen, while the clock is the test's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { silentLog } from "../base/log.ts";
import { backOffMs } from "./back-off.ts";
import { parseCollectors, resolveName } from "./collector-names.ts";
import { Collectors, type CollectorsOptions } from "./collectors.ts";
import { type Lane, NOTHING_LEFT_OUT, type Reporter, Setback } from "./reporters/reporter.ts";

/** Time that passes when the test says so; timers go off in their order. */
class TestTime {
  nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly call: () => void }>();
  readonly clock = { nowUs: () => this.nowMs * 1_000, monotonicMs: () => this.nowMs };
  readonly wake = (ms: number, call: () => void): (() => void) => {
    const timer = { atMs: this.nowMs + ms, call };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    for (;;) {
      await nextTurn();
      const due = [...this.#timers].filter(({ atMs }) => atMs <= endMs);
      const next = due.toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      this.#timers.delete(next);
      next.call();
    }
    this.nowMs = endMs;
    await nextTurn();
  }
}

/** Collectors by address that are there or not; every connect is noted with its time. */
class TestNet {
  readonly time = new TestTime();
  readonly down = new Set<string>();
  readonly sick = new Set<string>();
  readonly connects: (readonly [host: string, atMs: number])[] = [];
  readonly open = new Map<string, () => void>();
  closed = 0;
  readonly reporter: Reporter = {
    protocol: "test",
    format: "jaeger-proto",
    open: ({ address: { host } }, onLost) => {
      this.connects.push([host, this.time.nowMs]);
      if (this.down.has(host)) return Promise.reject(new Setback("not there"));
      const lane: Lane = {
        send: () => Promise.resolve(NOTHING_LEFT_OUT),
        check: () =>
          this.sick.has(host) ? Promise.reject(new Setback("sick")) : Promise.resolve(),
        askStrategy: () => Promise.reject(new Setback("does not know")),
        close: () => {
          this.closed++;
          this.open.delete(host);
        },
      };
      this.open.set(host, onLost);
      return Promise.resolve(lane);
    },
  };

  collectors(options: Partial<CollectorsOptions> = {}): Collectors {
    return new Collectors({
      hostPorts: ["a", "b", "c", "d"].map((host) => ({ host, port: 1 })),
      reporter: this.reporter,
      minPeers: 2,
      resolve: (name) => Promise.resolve([name]),
      clock: this.time.clock,
      wake: this.time.wake,
      random: () => 0,
      log: silentLog,
      onBug: (error) => assert.fail(`a bug: ${String(error)}`),
      ...options,
    });
  }
}

test("Collectors keeps minPeers connected, and takes another one for each that is lost", async () => {
  const net = new TestNet();
  const collectors = net.collectors();
  await collectors.open();
  await net.time.pass(0);
  assert.deepEqual([...net.open.keys()], ["a", "b"]);
  assert.deepEqual([collectors.connected, collectors.known], [2, 4]);
  net.down.add("a");
  const lose = net.open.get("a")!;
  net.open.delete("a");
  lose();
  await net.time.pass(0);
  assert.deepEqual([...net.open.keys()], ["b", "c"]);
  assert.equal(collectors.reconnects, 0);
  collectors.close();
  assert.equal(net.open.size, 0);
});

test("Collectors tries an address that is down ever more seldom, and finds it within ten seconds", async () => {
  const net = new TestNet();
  net.down.add("a");
  const collectors = net.collectors({ hostPorts: [{ host: "a", port: 1 }] });
  await collectors.open();
  await net.time.pass(60_000);
  const times = net.connects.map(([, atMs]) => atMs);
  const gaps = times.slice(1).map((atMs, index) => atMs - times[index]!);
  assert.deepEqual(gaps.slice(0, 9), [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  assert.ok(collectors.awayMs() >= 60_000);
  net.down.clear();
  await net.time.pass(10_000);
  assert.equal(collectors.connected, 1);
  assert.equal(collectors.awayMs(), 0);
  collectors.close();
});

test("Collectors.tryTake() gives the lane with the fewest calls, and one that rests to nobody", async () => {
  const net = new TestNet();
  const collectors = net.collectors({ minPeers: 3 });
  await collectors.open();
  await net.time.pass(0);
  const taken = Array.from({ length: 6 }, () => collectors.tryTake(0)!);
  const counts = Map.groupBy(taken, ({ address }) => address);
  assert.deepEqual(
    [...counts.values()].map(({ length }) => length),
    [2, 2, 2],
  );
  taken[0]!.done("good");
  assert.equal(collectors.tryTake(0)!.address, taken[0]!.address);
  taken[1]!.done(new Setback("later", 5_000));
  await net.time.pass(4_999);
  // A fourth one was connected in its place.
  assert.equal(collectors.connected, 4);
  const others = Array.from({ length: 20 }, () => collectors.tryTake(0)!.address);
  assert.ok(!others.includes(taken[1]!.address));
  await net.time.pass(1);
  assert.equal(collectors.tryTake(0)!.address, taken[1]!.address);
  collectors.close();
});

test("Collectors.tryTake() avoids an address only if there is another", async () => {
  const net = new TestNet();
  const collectors = net.collectors({ hostPorts: [{ host: "a", port: 1 }] });
  await collectors.open();
  await net.time.pass(0);
  assert.equal(collectors.tryTake(0, "a:1")?.address, "a:1");
  collectors.close();
  const two = net.collectors();
  await two.open();
  await net.time.pass(0);
  for (let call = 0; call < 5; call++) assert.equal(two.tryTake(0, "a:1")?.address, "b:1");
  two.close();
});

test("Collectors takes calls that fail together for one failure", async () => {
  const net = new TestNet();
  const collectors = net.collectors({ hostPorts: [{ host: "a", port: 1 }] });
  await collectors.open();
  await net.time.pass(0);
  const taken = Array.from({ length: 64 }, () => collectors.tryTake(0)!);
  for (const lane of taken) lane.done(new Setback("reset"));
  assert.equal(collectors.tryTake(0), undefined);
  await net.time.pass(50);
  assert.equal(collectors.tryTake(0)?.address, "a:1");
  collectors.close();
});

test("Collectors.tryTake() bounds the bytes of a lane, but for a single payload", async () => {
  const net = new TestNet();
  const collectors = net.collectors({ hostPorts: [{ host: "a", port: 1 }] });
  await collectors.open();
  await net.time.pass(0);
  const mib = 1024 * 1024;
  const large = collectors.tryTake(5 * mib);
  assert.equal(collectors.tryTake(0), undefined);
  large!.done("good");
  const taken = [collectors.tryTake(3 * mib)!, collectors.tryTake(mib)!];
  assert.equal(collectors.tryTake(1), undefined);
  const waiting = collectors.take(2 * mib, new AbortController().signal);
  taken[0]!.done("good");
  assert.equal((await waiting)?.address, "a:1");
  assert.equal(collectors.tryTake(mib + 1), undefined);
  assert.equal(collectors.tryTake(mib)?.address, "a:1");
  collectors.close();
});

test("Collectors.take() waits its turn behind lanes that are full", async () => {
  const net = new TestNet();
  const collectors = net.collectors({ hostPorts: [{ host: "a", port: 1 }] });
  await collectors.open();
  await net.time.pass(0);
  const taken = Array.from({ length: 64 }, () => collectors.tryTake(0)!);
  assert.equal(collectors.tryTake(0), undefined);
  const abort = new AbortController();
  const order: string[] = [];
  const wait = (name: string, signal: AbortSignal) =>
    collectors.take(0, signal).then((lane) => void order.push(`${name} ${lane?.address}`));
  const never = new AbortController().signal;
  const waiting = [wait("first", never), wait("second", abort.signal), wait("third", never)];
  abort.abort();
  taken[0]!.done("good");
  taken[1]!.done("refused");
  await Promise.all(waiting);
  assert.deepEqual(order.toSorted(), ["first a:1", "second undefined", "third a:1"]);
  const last = collectors.take(0, never);
  collectors.close();
  assert.equal(await last, undefined);
});

test("Collectors looks names up again: new addresses are used, old ones let go after their calls", async () => {
  const net = new TestNet();
  let addresses = ["a", "b"];
  const collectors = net.collectors({
    hostPorts: [{ host: "collector", port: 1 }],
    resolve: () =>
      addresses.length > 0
        ? Promise.resolve(addresses)
        : Promise.reject(new Error("the name service is away")),
  });
  await collectors.open();
  await net.time.pass(0);
  const taken = [collectors.tryTake(0)!, collectors.tryTake(0)!];
  addresses = ["b", "c"];
  await net.time.pass(40_000);
  assert.deepEqual([...net.open.keys()].toSorted(), ["a", "b", "c"]);
  assert.ok(!Array.from({ length: 9 }, () => collectors.tryTake(0)?.address).includes("a:1"));
  for (const lane of taken) lane.done("good");
  assert.deepEqual([...net.open.keys()].toSorted(), ["b", "c"]);
  addresses = [];
  await net.time.pass(40_000);
  assert.deepEqual([collectors.known, collectors.connected], [2, 2]);
  collectors.close();
});

test("Collectors leaves a collector that says it is not well", async () => {
  const net = new TestNet();
  const collectors = net.collectors();
  await collectors.open();
  await net.time.pass(0);
  net.sick.add("a");
  net.down.add("a");
  await net.time.pass(15_000);
  assert.deepEqual([...net.open.keys()], ["b", "c"]);
  net.sick.clear();
  net.down.clear();
  net.down.add("b").add("c").add("d");
  for (const host of ["b", "c"]) net.open.get(host)!();
  await net.time.pass(15_000);
  assert.ok(net.open.has("a"));
  assert.equal(collectors.reconnects, 1);
  collectors.close();
});

test("Collectors connects again to a peer whose calls fail, without a storm", async () => {
  const net = new TestNet();
  const collectors = net.collectors({ hostPorts: [{ host: "a", port: 1 }] });
  await collectors.open();
  await net.time.pass(0);
  for (let round = 0; round < 50; round++) {
    const taken = collectors.tryTake(0);
    taken?.done(new Setback("reset"));
    net.open.get("a")?.();
    await net.time.pass(100);
  }
  // 5 s: rests of 100, 200, 400 … ms.
  assert.ok(net.connects.length <= 10, `${net.connects.length} connects`);
  collectors.close();
});

test("backOffMs() grows to its bound, spreads, and obeys the peer within reason", () => {
  const none = () => 0;
  const all = () => 0.999_999;
  assert.deepEqual(
    [1, 2, 3, 8, 50, 5_000].map((failures) => backOffMs(failures, none)),
    [50, 100, 200, 5_000, 5_000, 5_000],
  );
  assert.ok(backOffMs(50, all) > 9_999 && backOffMs(50, all) <= 10_000);
  assert.equal(backOffMs(1, none, 3_000), 3_000);
  assert.equal(backOffMs(1, none, 1e12), 60_000);
});

test("parseCollectors() reads what operators of Jaeger write", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ["collector:14250", "collector", 14250],
    ["dns:///collector-headless.tracing.svc:14250", "collector-headless.tracing.svc", 14250],
    [" [::1]:1 ", "::1", 1],
    [":14250", "localhost", 14250],
  ];
  for (const [text, host, port] of cases) {
    assert.deepEqual(parseCollectors([text], "flag"), [{ host, port }]);
  }
  for (const text of ["collector", "", "a:0", "http://a:1", "a:b"]) {
    assert.throws(() => parseCollectors([text], "flag"), { code: "bad-input" });
  }
});

test("resolveName() gives addresses as they are, and those of a name", async () => {
  assert.deepEqual(await resolveName("10.1.2.3"), ["10.1.2.3"]);
  const local = await resolveName("localhost");
  assert.ok(local.includes("127.0.0.1") || local.includes("::1"));
});
