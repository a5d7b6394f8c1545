// Traces one after the other: adjusted or raw, and let go of as they are taken.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { makeTrace } from "../../test/make-trace.ts";
import { printSpans } from "../model/print-spans.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { eachTrace, startItems } from "./read-traces.ts";

const adjust = { skewNsMax: 0 };

test("eachTrace() asks for a trace when the one before was used", async () => {
  let asked = 0;
  async function* make(): AsyncGenerator<SpanBatch> {
    for (const id of [1, 2, 3]) {
      asked++;
      await setImmediate();
      yield makeTrace({ id, name: `n${id}` });
    }
  }
  const names: string[] = [];
  for await (const trace of eachTrace(make(), { adjust, raw: false })) {
    names.push(trace.dictionary.text(trace.name[0]!));
    assert.equal(asked, names.length);
  }
  assert.deepEqual(names, ["n1", "n2", "n3"]);
});

test("startItems() asks for the first item only, and ends what it began", async () => {
  const steps: string[] = [];
  async function* make(): AsyncGenerator<number> {
    try {
      for (const item of [1, 2, 3]) {
        steps.push(`ask ${item}`);
        await setImmediate();
        yield item;
      }
    } finally {
      steps.push("end");
    }
  }
  const items = await startItems(make());
  assert.deepEqual(steps, ["ask 1"]);
  for await (const item of items ?? []) if (item === 2) break;
  assert.deepEqual(steps, ["ask 1", "ask 2", "end"]);
  assert.deepEqual(await collect((await startItems(make())) ?? []), [1, 2, 3]);
});

test("startItems() says when there is none", async () => {
  async function* none(): AsyncGenerator<never> {
    await setImmediate();
    yield* [];
  }
  assert.equal(await startItems(none()), undefined);
});

test("eachTrace() adjusts, unless the view is raw", async () => {
  const make = () => makeTrace({ id: 1, attributes: { b: "1", a: "2" } }, { id: 2, parent: 9 });
  const [stored, seen] = [make(), make()];
  for await (const trace of eachTrace([seen], { adjust, raw: true })) {
    assert.equal(printSpans(trace), printSpans(stored));
  }
  for await (const trace of eachTrace([seen], { adjust, raw: false })) {
    assert.match(printSpans(trace), /a="2"\n {2}b="1"[^]*@jaeger@warnings/);
  }
});

async function collect<T>(items: AsyncIterable<T> | Iterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
