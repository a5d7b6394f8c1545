// Memory for payloads that is used again, and how much of it is kept.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PayloadSlots } from "./payload-slots.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

function payloadOf(bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(bytes % 251);
}

test("PayloadSlots.take() copies a payload of any size", () => {
  const slots = new PayloadSlots();
  for (const bytes of [0, 1, 16 * KIB, 16 * KIB + 1, 4 * MIB, 4 * MIB + 1]) {
    const copy = slots.take(payloadOf(bytes));
    assert.deepEqual(Buffer.from(copy), Buffer.from(payloadOf(bytes)));
    slots.give(copy);
  }
});

test("PayloadSlots.take() uses memory that was given back, and no other", () => {
  const slots = new PayloadSlots();
  const first = slots.take(payloadOf(100 * KIB));
  const second = slots.take(payloadOf(100 * KIB));
  assert.notEqual(first.buffer, second.buffer);
  slots.give(first);
  const third = slots.take(payloadOf(70 * KIB));
  assert.equal(third.buffer, first.buffer);
  assert.deepEqual(Buffer.from(second), Buffer.from(payloadOf(100 * KIB)));
  assert.deepEqual(Buffer.from(third), Buffer.from(payloadOf(70 * KIB)));
});

test("PayloadSlots.give() keeps some megabytes, whatever the sizes", () => {
  for (const [bytes, keptMax] of [
    [1 * MIB, 4],
    [4 * MIB, 1],
    [9 * MIB, 0],
  ] as const) {
    const slots = new PayloadSlots();
    const given = Array.from({ length: 8 }, () => slots.take(payloadOf(bytes)));
    for (const one of given) slots.give(one);
    const buffers = new Set(given.map(({ buffer }) => buffer));
    const again = Array.from({ length: 8 }, () => slots.take(payloadOf(bytes)));
    assert.equal(again.filter(({ buffer }) => buffers.has(buffer)).length, keptMax);
  }
});
