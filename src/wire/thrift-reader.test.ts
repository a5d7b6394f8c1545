// Both protocols behind one cursor: the same values come out, the same nonsense is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type ThriftValue,
  binary,
  bool,
  byte,
  double,
  i16,
  i32,
  i64,
  list,
  map,
  set,
  struct,
  text,
  uuid,
  writeBinary,
  writeCompact,
} from "../../test/thrift-writer.ts";
import { ThriftBinaryReader } from "./thrift-binary.ts";
import { ThriftCompactReader } from "./thrift-compact.ts";
import {
  BINARY,
  BOOL,
  BYTE,
  DOUBLE,
  I16,
  I32,
  I64,
  LIST,
  MAP,
  SET,
  STOP,
  STRUCT,
  type ThriftReader,
  UUID,
  readListOf,
  skipField,
  skipValue,
} from "./thrift-reader.ts";

interface Protocol {
  readonly name: string;
  readonly open: (bytes: Uint8Array) => ThriftReader;
  readonly write: (value: ThriftValue) => Uint8Array;
}

const protocols: readonly Protocol[] = [
  { name: "binary", open: (bytes) => new ThriftBinaryReader(bytes, 0), write: writeBinary },
  { name: "compact", open: (bytes) => new ThriftCompactReader(bytes, 0), write: writeCompact },
];

/** Reads back what the writer was given, whatever it is. */
function readValue(thrift: ThriftReader, type: number): ThriftValue {
  switch (type) {
    case BOOL:
      return bool(thrift.readBool());
    case BYTE:
      return byte((thrift.readByte() << 24) >> 24);
    case I16:
      return i16(thrift.readI16());
    case I32:
      return i32(thrift.readI32());
    case I64:
      thrift.readI64();
      return i64((BigInt(thrift.high) << 32n) | BigInt(thrift.low >>> 0));
    case DOUBLE:
      return double(thrift.readDouble());
    case BINARY:
      thrift.readBinary();
      return binary(thrift.bytes.slice(thrift.start, thrift.end));
    case UUID: {
      const start = thrift.at;
      thrift.step(16);
      return uuid(thrift.bytes.slice(start, start + 16));
    }
    case LIST:
    case SET: {
      const count = thrift.readList();
      const { elementType } = thrift;
      const values = Array.from({ length: count }, () => readValue(thrift, elementType));
      return type === LIST ? list(elementType, values) : set(elementType, values);
    }
    case MAP: {
      const count = thrift.readMap();
      const { keyType, elementType } = thrift;
      const readPair = (): readonly [ThriftValue, ThriftValue] => {
        const key = readValue(thrift, keyType);
        return [key, readValue(thrift, elementType)];
      };
      return map(keyType, elementType, Array.from({ length: count }, readPair));
    }
    case STRUCT: {
      const fields: (readonly [number, ThriftValue])[] = [];
      const outer = thrift.beginStruct();
      for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
        fields.push([(field << 8) >> 16, readValue(thrift, field & 0xff)]);
      }
      thrift.endStruct(outer);
      return struct(...fields);
    }
    default:
      throw new Error(`type ${type}`);
  }
}

const bytes = fc.uint8Array({ maxLength: 200, size: "max" });
const { value: anyValue } = fc.letrec<{ value: ThriftValue }>((tie) => {
  const small = { maxLength: 3 };
  const field = fc.tuple(fc.integer({ min: -0x8000, max: 0x7fff }), tie("value"));
  return {
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.oneof(
        fc.boolean().map(bool),
        fc.integer({ min: -128, max: 127 }).map(byte),
        fc.integer({ min: -0x8000, max: 0x7fff }).map(i16),
        fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }).map(i32),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(i64),
        fc.double().map(double),
        bytes.map(binary),
        fc.uint8Array({ minLength: 16, maxLength: 16 }).map(uuid),
      ),
      fc.array(field, small).map((fields) => struct(...fields)),
      fc
        .array(fc.boolean().map(bool), { maxLength: 40, size: "max" })
        .map((all) => list(BOOL, all)),
      fc.array(fc.array(field, small), small).map((all) =>
        set(
          STRUCT,
          all.map((fields) => struct(...fields)),
        ),
      ),
      fc
        .array(fc.tuple(bytes.map(binary), fc.integer().map(i32)), { minLength: 1, maxLength: 3 })
        .map((pairs) => map(BINARY, I32, pairs)),
    ),
  };
});

