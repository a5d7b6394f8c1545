// Bodies in pieces of any size, and what is refused before it takes memory.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BodyBuffer } from "./body-buffer.ts";
import { makeByteBudget } from "./byte-budget.ts";

const MIB = 1024 * 1024;

test("view() is all chunks in their order, whatever was declared", () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 40_000 }), { maxLength: 8 });
  fc.assert(
    fc.property(chunks, fc.boolean(), (parts, isDeclared) => {
      const whole = Buffer.concat(parts);
      const budget = makeByteBudget(MIB);
      const body = new BodyBuffer(isDeclared ? whole.length : -1, MIB, budget);
      for (const part of parts) body.add(part);
      assert.ok(whole.equals(body.view()));
      assert.equal(budget.heldBytes, whole.length);
      body.release();
      body.release();
      assert.equal(budget.heldBytes, 0);
    }),
    { numRuns: 50 },
  );
});

test("new BodyBuffer() refuses a declared size over the bound before it allocates", () => {
  const budget = makeByteBudget(MIB);
  const message = /body of 4294967295 bytes or more, at most 1048576 are taken/;
  assert.throws(() => new BodyBuffer(2 ** 32 - 1, MIB, budget), { reason: "too-large", message });
});

test("new BodyBuffer() allocates no more than 1 MiB on the word of a peer", () => {
  const borrowed: number[] = [];
  const budget = makeByteBudget(64 * MIB);
  const watched = {
    ...budget,
    borrow(bytes: number) {
      borrowed.push(bytes);
      return budget.borrow(bytes);
    },
  };
  const body = new BodyBuffer(16 * MIB, 16 * MIB, watched);
  assert.deepEqual(borrowed, [MIB]);
  assert.equal(budget.heldBytes, 0);
  for (let at = 0; at < 16; at++) body.add(new Uint8Array(MIB).fill(at));
  assert.deepEqual(borrowed, [MIB, 2 * MIB, 4 * MIB, 8 * MIB, 16 * MIB]);
  assert.deepEqual(
    [0, 5, 15].map((at) => body.view()[at * MIB + 7]),
    [0, 5, 15],
  );
});

test("add() refuses what goes over the bound, over the declared size, and over the budget", () => {
  const budget = makeByteBudget(100);
  const open = new BodyBuffer(-1, 50, budget);
  open.add(new Uint8Array(50));
  assert.throws(() => open.add(new Uint8Array(1)), { reason: "too-large" });
  const declared = new BodyBuffer(10, 50, budget);
  assert.throws(() => declared.add(new Uint8Array(11)), { reason: "too-large" });
  const third = new BodyBuffer(50, 50, budget);
  third.add(new Uint8Array(50));
  const fourth = new BodyBuffer(1, 50, budget);
  assert.throws(() => fourth.add(new Uint8Array(1)), { reason: "over-budget" });
  for (const body of [open, declared, third, fourth]) body.release();
  assert.equal(budget.heldBytes, 0);
});
