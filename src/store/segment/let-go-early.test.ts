// How long a question keeps the blocks of a head.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom, makeSpans } from "../../../test/store/corpus.ts";
import { systemClock } from "../../base/clock.ts";
import { HeadPart } from "../head/head-part.ts";
import { Head } from "../head/head.ts";
import { letGoEarly } from "./let-go-early.ts";

const never = new AbortController().signal;
const range = { startUsMin: 0, startUsMax: Number.MAX_SAFE_INTEGER };

function makeHead(): Head {
  const head = new Head(16);
  head.append(makeSpans({ random: makeRandom(1), rows: 40, tracesFrom: 0, tracesEnd: 5 }));
  return head;
}

test("letGoEarly() unpins the head when it has answered", async () => {
  const head = makeHead();
  const opened = HeadPart.open(head, systemClock);
  const found = await letGoEarly(opened).search({ ...range, attributes: [], limit: 9 }, never);
  assert.equal(found.startUs.length, 5);
  assert.equal(head.isPinned, false);
  opened.done();
  assert.equal(head.isPinned, false);
});

test("letGoEarly() unpins the head when it has refused", async () => {
  const head = makeHead();
  const opened = HeadPart.open(head, systemClock);
  await assert.rejects(letGoEarly(opened).services(AbortSignal.abort()), { code: "unavailable" });
  assert.equal(head.isPinned, false);
});

test("letGoEarly() keeps the head for calls until the question ends", async () => {
  const head = makeHead();
  const opened = HeadPart.open(head, systemClock);
  const part = letGoEarly(opened);
  const { strangers } = await part.calls(range, never);
  assert.equal(head.isPinned, true);
  await part.spanServices(strangers, never);
  assert.equal(head.isPinned, true);
  opened.done();
  assert.equal(head.isPinned, false);
});
