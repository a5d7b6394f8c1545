// The layout of jaeger-client-go, byte by byte.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BinaryCarrier } from "opentracing";
import { SpanContext } from "../span-context.ts";
import { makeCodecs } from "./codec.ts";

/** What jaeger-client-go 2.30 writes for the context below. */
const GOLDEN = [
  "80f198ee56343ba864fe8b2a57d3eff7", // trace
  "e457b5a2e4d86bd1", // span
  "05e3ac9a4f6e3b90", // parent
  "03", // flags
  "00000001", // items
  "00000004", // length of the key
  "75736572", // user
  "00000007", // length of the value
  "416dc3a96c6965", // Amélie
].join("");

const TEXT = "80f198ee56343ba864fe8b2a57d3eff7:e457b5a2e4d86bd1:05e3ac9a4f6e3b90:3";

function openBinary(): { codec: ReturnType<typeof makeCodecs>["binary"]; garbage: string[] } {
  const garbage: string[] = [];
  const onGarbage = (reason: string): unknown => garbage.push(reason);
  return { codec: makeCodecs({ propagation: [], onGarbage }).binary, garbage };
}

function someContext(): SpanContext {
  const context = SpanContext.fromString(TEXT);
  assert.ok(context);
  return context.withBaggageItem("user", "Amélie");
}

test("inject() writes the bytes that jaeger-client-go writes, into each kind of carrier", () => {
  const { codec, garbage } = openBinary();
  const held = new BinaryCarrier([]);
  codec.inject(someContext(), held);
  const object: { buffer?: Uint8Array } = {};
  codec.inject(someContext(), object);
  const list: number[] = [1, 2, 3];
  codec.inject(someContext(), list);
  const bytes = Buffer.alloc(GOLDEN.length / 2);
  codec.inject(someContext(), bytes);
  for (const one of [held.buffer, object.buffer, list, bytes]) {
    assert.equal(Buffer.from(one as Uint8Array).toString("hex"), GOLDEN);
  }
  assert.deepEqual(garbage, []);
});

test("inject() says that a carrier takes no bytes, or not so many", () => {
  const { codec, garbage } = openBinary();
  codec.inject(someContext(), Buffer.alloc(GOLDEN.length / 2 - 1));
  codec.inject(someContext(), "text");
  codec.inject(someContext(), undefined);
  codec.inject(someContext(), Object.freeze({ buffer: null }));
  assert.deepEqual(garbage, ["carrier", "carrier", "carrier", "carrier"]);
});

test("extract() reads each kind of carrier, and not what stands behind", () => {
  const { codec, garbage } = openBinary();
  const bytes = Buffer.from(`${GOLDEN}ff`, "hex");
  const exact = new Uint8Array(bytes);
  const carriers = [
    bytes,
    [...bytes],
    { buffer: bytes },
    { buffer: [...bytes] },
    { buffer: exact.buffer },
    new BinaryCarrier([...bytes]),
  ];
  for (const carrier of carriers) {
    const context = codec.extract(carrier);
    assert.equal(context?.toString(), TEXT);
    assert.deepEqual({ ...context.baggage }, { user: "Amélie" });
    assert.equal(context.isRemote, true);
  }
  assert.deepEqual(garbage, []);
});

test("extract() finds nothing where there are no bytes", () => {
  const { codec, garbage } = openBinary();
  for (const carrier of [undefined, null, 1, "x", {}, { buffer: null }, [], Buffer.alloc(0)]) {
    assert.equal(codec.extract(carrier), null);
  }
  assert.deepEqual(garbage, []);
});

test("extract() refuses every proper prefix", () => {
  const bytes = Buffer.from(GOLDEN, "hex");
  for (let end = 1; end < bytes.length; end++) {
    const { codec, garbage } = openBinary();
    assert.equal(codec.extract(bytes.subarray(0, end)), null);
    assert.deepEqual(garbage, ["binary"], `${end} bytes`);
  }
});

test("extract() reads or refuses every flipped byte", () => {
  for (let at = 0; at < GOLDEN.length / 2; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const { codec, garbage } = openBinary();
      const bytes = Buffer.from(GOLDEN, "hex");
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      const context = codec.extract(bytes);
      assert.equal(garbage.length, context === null ? 1 : 0);
    }
  }
});

test("extract() refuses zero ids, negative counts and lengths, and more than the maxima", () => {
  const head = GOLDEN.slice(0, 66);
  const item = GOLDEN.slice(74);
  const bad = [
    "0".repeat(74),
    `${"0".repeat(32)}${GOLDEN.slice(32)}`,
    `${GOLDEN.slice(0, 32)}${"0".repeat(16)}${GOLDEN.slice(48)}`,
    `${head}ffffffff`,
    `${head}7fffffff`,
    `${head}00000041${item.repeat(65)}`,
    `${head}00000001ffffffff`,
    `${head}000000017fffffff`,
    `${head}0000000100000000`,
    `${head}000000010000000000000000`, // a key of no characters
    `${head}00000001000000016100002001${"61".repeat(8_193)}`,
  ];
  for (const hex of bad) {
    const { codec, garbage } = openBinary();
    assert.equal(codec.extract(Buffer.from(hex, "hex")), null, hex.slice(60, 100));
    assert.deepEqual(garbage, ["binary"]);
  }
});
