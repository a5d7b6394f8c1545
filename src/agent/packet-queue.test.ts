// First in, first out, within two bounds.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PacketQueue } from "./packet-queue.ts";

test("PacketQueue gives packets back in their order, whatever is offered in between", () => {
  const queue = new PacketQueue([10_000], 1e6);
  let offered = 0;
  let taken = 0;
  for (let round = 0; round < 2_000; round++) {
    for (let more = 0; more < 1 + (round % 3); more++) {
      assert.ok(queue.offer(0, Uint8Array.of(offered & 0xff, offered++ >> 8)));
    }
    const { bytes } = queue.take()!;
    assert.equal(bytes[0]! | (bytes[1]! << 8), taken++);
  }
  assert.equal(queue.length, offered - taken);
  assert.equal(queue.bytes, 2 * queue.length);
  while (queue.take() !== undefined) taken++;
  assert.deepEqual([taken, queue.length, queue.bytes, queue.lengthOf(0)], [offered, 0, 0, 0]);
});

test("PacketQueue keeps each door within its packets and all within the bytes", () => {
  const queue = new PacketQueue([2, 5], 40);
  const packet = new Uint8Array(10);
  assert.deepEqual(
    [queue.offer(0, packet), queue.offer(0, packet), queue.offer(0, packet)],
    [true, true, false],
  );
  assert.deepEqual(
    [queue.offer(1, packet), queue.offer(1, packet), queue.offer(1, packet)],
    [true, true, false],
  );
  queue.take();
  assert.ok(queue.offer(1, packet));
});
