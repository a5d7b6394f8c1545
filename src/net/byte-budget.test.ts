// The bound over all bodies in flight, and the memory that is lent again and again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeByteBudget } from "./byte-budget.ts";

test("take() gives up to the bound and not a byte more", () => {
  const budget = makeByteBudget(100);
  assert.equal(budget.take(60), true);
  assert.equal(budget.take(41), false);
  assert.equal(budget.heldBytes, 60);
  assert.equal(budget.take(40), true);
  budget.give(100);
  assert.equal(budget.heldBytes, 0);
});

test("give() of more than was taken is a bug", () => {
  const budget = makeByteBudget(100);
  budget.take(10);
  assert.throws(() => budget.give(11), /bug: more bytes given back/);
});

test("borrow() hands out a buffer that was given back", () => {
  const budget = makeByteBudget(1);
  const first = budget.borrow(250_000);
  assert.ok(first.length >= 250_000);
  assert.notEqual(budget.borrow(250_000), first);
  budget.giveBack(first);
  assert.equal(budget.borrow(200_000), first);
});

test("borrow() never hands out one buffer twice", () => {
  const budget = makeByteBudget(1);
  const lent = new Set<Uint8Array>();
  for (let turn = 0; turn < 40; turn++) {
    const bytes = 1 + ((turn * 7919) % 300_000);
    const buffer = budget.borrow(bytes);
    assert.ok(buffer.length >= bytes);
    assert.ok(!lent.has(buffer));
    lent.add(buffer);
    if (turn % 3 === 0) {
      lent.delete(buffer);
      budget.giveBack(buffer);
    }
  }
});

test("giveBack() keeps a few MiB and lets the rest go", () => {
  const budget = makeByteBudget(1);
  const mib = 1024 * 1024;
  const lent = Array.from({ length: 10 }, () => budget.borrow(mib));
  for (const buffer of lent) budget.giveBack(buffer);
  const again = lent.map(() => budget.borrow(mib)).filter((buffer) => lent.includes(buffer));
  assert.equal(again.length, 4);
});

test("giveBack() does not keep what it did not lend", () => {
  const budget = makeByteBudget(1);
  const foreign = new Uint8Array(20_000);
  budget.giveBack(foreign);
  assert.notEqual(budget.borrow(16_384), foreign);
  assert.equal(budget.borrow(40_000_000).length, 40_000_000);
});
