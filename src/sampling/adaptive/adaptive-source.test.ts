// Adaptive sampling as a whole over simulated traffic: a clock and dice of its own, a real state.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../base/clock.ts";
import { SpoorError } from "../../base/errors.ts";
import { silentLog } from "../../base/log.ts";
import { printMetrics } from "../../base/metrics-text.ts";
import { MetricsRegistry } from "../../base/metrics.ts";
import { AdaptiveSource, type AdaptiveSettings, keepMsOf } from "./adaptive-source.ts";
import { SimulatedDisk } from "../../../test/store/simulated-disk.ts";
import { MemoryState } from "./memory-state.ts";
import type { SamplingState } from "./sampling-state.ts";
import { openSharedState } from "./shared-state.ts";

const SETTINGS: AdaptiveSettings = {
  targetSamplesPerSecond: 1,
  deltaTolerance: 0.3,
  bucketsForCalculation: 1,
  initialSamplingProbability: 0.001,
  minSamplingProbability: 1e-5,
  minSamplesPerSecond: 1 / 60,
  calculationIntervalMs: 60_000,
  aggregationBuckets: 10,
  delayMs: 120_000,
  leaderRefreshMs: 5_000,
  followerRefreshMs: 60_000,
};

interface World {
  readonly clock: Clock;
  readonly state: MemoryState;
  pass(ms: number): void;
}

function makeWorld(): World {
  let nowMs = 1_700_000_000_000;
  const clock: Clock = { nowUs: () => nowMs * 1_000, monotonicMs: () => nowMs };
  const state = new MemoryState(clock, keepMsOf(SETTINGS));
  return { clock, state, pass: (ms) => void (nowMs += ms) };
}

interface Collector {
  readonly source: AdaptiveSource;
  readonly registry: MetricsRegistry;
}

function openCollector(
  holder: string,
  world: World,
  state: SamplingState = world.state,
): Collector {
  const registry = new MetricsRegistry();
  const source = new AdaptiveSource({
    settings: SETTINGS,
    state,
    holder,
    clock: world.clock,
    registry,
    log: silentLog,
    onBug: (error) => assert.ifError(error),
  });
  return { source, registry };
}

/** The same numbers in every run, spread over [0, 1). */
function makeDice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
}

async function probabilityOf(source: AdaptiveSource, operation: string): Promise<number> {
  const { operations } = await source.strategyOf("shop");
  assert.ok(operations !== undefined);
  const row = operations.perOperation.find((one) => one.operation === operation);
  return row?.samplingRate ?? operations.defaultSamplingProbability;
}

/** One interval of traffic: clients ask `told`, sample by it, and report to `to`. */
async function sendTraffic(
  told: AdaptiveSource,
  to: AdaptiveSource,
  traffic: Readonly<Record<string, number>>,
  dice: () => number,
): Promise<Record<string, number>> {
  const sampled: Record<string, number> = {};
  for (const [operation, perSecond] of Object.entries(traffic)) {
    const probability = await probabilityOf(told, operation);
    const traces = perSecond * (SETTINGS.calculationIntervalMs / 1_000);
    let count = 0;
    for (let trace = 0; trace < traces; trace++) if (dice() < probability) count++;
    sampled[operation] = count;
    // At least one by the lower bound, so that the operation is known.
    const spans = Math.max(1, count);
    to.record([{ service: "shop", operation, count, spans, probabilities: [probability] }]);
  }
  return sampled;
}

test("AdaptiveSource brings busy and quiet operations to the target, whatever they send", async () => {
  const world = makeWorld();
  const { source } = openCollector("one", world);
  await source.elect();
  const dice = makeDice(7);
  const traffic = { busy: 2_000, usual: 100, quiet: 3, rare: 0.2 };
  let sampled: Record<string, number> = {};
  for (let interval = 0; interval < 40; interval++) {
    sampled = await sendTraffic(source, source, traffic, dice);
    world.pass(SETTINGS.calculationIntervalMs);
    await source.tick();
  }
  for (const operation of ["busy", "usual", "quiet"] as const) {
    const perSecond = sampled[operation]! / 60;
    assert.ok(Math.abs(perSecond - 1) < 0.45, `${operation}: ${perSecond} a second, expected 1`);
    const probability = await probabilityOf(source, operation);
    const ideal = 1 / traffic[operation];
    assert.ok(
      probability > 0.6 * ideal && probability < 1.6 * ideal,
      `${operation} ${probability}`,
    );
  }
  // It has less than the target even when all of it is sampled.
  assert.equal(await probabilityOf(source, "rare"), 1);
});

