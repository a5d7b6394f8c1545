// Any value of JavaScript as the value of a tag: nothing throws, everything is bounded.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CUT_MARK, TEXT_CHARS_MAX, plainValue, printName } from "./plain-value.ts";

const circular: Record<string, unknown> = { name: "ring" };
circular["self"] = circular;
const list: unknown[] = [1];
list.push(list);
const shared = { a: 1 };
const throwing = {
  get bad(): never {
    throw new Error("no");
  },
  good: 1,
};
const endless: { toJSON: () => object } = { toJSON: () => ({ ...endless }) };
let deep: unknown = 1;
for (let depth = 0; depth < 40; depth++) deep = [deep];
const noKeys = new Proxy(
  {},
  {
    ownKeys() {
      throw new Error("no");
    },
  },
);
const noStack = new Error("gone");
Object.defineProperty(noStack, "message", {
  get() {
    throw new Error("no");
  },
});

const values: readonly (readonly [what: string, value: unknown, plain: unknown])[] = [
  ["text", "héllo", "héllo"],
  ["a number", -1.5, -1.5],
  ["NaN", Number.NaN, Number.NaN],
  ["a truth value", false, false],
  ["nothing", undefined, "undefined"],
  ["null", null, "null"],
  ["a bigint", 2n ** 70n, "1180591620717411303424"],
  ["a symbol", Symbol("s"), "Symbol(s)"],
  ["a function", () => 1, "[function]"],
  ["an object", { a: 1, b: [true, null] }, '{"a":1,"b":[true,null]}'],
  ["an object without prototype", Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
  ["a date", new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ["a wrong date", { at: new Date(Number.NaN) }, '{"at":null}'],
  ["an error", new TypeError("no"), "TypeError: no"],
  ["an error in an object", { error: new Error("no") }, '{"error":"Error: no"}'],
  ["a ring", circular, '{"name":"ring","self":"[circular]"}'],
  ["a list in itself", list, '[1,"[circular]"]'],
  ["the same object twice", [shared, shared], '[{"a":1},{"a":1}]'],
  ["a getter that throws", throwing, '{"bad":"[threw]","good":1}'],
  ["a bigint in an object", { big: 7n }, '{"big":"7"}'],
  ["what JSON leaves out", { a: undefined, b: Symbol.iterator, c: 1 }, '{"c":1}'],
  ["what JSON leaves out of lists", [undefined, () => 1], "[null,null]"],
  ["a proxy without keys", noKeys, '"[threw]"'],
  ["a proxy in a list", [noKeys, 1], '["[threw]",1]'],
  ["an error that cannot be read", noStack, "[a value that cannot be read]"],
];

for (const [what, value, plain] of values) {
  test(`plainValue() makes of ${what} what a report can hold`, () => {
    assert.deepEqual(plainValue(value), plain);
  });
}

test("plainValue() takes bytes as bytes, within bounds", () => {
  assert.deepEqual(plainValue(Buffer.from("ab")), Buffer.from("ab"));
  const large = plainValue(new Uint8Array(10_000_000)) as Uint8Array;
  assert.equal(large.length, TEXT_CHARS_MAX);
});

test("plainValue() ends for what never ends by itself", () => {
  assert.match(plainValue(deep) as string, /^\[{32}"\[…\]"\]{32}$/);
  assert.equal(typeof plainValue(endless), "string");
});

const large: readonly (readonly [what: string, value: unknown])[] = [
  ["10 MB of text", "x".repeat(10_000_000)],
  ["a sparse list", Array.from({ length: 1_000_000 })],
  ["a text within", { a: { b: "y".repeat(10_000_000) } }],
  ["many keys", Object.fromEntries(Array.from({ length: 50_000 }, (_, at) => [`key${at}`, at]))],
  ["a long key", { ["k".repeat(1_000_000)]: 1 }],
  ["a long bigint", 10n ** 70_000n],
  ["a long symbol", Symbol("s".repeat(1_000_000))],
];

for (const [what, value] of large) {
  test(`plainValue() cuts ${what} and shows it`, () => {
    const text = plainValue(value) as string;
    assert.equal(text.length, TEXT_CHARS_MAX);
    assert.ok(text.endsWith(CUT_MARK));
  });
}

test("plainValue() writes the JSON that JSON.stringify() writes", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const isText = typeof value === "object" && value !== null;
      assert.equal(plainValue(value), isText ? JSON.stringify(value) : (value ?? "null"));
    }),
  );
});

test("plainValue() and printName() take anything", () => {
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withNullPrototype: true,
        withObjectString: true,
        withSet: true,
        withSparseArray: true,
        withTypedArray: true,
      }),
      (value) => {
        const plain = plainValue(value);
        assert.ok(
          plain instanceof Uint8Array || ["string", "number", "boolean"].includes(typeof plain),
        );
        assert.equal(typeof printName(value), "string");
      },
    ),
  );
});
