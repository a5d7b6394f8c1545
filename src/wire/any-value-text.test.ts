// Lists and maps that protobufjs wrote, compared with what JSON.stringify makes of the same values.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import protobuf from "protobufjs";
import { ARRAY, MAP } from "../model/attribute-table.ts";
import { printAnyValues, printDouble, printInt64, readTextArray } from "./any-value-text.ts";

// Another implementation's bytes: protobufjs, from a definition written for this test.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message AnyValue { oneof value {
    string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
    ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
  message KeyValue { string key = 1; AnyValue value = 2; }
`);

type Message = Readonly<Record<string, unknown>>;

function encode(type: string, message: Message): Uint8Array {
  const definition = root.lookupType(type);
  return definition.encode(definition.fromObject(message)).finish();
}

function any(value: unknown): Message {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(any) } };
  if (value === null) return {};
  return { kvlistValue: map(value as Message) };
}

function map(value: Message): Message {
  return { values: Object.entries(value).map(([key, one]) => ({ key, value: any(one) })) };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}

const json = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0)),
    fc.constant(null),
  ),
  list: fc.array(tie("any"), { maxLength: 4 }),
  // Keys that are whole numbers would be put in order by objects themselves.
  map: fc.dictionary(fc.constantFrom("b", "a", "é", "__proto__", 'q"'), tie("any"), { maxKeys: 4 }),
  any: fc.oneof({ maxDepth: 4 }, tie("leaf"), tie("list"), tie("map")),
}));

/** As JSON writes it, but for numbers that it cannot; JSON.stringify knows no minus zero. */
function stringify(value: unknown): string {
  return JSON.stringify(sorted(value), (_, one: unknown) =>
    typeof one === "number" && !Number.isFinite(one) ? String(one) : one,
  );
}

test("printAnyValues() writes lists and maps as JSON with sorted keys", () => {
  const { list } = json;
  fc.assert(
    fc.property(list, json.map as fc.Arbitrary<Message>, (items, pairs) => {
      const listText = printAnyValues(ARRAY, encode("ArrayValue", { values: items.map(any) }));
      assert.equal(listText, stringify(items));
      assert.equal(printAnyValues(MAP, encode("KeyValueList", map(pairs))), stringify(pairs));
    }),
  );
});

test("printAnyValues() writes bytes as base64, every digit of an int64, and the last of equal keys", () => {
  const values = [
    { key: "k", value: { stringValue: "first" } },
    { key: "k", value: { intValue: "-9223372036854775808" } },
    { key: "b", value: { bytesValue: Uint8Array.of(251, 255) } },
    { key: "nothing" },
  ];
  assert.equal(
    printAnyValues(MAP, encode("KeyValueList", { values })),
    '{"b":"+/8=","k":-9223372036854775808,"nothing":null}',
  );
});

test("printAnyValues() refuses every proper prefix that ends within a field", () => {
  const whole = encode("ArrayValue", { values: [any("abc"), any([1, true]), any({ a: "b" })] });
  let refused = 0;
  for (let end = 0; end < whole.length; end++) {
    try {
      JSON.parse(printAnyValues(ARRAY, whole.subarray(0, end)));
    } catch (error) {
      assert.equal((error as { code?: string }).code, "bad-input", `${end} bytes`);
      refused++;
    }
  }
  assert.equal(refused, whole.length - 3, "only the ends of the items are no error");
});

test("readTextArray() gives texts as they are and the rest as JSON", () => {
  const bytes = encode("ArrayValue", { values: [any('a"'), any(1.5), any({ x: [] })] });
  assert.deepEqual(readTextArray(bytes), ['a"', "1.5", '{"x":[]}']);
});

test("printInt64() writes what BigInt writes", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const bits = BigInt.asUintN(64, value);
      const low = Number(bits & 0xffff_ffffn);
      assert.equal(printInt64(low, Number(bits >> 32n)), String(value));
    }),
  );
  assert.equal(printInt64(0xffff_ffff, 0x001f_ffff), "9007199254740991");
  assert.equal(printInt64(0, 0xffe0_0000), "-9007199254740992");
});

test("printDouble() writes what JSON reads back, and words for what it cannot", () => {
  for (const value of [0, -0, 0.1, 1e21, 1e-7, 5e-324, -1.7976931348623157e308]) {
    assert.ok(Object.is(JSON.parse(printDouble(value)), value), String(value));
  }
  assert.deepEqual([NaN, Infinity, -Infinity].map(printDouble), [
    '"NaN"',
    '"Infinity"',
    '"-Infinity"',
  ]);
});
