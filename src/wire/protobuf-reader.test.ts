// Each primitive on bytes from the encoding guide, at every cut, and against bytes of protobufjs.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import protobuf from "protobufjs";
import {
  DEPTH_MAX,
  fieldTag,
  FIXED32,
  FIXED64,
  LENGTH,
  ProtobufReader,
  VARINT,
} from "./protobuf-reader.ts";

function makeReader(hex: string): ProtobufReader {
  const reader = new ProtobufReader();
  reader.begin(Buffer.from(hex, "hex"));
  return reader;
}

/** Reads every field of the message and of the messages in it (field 1, LENGTH). */
function readNested(reader: ProtobufReader): number {
  let fields = 0;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    fields++;
    if (tag === fieldTag(1, LENGTH)) {
      const outer = reader.enter();
      fields += readNested(reader);
      reader.leave(outer);
    } else {
      reader.skip(tag);
    }
  }
  return fields;
}

const varints: readonly (readonly [hex: string, low: number, high: number])[] = [
  ["00", 0, 0],
  ["7f", 127, 0],
  ["9601", 150, 0],
  ["8000", 0, 0], // padded
  ["8080808000", 0, 0],
  ["ffffffff0f", 0xffff_ffff, 0],
  ["8080808010", 0, 1],
  ["ffffffffffffffff7f", 0xffff_ffff, 0x7fff_ffff],
  ["ffffffffffffffffff01", 0xffff_ffff, 0xffff_ffff],
  ["80808080808080808001", 0, 0x8000_0000],
];

for (const [hex, low, high] of varints) {
  test(`readVarint64() reads ${hex}, and no prefix of it`, () => {
    const reader = makeReader(`${hex}ff`);
    reader.readVarint64();
    assert.deepEqual([reader.low, reader.high, reader.at], [low, high, hex.length / 2]);
    const truncated = makeReader(hex);
    assert.equal(truncated.readUint32(), low);
    for (let end = 0; end < hex.length; end += 2) {
      assert.throws(() => makeReader(hex.slice(0, end)).readVarint64(), { code: "bad-input" });
      assert.throws(() => makeReader(hex.slice(0, end)).readUint32(), { code: "bad-input" });
    }
  });
}

test("readVarint64() agrees with protobufjs on any int64", () => {
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const property = fc.property(int64, (value) => {
    const low = Number(BigInt.asUintN(32, value));
    const high = Number(BigInt.asUintN(32, value >> 32n));
    const writer = protobuf.Writer.create();
    writer.int64(new protobuf.util.LongBits(low, high).toLong());
    const reader = new ProtobufReader();
    reader.begin(writer.finish());
    reader.readVarint64();
    assert.deepEqual([reader.low, reader.high], [low, high]);
    reader.at = 0;
    assert.equal(reader.readInt64(), Number(value));
    reader.at = 0;
    assert.equal(reader.readUint64(), Number(BigInt.asUintN(64, value)));
  });
  fc.assert(property, { examples: [[0n], [-1n], [2n ** 53n], [-(2n ** 63n)], [2n ** 63n - 1n]] });
});

test("readBool() looks at all 64 bits", () => {
  assert.equal(makeReader("00").readBool(), false);
  assert.equal(makeReader("02").readBool(), true);
  assert.equal(makeReader("8080808010").readBool(), true);
});

test("fixed sizes are little-endian and end with the message", () => {
  const hex = "0102030405060780";
  const fixed64 = makeReader(hex);
  fixed64.readFixed64();
  assert.deepEqual([fixed64.low, fixed64.high], [0x04030201, 0x80070605]);
  assert.equal(makeReader(hex).readFixed32(), 0x04030201);
  assert.equal(makeReader("000000000000f8bf").readDouble(), -1.5);
  for (let end = 0; end < 16; end += 2) {
    assert.throws(() => makeReader(hex.slice(0, end)).readFixed64(), { code: "bad-input" });
    assert.throws(() => makeReader(hex.slice(0, end)).readDouble(), { code: "bad-input" });
    if (end < 8) {
      assert.throws(() => makeReader(hex.slice(0, end)).readFixed32(), { code: "bad-input" });
    }
  }
});

