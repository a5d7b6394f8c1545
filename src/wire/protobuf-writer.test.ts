// What is written is what protobufjs writes, and what our reader reads back.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import protobuf from "protobufjs";
import { fieldTag, LENGTH, ProtobufReader, VARINT } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function written(write: (writer: ProtobufWriter) => void): string {
  const writer = new ProtobufWriter();
  write(writer);
  return toHex(writer.take());
}

test("writeVarint() writes as protobufjs does up to 2^53", () => {
  const property = fc.property(fc.maxSafeNat(), (value) => {
    const theirs = toHex(protobuf.Writer.create().uint64(value).finish());
    assert.equal(
      written((writer) => writer.writeVarint(value)),
      theirs,
    );
    assert.equal(
      written((writer) => writer.writeInt64(value)),
      theirs,
    );
  });
  const edges = [0, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 35, 2 ** 53];
  fc.assert(property, { examples: edges.map((value) => [value]) });
});

test("writeVarint64() is read back as the same halves", () => {
  const half = fc.integer({ min: 0, max: 0xffff_ffff });
  const property = fc.property(half, half, (low, high) => {
    const writer = new ProtobufWriter();
    writer.writeVarint64(low, high);
    writer.writeFixed64(low, high);
    const reader = new ProtobufReader();
    reader.begin(writer.take());
    reader.readVarint64();
    assert.deepEqual([reader.low, reader.high], [low, high]);
    reader.low = reader.high = 0;
    reader.readFixed64();
    assert.deepEqual([reader.low, reader.high], [low, high]);
    assert.equal(reader.at, reader.end);
  });
  fc.assert(property, {
    examples: [
      [0, 0],
      [127, 0],
      [0, 1],
      [0xffff_ffff, 0xffff_ffff],
    ],
  });
});

test("writeInt64() writes as protobufjs does between -2^53 and 2^53", () => {
  assert.equal(
    written((writer) => writer.writeInt64(-1)),
    "ffffffffffffffffff01",
  );
  const property = fc.property(fc.maxSafeInteger(), (value) => {
    const theirs = toHex(protobuf.Writer.create().int64(value).finish());
    assert.equal(
      written((writer) => writer.writeInt64(value)),
      theirs,
    );
  });
  fc.assert(property, { examples: [[-(2 ** 32)], [-(2 ** 32) - 1], [-(2 ** 53)], [-128]] });
});

test("open() and close() put any length before the content", () => {
  for (const length of [0, 1, 127, 128, 129, 16_383, 16_384, 70_000, 2_097_151, 2_097_152]) {
    const content = new Uint8Array(length).fill(0x61);
    const theirs = protobuf.Writer.create()
      .uint32(fieldTag(1, LENGTH))
      .fork()
      .uint32(fieldTag(2, LENGTH))
      .bytes(content)
      .ldelim()
      .uint32(fieldTag(3, VARINT))
      .uint32(7)
      .finish();
    const writer = new ProtobufWriter();
    const mark = writer.open(fieldTag(1, LENGTH));
    writer.writeBytes(fieldTag(2, LENGTH), content);
    writer.close(mark);
    writer.writeVarint(fieldTag(3, VARINT));
    writer.writeVarint(7);
    assert.ok(Buffer.compare(writer.take(), theirs) === 0, `${length} bytes`);
  }
});

test("writeText(), writeFixed32(), writeDouble() write as protobufjs does", () => {
  const theirs = protobuf.Writer.create()
    .uint32(fieldTag(1, LENGTH))
    .string("héllo")
    .fixed32(0xffff_fffe)
    .double(-1.5)
    .finish();
  const ours = written((writer) => {
    writer.writeText(fieldTag(1, LENGTH), "héllo");
    writer.writeFixed32(0xffff_fffe);
    writer.writeDouble(-1.5);
  });
  assert.equal(ours, toHex(theirs));
});

test("reset() starts again, and take() is not changed by it", () => {
  const writer = new ProtobufWriter();
  writer.writeVarint(1);
  const taken = writer.take();
  writer.reset();
  writer.writeVarint(2);
  assert.equal(toHex(taken), "01");
  assert.equal(toHex(writer.take()), "02");
});
