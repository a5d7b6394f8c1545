// Memory of decoded pages: arrays hold zeros, what is given back is used again, and all of it is bounded.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PageMemory } from "./page-memory.ts";

const MEGABYTE = 1 << 20;

test("Lease makes arrays of zeros of any length, also of memory that was used", () => {
  const memory = new PageMemory(0xff);
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 70_000 }), { maxLength: 8 }), (lengths) => {
      const lease = memory.lease();
      for (const length of lengths) {
        for (const make of ["octets", "shorts", "words", "doubles"] as const) {
          const array = lease[make](length);
          assert.equal(array.length, length);
          assert.ok(array.every((value) => value === 0));
          array.fill(7);
        }
      }
      memory.giveBack(lease);
    }),
    { numRuns: 30 },
  );
});

test("Lease counts the bytes of its arrays, also of those that are not used again", () => {
  const lease = new PageMemory().lease();
  lease.octets(100);
  assert.equal(lease.bytes, 100);
  lease.doubles(MEGABYTE);
  assert.equal(lease.bytes, 100 + 8 * MEGABYTE);
  lease.words(1_000);
  assert.ok(lease.bytes >= 8 * MEGABYTE + 4_100 && lease.bytes <= 8 * MEGABYTE + 5_100);
});

test("PageMemory.giveBack() gives a buffer to the next array of about its size, once", () => {
  const memory = new PageMemory();
  const first = memory.lease();
  const { buffer } = first.words(1_000);
  memory.giveBack(first);
  const second = memory.lease();
  assert.equal(second.doubles(490).buffer, buffer);
  assert.notEqual(second.doubles(490).buffer, buffer);
  assert.equal(memory.freeBytes, 0);
  memory.giveBack(first);
  assert.equal(memory.freeBytes, 0);
});

test("PageMemory keeps no more than 8 MiB for later", () => {
  const memory = new PageMemory();
  const lease = memory.lease();
  for (let n = 0; n < 100; n++) lease.octets(200_000);
  memory.giveBack(lease);
  assert.ok(memory.freeBytes > 7 * MEGABYTE && memory.freeBytes <= 8 * MEGABYTE);
});