test("AdaptiveSource takes the steps of the formula: doubled, doubled, then down at once", async () => {
  const world = makeWorld();
  const { source } = openCollector("one", world);
  await source.elect();
  const seen: number[] = [];
  // What a client that obeys would report: nothing by probability, but the operation is there.
  const report = async (count: number): Promise<void> => {
    const probabilities = [await probabilityOf(source, "buy")];
    source.record([{ service: "shop", operation: "buy", count, spans: 1, probabilities }]);
    world.pass(SETTINGS.calculationIntervalMs);
    await source.tick();
    seen.push(await probabilityOf(source, "buy"));
  };
  // An interval counts two minutes after its end, in the third tick from its own. What came at an old
  // probability changes nothing: ticks 3, 6 and 9 see the first answer to what was told last.
  for (const count of [0, 0, 0, 0, 600, 600, 600, 600, 600]) await report(count);
  const steps = [0.001, 0.001, 0.002, 0.002, 0.002, 0.004, 0.004, 0.004, 0.0004];
  assert.deepEqual(seen, steps);
});

test("collectors that share a state agree: one calculates, all answer alike", async () => {
  const world = makeWorld();
  const [a, b] = [openCollector("a", world), openCollector("b", world)];
  await a.source.elect();
  await b.source.elect();
  assert.deepEqual([a.source.isLeader, b.source.isLeader], [true, false]);
  const dice = makeDice(11);
  for (let interval = 0; interval < 20; interval++) {
    // Each gets half of the traffic, from clients that ask it.
    await sendTraffic(a.source, a.source, { buy: 100 }, dice);
    await sendTraffic(b.source, b.source, { buy: 100 }, dice);
    world.pass(SETTINGS.calculationIntervalMs);
    await b.source.tick();
    await a.source.tick();
    await b.source.follow();
    await a.source.elect();
    await b.source.elect();
    assert.deepEqual(await a.source.strategyOf("shop"), await b.source.strategyOf("shop"));
  }
  const probability = await probabilityOf(b.source, "buy");
  assert.ok(probability > 1 / 340 && probability < 1 / 120, `${probability}, expected 1/200`);
  assert.deepEqual([a.source.isLeader, b.source.isLeader], [true, false]);
});

test("processes that share a directory agree; when the leader is gone another goes on", async () => {
  const world = makeWorld();
  const files = new SimulatedDisk();
  const open = async (holder: string): Promise<AdaptiveSource> => {
    const keepMs = keepMsOf(SETTINGS);
    const { clock } = world;
    const options = { files, directory: "/shared", clock, log: silentLog, holder, keepMs };
    return openCollector(holder, world, await openSharedState(options)).source;
  };
  const [a, b] = [await open("a"), await open("b")];
  await a.elect();
  await b.elect();
  const dice = makeDice(23);
  const ticks = async (...sources: readonly AdaptiveSource[]): Promise<void> => {
    for (let renewal = 0; renewal < 12; renewal++) {
      world.pass(SETTINGS.leaderRefreshMs);
      for (const source of sources) if (source.isLeader) await source.elect();
    }
    for (const source of sources) await source.tick();
    for (const source of sources) await source.follow();
    for (const source of sources) await source.elect();
  };
  for (let interval = 0; interval < 20; interval++) {
    await sendTraffic(a, a, { buy: 100, "only a": 10 }, dice);
    await sendTraffic(b, b, { buy: 100, "only b": 10 }, dice);
    await ticks(a, b);
    assert.deepEqual(await a.strategyOf("shop"), await b.strategyOf("shop"));
  }
  assert.deepEqual([a.isLeader, b.isLeader], [true, false]);
  const isNear = async (operation: string, ideal: number): Promise<void> => {
    const probability = await probabilityOf(b, operation);
    const text = `${operation}: ${probability}, expected ${ideal}`;
    assert.ok(probability > 0.6 * ideal && probability < 1.7 * ideal, text);
  };
  await isNear("buy", 1 / 200);
  await isNear("only a", 1 / 10);
  await isNear("only b", 1 / 10);
  // The leader is stopped, and with it half of the clients.
  let waited = 0;
  for (let interval = 0; interval < 12; interval++) {
    await sendTraffic(b, b, { buy: 50 }, dice);
    await ticks(b);
    if (!b.isLeader) waited++;
  }
  assert.ok(waited <= 2, `${waited} intervals without a leader`);
  await isNear("buy", 1 / 50);
  // It goes on where it was: nobody listens, and it follows.
  await a.tick();
  await b.follow();
  await isNear("buy", 1 / 50);
  await a.elect();
  await a.follow();
  assert.deepEqual([a.isLeader, b.isLeader], [false, true]);
  assert.deepEqual(await a.strategyOf("shop"), await b.strategyOf("shop"));
});

