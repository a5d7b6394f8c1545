// Numbers packed and read back, and pages that are not what was packed.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Packer, zigzag } from "./packer.ts";
import { Unpacker, unzigzag } from "./unpacker.ts";

const hexOf = (packer: Packer): string => Buffer.from(packer.bytes()).toString("hex");

test("Packer.column() writes planes of the least width", () => {
  const cases: readonly (readonly [numbers: readonly number[], hex: string])[] = [
    [[], "00"],
    [[0, 0, 0], "00"],
    [[1, 0xff], "0101ff"],
    [[0x102, 3], "0202030100"],
    [[0x010203, 0], "03030002000100"],
    [[0xfffefdfc], "04fcfdfeff"],
  ];
  for (const [numbers, hex] of cases) {
    const packer = new Packer();
    packer.columnOf(numbers);
    assert.equal(hexOf(packer), hex);
    assert.deepEqual([...new Unpacker(packer.bytes()).column(numbers.length)], numbers);
  }
});

test("Packer.integers() keeps every double", () => {
  const double = fc.oneof(fc.double(), fc.nat(), fc.integer({ min: 0, max: 2 ** 53 - 1 }));
  fc.assert(
    fc.property(fc.array(double), (numbers) => {
      const packer = new Packer();
      packer.integers(Float64Array.from(numbers), numbers.length);
      const read = new Unpacker(packer.bytes()).integers(numbers.length);
      // 0 and -0 are one start and one duration.
      assert.deepEqual(
        [...read].map((one) => one + 0),
        numbers.map((one) => one + 0),
      );
    }),
    { examples: [[[5e-324]], [[0.5]], [[2 ** 53 - 1, 2 ** 53]]] },
  );
});

test("Packer.varint() and zigzag() keep every integer", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 51), max: 2 ** 51 }), (number) => {
      const packer = new Packer();
      packer.varint(zigzag(number));
      assert.equal(unzigzag(new Unpacker(packer.bytes()).varint()), number);
    }),
  );
});

test("Unpacker refuses what is too short, too long, too wide or too large", () => {
  const of = (hex: string): Unpacker => new Unpacker(Buffer.from(hex, "hex"));
  const refused = { code: "unavailable" };
  assert.throws(() => of("").byte(), refused);
  assert.throws(() => of("0102").column(2), refused);
  assert.throws(() => of("0500000000").column(1), refused);
  assert.throws(() => of("020102").small(1), refused);
  assert.throws(() => of("03010203").shorts(1), refused);
  assert.throws(() => of("ffffffffffffffff7f").varint(), refused);
  assert.throws(() => of("0200").integers(1), refused);
  assert.throws(() => of("05").count(4), refused);
  assert.throws(() => of("00").end(), refused);
});
