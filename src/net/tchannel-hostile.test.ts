// A conversation cut at every byte, with every byte flipped, changed at random, and in any order: each ends, and
// costs its connection only.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeRandom, mutate } from "../../test/fuzz/mutate.ts";
import { openRawPeer } from "../../test/raw-peer.ts";
import { INIT, callOf, checkServes, framesOf, openTestServer } from "../../test/tchannel-peer.ts";
import {
  CALL_ANSWER,
  CALL_REQUEST_MORE,
  FrameReader,
  INIT_ANSWER,
  PING_ANSWER,
  PING_REQUEST,
  makeFrame,
  writeCancel,
  writeEmpty,
} from "./tchannel-frame.ts";

/** An init, a call in two frames, a ping, a cancel: all that an agent says. */
const FRAMES = [
  INIT,
  callOf(2, 1),
  continueOf(2),
  writeEmpty(PING_REQUEST, 5),
  ...framesOf(6, { ttlMs: 50 }),
  writeCancel(6, "x"),
];
const CONVERSATION = Buffer.concat(FRAMES);
const SEED = 20_261_123;
const ROUNDS = 20;

function continueOf(id: number): Uint8Array {
  const frame = makeFrame(CALL_REQUEST_MORE, id, 16 + 1 + 5 + 2);
  frame.fill(0, 16);
  frame[17] = 3;
  const [first] = framesOf(id);
  // No more bytes: the checksum stays.
  frame.set(first!.subarray(16 + 46, 16 + 50), 18);
  return frame;
}

async function sendAndEnd(port: number, bytes: Uint8Array): Promise<string> {
  const peer = await openRawPeer(port);
  peer.write(bytes);
  peer.socket.end();
  const answer = await peer.untilClosed();
  peer.socket.destroy();
  return answer;
}

test("a whole conversation is answered as one", async () => {
  await using server = await openTestServer();
  const frames: number[] = [];
  const reader = new FrameReader((type) => frames.push(type));
  reader.add(Buffer.from(await sendAndEnd(server.port, CONVERSATION), "latin1"));
  assert.deepEqual(frames.slice(0, 1), [INIT_ANSWER]);
  assert.ok(frames.includes(CALL_ANSWER) && frames.includes(PING_ANSWER), frames.join());
});

test("every proper prefix of a conversation ends, and costs only its connection", async () => {
  await using server = await openTestServer();
  for (let end = 0; end < CONVERSATION.length; end += 16) {
    const cuts = Array.from({ length: 16 }, (_, i) => CONVERSATION.subarray(0, end + i));
    await Promise.all(cuts.map((cut) => sendAndEnd(server.port, cut)));
  }
  await checkServes(server);
});

test("every flipped byte of a conversation ends, and costs only its connection", async () => {
  await using server = await openTestServer();
  for (const flip of [0x01, 0x80, 0xff]) {
    for (let start = 0; start < CONVERSATION.length; start += 16) {
      const flipped = Array.from({ length: 16 }, (_, i) => {
        const bytes = Buffer.from(CONVERSATION);
        if (start + i < bytes.length) bytes[start + i]! ^= flip;
        return sendAndEnd(server.port, bytes);
      });
      await Promise.all(flipped);
    }
  }
  await checkServes(server);
});

/** Sends 16 at a time, so often. */
async function sendRounds(port: number, make: () => Uint8Array): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(Array.from({ length: 16 }, () => sendAndEnd(port, make())));
  }
}

test("conversations that are changed at random end, and cost only their connections", async () => {
  await using server = await openTestServer();
  const random = makeRandom(SEED);
  await sendRounds(server.port, () => mutate(random, [CONVERSATION, Buffer.concat(framesOf(2))]));
  await checkServes(server);
});

test("frames in any order, left out and doubled, end, and cost only their connections", async () => {
  await using server = await openTestServer();
  const random = makeRandom(SEED);
  const any = (): Uint8Array => FRAMES[random(FRAMES.length)]!;
  await sendRounds(server.port, () => {
    const frames = Array.from({ length: 1 + random(2 * FRAMES.length) }, any);
    return Buffer.concat(random(4) === 0 ? frames : [INIT, ...frames]);
  });
  await checkServes(server);
});
