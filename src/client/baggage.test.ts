// What of baggage is let through, cut, refused, and what the span's log says of it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { makeCountedMetrics } from "../../test/counted-metrics.ts";
import { JaegerBaggageSetter, JaegerMetrics } from "../../test/jaeger-samplers.ts";
import { type PolledServer, answerEndlessly, openPolledServer } from "../../test/polled-server.ts";
import {
  type BaggageRestrictions,
  DefaultBaggageRestrictions,
  RemoteBaggageRestrictions,
} from "./baggage-restrictions.ts";
import { BaggageSetter, type BaggageSpan } from "./baggage-setter.ts";
import { makeClientMetrics } from "./client-metrics.ts";
import { type SpanContext, makeSpanContext } from "./span-context.ts";

let server: PolledServer;
before(async () => {
  server = await openPolledServer();
});
after(() => server.close());

const UPDATED = "jaeger:baggage_updates{result=ok}";
const REFUSED = "jaeger:baggage_updates{result=err}";
const CUT = "jaeger:baggage_truncations";
const TOLD = "jaeger:baggage_restrictions_updates{result=ok}";
const NOT_TOLD = "jaeger:baggage_restrictions_updates{result=err}";

/** A span, as far as the setter sees it. */
function makeSpan(flags: number) {
  const logs: unknown[] = [];
  let context: SpanContext = makeSpanContext();
  context.flags = flags;
  const span: BaggageSpan & { getBaggageItem(key: string): string | undefined } = {
    serviceName: "shop",
    context: () => context,
    getBaggageItem: (key) => context.baggage?.[key], // for jaeger-client's setter
    log: (fields) => void logs.push({ ...fields }),
  };
  const set = (setter: BaggageSetter, key: string, value: string): void => {
    context = setter.setBaggage(span, key, value);
  };
  return { logs, set, baggage: () => ({ ...context.baggage }) };
}

function makeSetter(restrictions: BaggageRestrictions) {
  const { factory, figures } = makeCountedMetrics();
  return { setter: new BaggageSetter(restrictions, makeClientMetrics(factory)), figures };
}

test("BaggageSetter sets, replaces and cuts, and logs what it did as jaeger-client does", () => {
  const { setter, figures } = makeSetter(new DefaultBaggageRestrictions(5));
  const { logs, set, baggage } = makeSpan(1);
  set(setter, "user", "ann");
  set(setter, "user", "bartholomew");
  set(setter, "__proto__", "x");
  assert.deepEqual(Object.entries(baggage()), [
    ["user", "barth"],
    ["__proto__", "x"],
  ]);
  assert.deepEqual(logs, [
    { event: "baggage", key: "user", value: "ann" },
    { event: "baggage", key: "user", value: "barth", override: "true", truncated: "true" },
    { event: "baggage", key: "__proto__", value: "x" },
  ]);
  assert.deepEqual(figures, { [UPDATED]: 3, [CUT]: 1 });
});

test("BaggageSetter logs and counts what jaeger-client's does", () => {
  const restrictions = {
    getRestriction: (_service: string, key: string) => ({
      keyAllowed: key !== "bad",
      maxValueLength: 4,
    }),
  };
  for (const flags of [0, 1]) {
    const { setter, figures } = makeSetter(restrictions);
    const ours = makeSpan(flags);
    const counted = makeCountedMetrics();
    const theirs = makeSpan(flags);
    const jaeger = new JaegerBaggageSetter(restrictions, new JaegerMetrics(counted.factory));
    for (const key of ["user", "bad", "user", "order"]) {
      for (const value of ["", "ann", "bartholomew", "ann"]) {
        ours.set(setter, key, value);
        theirs.set(jaeger as unknown as BaggageSetter, key, value);
      }
    }
    assert.deepEqual(ours.logs, theirs.logs);
    assert.deepEqual(ours.baggage(), theirs.baggage());
    assert.deepEqual(figures, counted.figures);
  }
});

test("BaggageSetter refuses a key that is not allowed and says so", () => {
  const { setter, figures } = makeSetter({
    getRestriction: (service, key) => ({
      keyAllowed: service === "shop" && key === "good",
      maxValueLength: 10,
    }),
  });
  const { logs, set, baggage } = makeSpan(1);
  set(setter, "bad", "1");
  set(setter, "good", "2");
  assert.deepEqual(baggage(), { good: "2" });
  assert.deepEqual(logs, [
    { event: "baggage", key: "bad", value: "1", invalid: "true" },
    { event: "baggage", key: "good", value: "2" },
  ]);
  assert.deepEqual(figures, { [UPDATED]: 1, [REFUSED]: 1 });
});

