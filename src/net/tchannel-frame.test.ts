// Frames as the specification draws them, byte by byte, and however they are cut.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CANCEL,
  ERROR,
  ERROR_BUSY,
  FRAME_BYTES_MAX,
  FrameReader,
  INIT_REQUEST,
  PING_REQUEST,
  PayloadReader,
  makeFrame,
  readError,
  readInit,
  writeCancel,
  writeEmpty,
  writeError,
  writeInit,
} from "./tchannel-frame.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (...parts: readonly string[]): Uint8Array => Buffer.from(parts.join(""), "hex");

const ZEROS_25 = "00".repeat(25);
const golden: readonly (readonly [name: string, frame: Uint8Array, bytes: string])[] = [
  ["ping req", writeEmpty(PING_REQUEST, 7), "0010" + "d0" + "00" + "00000007" + "0000000000000000"],
  [
    "init req",
    writeInit(
      INIT_REQUEST,
      1,
      new Map([
        ["host_port", "a:1"],
        ["process_name", "p"],
      ]),
    ),
    "0035" +
      "01" +
      "00" +
      "00000001" +
      "0000000000000000" + // size, type, id
      "0002" +
      "0002" + // version, count
      "0009" +
      "686f73745f706f7274" +
      "0003" +
      "613a31" +
      "000c" +
      "70726f636573735f6e616d65" +
      "0001" +
      "70",
  ],
  [
    "error",
    writeError(9, ERROR_BUSY, "no"),
    "002e" + "ff" + "00" + "00000009" + "0000000000000000" + "03" + ZEROS_25 + "0002" + "6e6f",
  ],
  [
    "cancel",
    writeCancel(9, "no"),
    "0031" +
      "c0" +
      "00" +
      "00000009" +
      "0000000000000000" +
      "00000000" +
      ZEROS_25 +
      "0002" +
      "6e6f",
  ],
];

for (const [name, frame, bytes] of golden) {
  test(`${name} is written as the specification has it`, () => {
    assert.equal(hex(frame), bytes);
  });
}

type Frame = readonly [type: number, id: number, payload: string];

function readFrames(chunks: readonly Uint8Array[]): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader((type, id, payload) => {
    frames.push([type, id, hex(payload)]);
  });
  for (const chunk of chunks) reader.add(chunk);
  assert.equal(reader.isInFrame, false);
  return frames;
}

test("FrameReader finds the same frames however the bytes are cut", () => {
  const one = fc.tuple(
    fc.nat({ max: 255 }),
    fc.nat({ max: 0xffff_ffff }),
    fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(new Uint8Array(FRAME_BYTES_MAX - 16))),
  );
  const cuts = fc.array(fc.nat({ max: 0xffff }), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 5 }), cuts, (frames, at) => {
      const bytes = Buffer.concat(
        frames.map(([type, id, payload]) => {
          const frame = makeFrame(type, id, 16 + payload.length);
          frame.set(payload, 16);
          return frame;
        }),
      );
      const ends = [...at.map((cut) => cut % (bytes.length + 1)), bytes.length];
      ends.sort((a, b) => a - b);
      let start = 0;
      const chunks = ends.map((end) => bytes.subarray(start, (start = end)));
      const expected = frames.map(([type, id, payload]): Frame => [type, id, hex(payload)]);
      assert.deepEqual(readFrames(chunks), expected);
    }),
  );
});

test("FrameReader takes frames byte by byte", () => {
  const bytes = Buffer.concat(golden.map(([, frame]) => frame));
  const frames = readFrames([...bytes].map((byte) => Uint8Array.of(byte)));
  assert.deepEqual(
    frames.map(([type, id]) => [type, id]),
    [
      [PING_REQUEST, 7],
      [INIT_REQUEST, 1],
      [ERROR, 9],
      [CANCEL, 9],
    ],
  );
});

test("FrameReader refuses a frame that is smaller than its header, in one piece and in two", () => {
  for (const size of [0, 1, 15]) {
    const refuse = (chunks: readonly Uint8Array[]): void => {
      assert.throws(() => readFrames(chunks), { code: "bad-input", message: /at least 16/ });
    };
    refuse([unhex(size.toString(16).padStart(4, "0"), "00".repeat(20))]);
    refuse([Uint8Array.of(0), Uint8Array.of(size, 0)]);
  }
});

test("FrameReader takes nothing more once it is stopped", () => {
  let count = 0;
  const reader = new FrameReader(() => {
    count++;
    reader.stop();
  });
  reader.add(Buffer.concat([writeEmpty(PING_REQUEST, 1), writeEmpty(PING_REQUEST, 2)]));
  reader.add(writeEmpty(PING_REQUEST, 3));
  assert.equal(count, 1);
});

const payloadOf = (frame: Uint8Array): Uint8Array => frame.subarray(16);

test("readInit() gives back what was written, and refuses every proper prefix", () => {
  const headers = new Map([
    ["host_port", "0.0.0.0:0"],
    ["process_name", "größe"],
  ]);
  const payload = payloadOf(writeInit(INIT_REQUEST, 1, headers));
  assert.deepEqual(readInit(payload), { version: 2, headers });
  for (let end = 0; end < payload.length; end++) {
    assert.throws(() => readInit(payload.subarray(0, end)), { code: "bad-input" });
  }
});

test("readInit() refuses an older version, and who does not say who it is", () => {
  const init = (...names: string[]): Uint8Array =>
    payloadOf(writeInit(INIT_REQUEST, 1, new Map(names.map((name) => [name, ""]))));
  assert.throws(() => readInit(init("host_port")), { message: /process_name/ });
  assert.throws(() => readInit(init("process_name")), { message: /host_port/ });
  const old = init("host_port", "process_name");
  old[1] = 1;
  assert.throws(() => readInit(old), { message: "version 1, expected 2" });
});

test("readError() gives back what was written, and cuts what is too long", () => {
  const read = (message: string): unknown => readError(payloadOf(writeError(1, 3, message)));
  assert.deepEqual(read("später"), { code: 3, message: "später" });
  assert.deepEqual(read("x".repeat(5_000)), { code: 3, message: "x".repeat(1_024) });
});

test("PayloadReader refuses more headers than the specification allows", () => {
  const reader = new PayloadReader(new Uint8Array(1_000));
  assert.throws(() => reader.headers(129, 1), { code: "bad-input", message: /at most 128/ });
});