for (const { name, open, write } of protocols) {
  test(`${name}: every value is read as it was written, and skipped to its end`, () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const encoded = write(struct([1, value], [2, i32(7)]));
        const thrift = open(encoded);
        assert.deepEqual(readValue(thrift, STRUCT), struct([1, value], [2, i32(7)]));
        assert.equal(thrift.at, encoded.length);
        const skipped = open(encoded);
        skipValue(skipped, STRUCT, 1);
        assert.equal(skipped.at, encoded.length);
      }),
    );
  });

  test(`${name}: every proper prefix is bad-input`, () => {
    const encoded = write(
      struct(
        [1, bool(true)],
        [2, i64(-5n)],
        [20, text("name")],
        [3, double(1.5)],
        [4, map(BINARY, LIST, [[text("k"), list(BOOL, [bool(true), bool(false)])]])],
        [5, uuid(new Uint8Array(16))],
        [6, byte(1)],
        [7, i16(-2)],
      ),
    );
    for (let end = 0; end < encoded.length; end++) {
      const cut = encoded.subarray(0, end);
      assert.throws(() => readValue(open(cut), STRUCT), { code: "bad-input" }, `${end} bytes`);
      assert.throws(() => skipValue(open(cut), STRUCT, 1), { code: "bad-input" }, `${end} bytes`);
    }
  });

  test(`${name}: readLong() and copyI64() agree with the 64 bits`, () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const encoded = write(i64(value));
        assert.equal(open(encoded).readLong(), Number(value));
        const copy = new Uint8Array(10);
        open(encoded).copyI64(copy, 1);
        assert.equal(new DataView(copy.buffer).getBigInt64(1), value);
        assert.equal(copy[0]! + copy[9]!, 0);
      }),
    );
  });

  test(`${name}: values nested deeper than 64 are refused, however deep they go`, () => {
    let deep = struct();
    for (let depth = 0; depth < 70; depth++) deep = struct([1, deep]);
    assert.throws(() => skipValue(open(write(deep)), STRUCT, 1), {
      code: "bad-input",
      message: "thrift: nested deeper than 64",
    });
    const endless = new Uint8Array(1 << 20).fill(name === "binary" ? LIST : 0x19);
    assert.throws(() => skipValue(open(endless), LIST, 1), { code: "bad-input" });
  });

  test(`${name}: skipField() leaves the fields after it alone`, () => {
    const thrift = open(write(struct([1, struct([9, i32(1)])], [2, bool(true)], [3, i32(5)])));
    thrift.beginStruct();
    skipField(thrift, thrift.nextField());
    skipField(thrift, thrift.nextField());
    assert.equal(thrift.nextField() >> 8, 3);
    assert.equal(thrift.readI32(), 5);
    assert.equal(thrift.nextField(), STOP);
  });

  test(`${name}: readListOf() takes an empty list of any type and refuses another's elements`, () => {
    assert.equal(readListOf(open(write(list(I32, []))), STRUCT), 0);
    assert.throws(() => readListOf(open(write(list(I32, [i32(1)]))), STRUCT), {
      code: "bad-input",
      where: { offset: 0, size: name === "binary" ? 9 : 2 },
    });
  });
}

const hostile: readonly (readonly [name: string, hex: string, offset: number, message: string])[] =
  [
    ["binary", "0b0001ffffffff", 3, "string of -1 bytes, but 0 remain"],
    ["binary", "0b00017fffffff61", 3, "string of 2147483647 bytes, but 1 remain"],
    ["binary", "0b000180000000", 3, "string of -2147483648 bytes, but 0 remain"],
    ["binary", "0f00010c7fffffff00", 4, "2147483647 elements, but 1 bytes remain"],
    ["binary", "0f00010cffffffff00", 4, "-1 elements, but 1 bytes remain"],
    ["binary", "0f0001080000000200000001", 4, "2 elements, but 4 bytes remain"],
    ["binary", "0f00010100000001", 4, "element type is unknown"],
    ["binary", "0d00010b0b0000000200", 5, "2 elements, but 1 bytes remain"],
    ["binary", "0d0001ff0b0000000100", 5, "element type is unknown"],
    ["binary", "110001", 0, "field type 17 is unknown"],
    ["compact", "18ffffffff0f61", 1, "string of 4294967295 bytes, but 1 remain"],
    ["compact", "18808080800861", 1, "string of 2147483648 bytes, but 1 remain"],
    ["compact", "180261", 1, "string of 2 bytes, but 1 remain"],
    ["compact", "19fcffffffff0700", 1, "2147483647 elements, but 1 bytes remain"],
    ["compact", "19fcffffffff0f00", 1, "4294967295 elements, but 1 bytes remain"],
    ["compact", "192e0000", 1, "element type is unknown"],
    ["compact", "1b02880000", 1, "2 elements, but 2 bytes remain"],
    ["compact", "1b01e80000", 1, "element type is unknown"],
    ["compact", "1e", 0, "field type 14 is unknown"],
    ["compact", "16ffffffffffffffffffff01", 1, "varint longer than 10 bytes"],
  ];

for (const [name, hex, offset, message] of hostile) {
  test(`${name}: ${hex} is refused: ${message}`, () => {
    const encoded = Uint8Array.from(Buffer.from(hex, "hex"));
    const thrift = protocols.find((one) => one.name === name)!.open(encoded);
    assert.throws(() => skipValue(thrift, STRUCT, 1), {
      code: "bad-input",
      message: `thrift: ${message}`,
      where: { offset, size: encoded.length },
    });
  });
}

test("compact: field ids wrap at 16 bits instead of growing into known ones", () => {
  const fields = new Uint8Array(10_000).fill(0xf3); // +15, one byte
  const thrift = new ThriftCompactReader(fields, 0);
  thrift.beginStruct();
  for (let i = 1; i <= 4_000; i++) {
    const id = thrift.nextField() >> 8;
    assert.equal(id, ((15 * i) << 16) >> 16);
    thrift.step(1);
  }
});