test("BaggageSetter logs nothing on a span that is not sampled", () => {
  const { setter } = makeSetter(new DefaultBaggageRestrictions());
  const { logs, set, baggage } = makeSpan(0);
  set(setter, "user", "x".repeat(3_000));
  assert.equal(baggage()["user"]?.length, 2_048);
  assert.deepEqual(logs, []);
});

test("BaggageSetter leaves no half of a character at the cut", () => {
  const { setter } = makeSetter(new DefaultBaggageRestrictions(3));
  const { set, baggage } = makeSpan(1);
  set(setter, "split", "ab😀");
  set(setter, "whole", "a😀b");
  assert.deepEqual(baggage(), { split: "ab", whole: "a😀" });
});

test("BaggageSetter takes a bounded number of items and no key that is data", () => {
  const { setter, figures } = makeSetter(new DefaultBaggageRestrictions());
  const { set, baggage } = makeSpan(0);
  set(setter, "k".repeat(257), "x");
  for (let at = 0; at < 1_000; at++) set(setter, `key ${at}`, "x");
  set(setter, "key 0", "changed");
  const items = baggage();
  assert.equal(Object.keys(items).length, 128);
  assert.equal(items["key 0"], "changed");
  assert.deepEqual(figures, { [UPDATED]: 129, [REFUSED]: 1_001 - 128 });
});

function openRemote(denyBaggageOnInitializationFailure: boolean) {
  const { factory, figures } = makeCountedMetrics();
  const restrictions = new RemoteBaggageRestrictions("shop", {
    hostPort: server.hostPort,
    refreshInterval: 0,
    metrics: makeClientMetrics(factory),
    denyBaggageOnInitializationFailure,
  });
  const get = (key: string) => restrictions.getRestriction("shop", key);
  return { restrictions, get, figures };
}

const FORBIDDEN = { keyAllowed: false, maxValueLength: 0 };

for (const deny of [false, true]) {
  test(`RemoteBaggageRestrictions ${deny ? "forbids" : "allows"} all until it is told`, async () => {
    const { restrictions, get, figures } = openRemote(deny);
    assert.deepEqual(get("user"), deny ? FORBIDDEN : { keyAllowed: true, maxValueLength: 2_048 });
    server.answer =
      '[{"baggageKey":"user","maxValueLength":10},{"baggageKey":"__proto__"},' +
      '{"baggageKey":"Order_Id","maxValueLength":3}]';
    await restrictions.refresh();
    assert.equal(server.paths.at(-1), "/baggageRestrictions?service=shop");
    assert.deepEqual(get("user"), { keyAllowed: true, maxValueLength: 10 });
    assert.deepEqual(get("__proto__"), { keyAllowed: true, maxValueLength: 0 });
    assert.deepEqual(get("order-id"), { keyAllowed: true, maxValueLength: 3 });
    assert.deepEqual(get("other"), FORBIDDEN);
    assert.deepEqual(get("constructor"), FORBIDDEN);
    server.answer = "[]";
    await restrictions.refresh();
    assert.deepEqual(get("user"), FORBIDDEN);
    assert.deepEqual(figures, { [TOLD]: 2 });
    restrictions.close();
  });
}

test("RemoteBaggageRestrictions counts answers that do not hold, and keeps what it was told", async () => {
  const { restrictions, get, figures } = openRemote(false);
  const rows = (row: string, count: number): string =>
    `[${Array.from({ length: count }, () => row).join(",")}]`;
  server.answer = '[{"baggageKey":"user","maxValueLength":10}]';
  await restrictions.refresh();
  const answers: readonly PolledServer["answer"][] = [
    "",
    "null",
    "{}",
    "[null]",
    "[[]]",
    '[{"baggageKey":7,"maxValueLength":10}]',
    '[{"maxValueLength":10}]',
    '[{"baggageKey":"a","maxValueLength":-1}]',
    '[{"baggageKey":"a","maxValueLength":1.5}]',
    '[{"baggageKey":"a","maxValueLength":1e10}]',
    '[{"baggageKey":"a","maxValueLength":"10"}]',
    rows('{"baggageKey":"a"}', 10_001),
    (response) => response.writeHead(500).end("[]"),
    answerEndlessly(" "),
  ];
  for (const answer of answers) {
    server.answer = answer;
    await restrictions.refresh();
  }
  assert.deepEqual(get("user"), { keyAllowed: true, maxValueLength: 10 });
  assert.deepEqual(get("a"), FORBIDDEN);
  assert.deepEqual(figures, { [TOLD]: 1, [NOT_TOLD]: answers.length });
  let calls = 0;
  restrictions.close(() => calls++);
  assert.equal(calls, 1);
});