test("after a long silence what was learned stays, until it is known who is silent", async () => {
  const world = makeWorld();
  const first = openCollector("first", world).source;
  await first.elect();
  const dice = makeDice(5);
  for (let interval = 0; interval < 12; interval++) {
    await sendTraffic(first, first, { buy: 500, gone: 500 }, dice);
    world.pass(SETTINGS.calculationIntervalMs);
    await first.tick();
  }
  await first.close();
  const known = await probabilityOf(first, "gone");
  assert.ok(known > 1 / 1_000 && known < 1 / 300, `${known}`);
  world.pass(86_400_000);
  const next = openCollector("next", world).source;
  await next.follow();
  await next.elect();
  for (let interval = 1; interval <= 12; interval++) {
    await sendTraffic(next, next, { buy: 500 }, dice);
    world.pass(SETTINGS.calculationIntervalMs);
    await next.tick();
    const { operations } = await next.strategyOf("shop");
    const names = operations?.perOperation.map(({ operation }) => operation).toSorted();
    const isKnown = interval < SETTINGS.aggregationBuckets;
    assert.deepEqual(names, isKnown ? ["buy", "gone"] : ["buy"], `interval ${interval}`);
    if (isKnown) assert.equal(await probabilityOf(next, "gone"), known);
  }
});

test("the lead goes to another when it is given up, and when it is not renewed", async () => {
  const world = makeWorld();
  const [a, b] = [openCollector("a", world), openCollector("b", world)];
  await a.source.elect();
  await a.source.close();
  await b.source.elect();
  assert.equal(b.source.isLeader, true);
  const c = openCollector("c", world);
  world.pass(SETTINGS.followerRefreshMs - 1);
  await c.source.elect();
  assert.equal(c.source.isLeader, false);
  world.pass(1);
  await c.source.elect();
  assert.equal(c.source.isLeader, true);
  await b.source.elect();
  assert.equal(b.source.isLeader, false);
});

test("a collector that starts later knows the result and the throughput so far", async () => {
  const world = makeWorld();
  const first = openCollector("first", world);
  await first.source.elect();
  const dice = makeDice(3);
  for (let interval = 0; interval < 12; interval++) {
    await sendTraffic(first.source, first.source, { buy: 500 }, dice);
    world.pass(SETTINGS.calculationIntervalMs);
    await first.source.tick();
  }
  const known = await first.source.strategyOf("shop");
  await first.source.close();
  const next = openCollector("next", world);
  await next.source.start();
  assert.equal(next.source.isLeader, true);
  assert.deepEqual(await next.source.strategyOf("shop"), known);
  world.pass(SETTINGS.calculationIntervalMs);
  await next.source.tick();
  // Nothing was lost of what is not calculated yet.
  assert.ok((await probabilityOf(next.source, "buy")) < 0.01);
  await next.source.close();
});

test("an unknown service is told the initial probability and the lower bound", async () => {
  const { source } = openCollector("one", makeWorld());
  assert.deepEqual(await source.strategyOf("nobody"), {
    type: "probabilistic",
    samplingRate: 0.001,
    operations: {
      defaultSamplingProbability: 0.001,
      defaultLowerBoundTracesPerSecond: 1 / 60,
      defaultUpperBoundTracesPerSecond: 0,
      perOperation: [],
    },
  });
});

test("a state that fails leaves what is in force, and gives up the lead", async () => {
  const world = makeWorld();
  let isDown = false;
  const failing = new Proxy(world.state, {
    get: (state, key: keyof SamplingState) =>
      isDown && key !== "releaseLease"
        ? () => Promise.reject(new SpoorError("unavailable", "the state is away"))
        : (state[key] as () => unknown).bind(state),
  });
  const { source, registry } = openCollector("one", world, failing);
  await source.elect();
  await sendTraffic(source, source, { buy: 5_000 }, makeDice(1));
  for (let interval = 0; interval < 3; interval++) {
    world.pass(SETTINGS.calculationIntervalMs);
    await source.tick();
  }
  const known = await probabilityOf(source, "buy");
  assert.ok(known < 0.001, `${known}`);
  isDown = true;
  await assert.rejects(source.tick(), { code: "unavailable" });
  await assert.rejects(source.elect(), { code: "unavailable" });
  assert.equal(source.isLeader, false);
  assert.equal(await probabilityOf(source, "buy"), known);
  await source.close();
  assert.match(printMetrics(registry), /^spoor_sampling_state_failures_total 1$/m);
});
