// Examples of the specification, and what real headers have.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BaggageItems } from "./baggage-items.ts";
import { parseBaggage, printBaggage } from "./w3c-baggage.ts";

const MAXIMA = { items: 64, chars: 8_192 };

function parse(header: string): { items: [string, string][]; complete: boolean } {
  const items = new BaggageItems(MAXIMA);
  const complete = parseBaggage(header, items);
  return { items: Object.entries(items.record ?? {}), complete };
}

const TABLE: readonly (readonly [string, readonly (readonly [string, string])[], boolean])[] = [
  ["", [], true],
  [" , ,", [], true],
  ["userId=alice", [["userId", "alice"]], true],
  ["SomeKey=SomeValue", [["SomeKey", "SomeValue"]], true],
  ["SomeKey = SomeValue ; SomeProp", [["SomeKey", "SomeValue"]], true],
  [
    "key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue",
    [
      ["key1", "value1"],
      ["key2", "value2"],
      ["key3", "value3"],
    ],
    true,
  ],
  ["SomeKey=SomeValue=equals", [["SomeKey", "SomeValue=equals"]], true],
  [
    "userId=Am%C3%A9lie,serverNode=DF%2028",
    [
      ["userId", "Amélie"],
      ["serverNode", "DF 28"],
    ],
    true,
  ],
  ["plus=a+b", [["plus", "a+b"]], true],
  ["bad=%C3%28", [["bad", "\uFFFD("]], true],
  ["odd=100%", [["odd", "100%"]], true],
  ["empty=", [["empty", ""]], true],
  ["my%20key=1", [["my key", "1"]], true],
  ["twice=1,twice=2", [["twice", "1"]], true],
  ["novalue,a=1", [["a", "1"]], false],
  ["=1,a=1", [["a", "1"]], false],
  [
    "__proto__=1,constructor=2",
    [
      ["__proto__", "1"],
      ["constructor", "2"],
    ],
    true,
  ],
];

for (const [header, items, complete] of TABLE) {
  test(`parseBaggage() reads ${JSON.stringify(header)}`, () => {
    assert.deepEqual(parse(header), { items, complete });
  });
}

test("parseBaggage() carries 64 members and 8,192 characters, and leaves out whole members", () => {
  const many = Array.from({ length: 65 }, (_, at) => `k${at}=${at}`);
  assert.equal(parse(many.join(",")).items.length, 64);
  assert.equal(parse(many.join(",")).complete, false);
  assert.equal(parse(many.slice(0, 64).join(",")).complete, true);
  const big = `a=${"x".repeat(8_190)}`;
  assert.deepEqual(parse(`${big},b=1`).items, [["a", "x".repeat(8_190)]]);
  assert.deepEqual(parse(`${big}x,b=1`), { items: [["b", "1"]], complete: false });
});

test("printBaggage() escapes what a header cannot hold", () => {
  const baggage = { plain: "1", "my (key)": "a b,c;d=é%", "": "no key" };
  const fail = (): void => assert.fail("nothing was left out");
  const header = printBaggage(baggage, MAXIMA, fail);
  assert.equal(header, "plain=1,my%20%28key%29=a%20b%2Cc%3Bd%3D%C3%A9%25");
  assert.equal(printBaggage({ lone: "\uD800" }, MAXIMA, fail), "lone=%EF%BF%BD");
});

test("printBaggage() leaves out whole members over the maxima, and says so once", () => {
  let said = 0;
  const baggage = { a: "12345", b: "123456789012", c: "1", d: "123456789012" };
  const header = printBaggage(baggage, { items: 3, chars: 16 }, () => said++);
  assert.equal(header, "a=12345,c=1");
  assert.equal(said, 1);
});