test("nextTag() reads one and more bytes", () => {
  const reader = makeReader("08018501000000008080808008");
  assert.equal(reader.nextTag(), fieldTag(1, VARINT));
  assert.equal(reader.readUint32(), 1);
  assert.equal(reader.nextTag(), fieldTag(16, FIXED32));
  assert.equal(reader.readFixed32(), 0);
  assert.equal(reader.nextTag(), 0x8000_0000);
  assert.equal(reader.nextTag(), 0);
});

const refused: readonly (readonly [what: string, hex: string, message: RegExp, offset: number])[] =
  [
    ["field number 0", "080100", /field number 0/, 2],
    ["field number 0, padded", "8000", /field number 0/, 0],
    ["field number 0 of wire type LENGTH", "0200", /field number 0/, 0],
    ["a tag over 32 bits", "8880808010", /beyond 2\^29/, 0],
    ["a varint of 11 bytes", "088080808080808080808000", /over 64 bits/, 1],
    ["a varint of 65 bits", "08ffffffffffffffffff02", /over 64 bits/, 1],
    ["a group", "0b0c", /wire type 3 of field 1/, 1],
    ["the end of a group", "0c", /wire type 4 of field 1/, 1],
    ["wire type 6", "0e", /wire type 6/, 1],
    ["wire type 7", "0f", /wire type 7/, 1],
    ["a length beyond the end", "120261", /length 2 where 1 bytes are left/, 1],
    ["a length of 2^31", "128080808008", /length 2147483648 where 0/, 1],
    ["a length of 2^64 - 1", "12ffffffffffffffffff01", /where 0 bytes/, 1],
    ["a nested length beyond its message", "0a020a016161", /length 1 where 0/, 3],
    [
      "a cut varint in a nested message",
      "0a0208ff01",
      /1 bytes left of the message, expected a varint/,
      3,
    ],
  ];

for (const [what, hex, message, offset] of refused) {
  test(`ProtobufReader refuses ${what}`, () => {
    const where = { offset, size: hex.length / 2 };
    assert.throws(() => readNested(makeReader(hex)), { code: "bad-input", message, where });
  });
}

test("enter() stops at DEPTH_MAX", () => {
  const nested = (depth: number): string => {
    let hex = "";
    for (let i = 0; i < depth; i++) {
      const length = hex.length / 2;
      const bytes = length < 128 ? [0x0a, length] : [0x0a, (length & 127) | 128, length >> 7];
      hex = Buffer.from(bytes).toString("hex") + hex;
    }
    return hex;
  };
  assert.equal(readNested(makeReader(nested(DEPTH_MAX))), DEPTH_MAX);
  assert.throws(() => readNested(makeReader(nested(DEPTH_MAX + 1))), { code: "bad-input" });
  const reused = makeReader(nested(DEPTH_MAX + 1));
  assert.throws(() => readNested(reused), { code: "bad-input" });
  reused.begin(Buffer.from(nested(DEPTH_MAX), "hex"));
  assert.equal(readNested(reused), DEPTH_MAX);
});

test("skip() steps over every wire type", () => {
  const reader = makeReader("0896011101020304050607081a0361626325010203042801");
  assert.equal(readNested(reader), 5);
  assert.equal(reader.at, reader.bytes.length);
});

test("skipUnknown() refuses a known field of another wire type", () => {
  const known = (1 << 1) | (1 << 2);
  const reader = makeReader("1801");
  reader.skipUnknown(reader.nextTag(), known);
  assert.equal(reader.at, 2);
  const wrong = makeReader("1001");
  assert.throws(() => wrong.skipUnknown(wrong.nextTag(), known), /wire type 0 of field 2/);
  const high = makeReader("880201"); // field 33: 33 & 31 would be field 1
  high.skipUnknown(high.nextTag(), known);
  assert.equal(high.at, 3);
  assert.equal(FIXED64, 1);
});

test("begin() reads a view that starts in the middle of its buffer", () => {
  const whole = Buffer.from("ffff1500000080ffff", "hex");
  const reader = new ProtobufReader();
  reader.begin(whole.subarray(2, 7));
  assert.equal(reader.nextTag(), fieldTag(2, FIXED32));
  assert.equal(reader.readFixed32(), 0x8000_0000);
  assert.equal(reader.nextTag(), 0);
  reader.release();
  assert.equal(reader.bytes.length, 0);
  assert.equal(reader.nextTag(), 0);
});
