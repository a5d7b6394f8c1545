// The books balance after any sequence of moves, and the check sees when they do not.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  DOORS,
  DROPPED_REASONS,
  FORMATS,
  Ledger,
  REFUSED_REASONS,
  findImbalances,
} from "./ledger.ts";

test("findImbalances() finds nothing after any sequence of moves", () => {
  const move = fc.record({
    door: fc.constantFrom(...DOORS),
    format: fc.constantFrom(...FORMATS),
    count: fc.nat(1_000),
    end: fc.constantFrom("store", "refuse", "drop", "wait"),
    refused: fc.constantFrom(...REFUSED_REASONS),
    dropped: fc.constantFrom(...DROPPED_REASONS),
  });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 50 }), (moves) => {
      const ledger = new Ledger();
      let stored = 0;
      for (const { door, format, count, end, refused, dropped } of moves) {
        const { spans } = ledger.account(door, format);
        spans.receive(count);
        if (end === "store") spans.store(count);
        if (end === "refuse") spans.refuse(count, refused);
        if (end === "drop") spans.drop(count, dropped);
        if (end === "store") stored += count;
      }
      assert.deepEqual(findImbalances(ledger.figures(), stored), []);
    }),
  );
});

test("findImbalances() names door, format and numbers of what does not add up", () => {
  const ledger = new Ledger();
  const account = ledger.account("otlp-grpc", "otlp-proto");
  account.spans.receive(5);
  account.spans.stored += 3;
  assert.deepEqual(findImbalances(ledger.figures()), [
    "otlp-grpc otlp-proto spans: 5 received, but 3 + 0 + 0 + 5",
    "total spans: 5 received, but 3 + 0 + 0 + 5",
  ]);
});

test("findImbalances() refuses a column below zero although the sum is right", () => {
  const ledger = new Ledger();
  ledger.account("zipkin", "zipkin-proto").requests.store(1);
  assert.equal(findImbalances(ledger.figures()).length, 2);
});

test("findImbalances() compares with what the store took", () => {
  const ledger = new Ledger();
  const { spans } = ledger.account("zipkin", "zipkin-proto");
  spans.receive(10);
  spans.store(7);
  assert.deepEqual(findImbalances(ledger.figures(), 7), []);
  assert.deepEqual(findImbalances(ledger.figures(), 10), []);
  for (const took of [6, 11]) {
    assert.deepEqual(findImbalances(ledger.figures(), took), [
      `the store took ${took} spans, the ledger says 7 + 3`,
    ]);
  }
});

test("Account.refuseRequest() counts a request that never got further", () => {
  const ledger = new Ledger();
  ledger.account("otlp-http", "unknown").refuseRequest("too-large");
  const { requests, spans } = ledger.figures().total;
  assert.equal(requests.received, 1);
  assert.equal(requests.refused["too-large"], 1);
  assert.equal(requests.inFlight, 0);
  assert.equal(spans.received, 0);
  assert.deepEqual(findImbalances(ledger.figures()), []);
});

test("Ledger.account() gives the same books for the same door and format", () => {
  const ledger = new Ledger();
  assert.equal(ledger.account("zipkin", "unknown"), ledger.account("zipkin", "unknown"));
  assert.notEqual(ledger.account("zipkin", "unknown"), ledger.account("otlp-http", "unknown"));
});

test("Ledger.figures() is a copy that later moves do not change", () => {
  const ledger = new Ledger();
  const account = ledger.account("zipkin", "unknown");
  const before = ledger.figures();
  account.refuseRequest("bad-input");
  assert.equal(before.total.requests.received, 0);
  assert.equal(before.accounts[0]?.requests.refused["bad-input"], 0);
});
