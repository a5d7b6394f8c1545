// Contexts as text and bytes, and what they share with their children.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SpanContext, makeSpanContext } from "./span-context.ts";

const texts: readonly (readonly [what: string, text: string, printed: string])[] = [
  ["a 64-bit id", "a1:b2:0:1", "00000000000000a1:00000000000000b2:0:1"],
  [
    "padded ids",
    "00000000000000a1:b2:c3:3",
    "00000000000000a1:00000000000000b2:00000000000000c3:3",
  ],
  [
    "a 128-bit id in capitals",
    "80000000000000000123456789ABCDEF:FFFFFFFFFFFFFFFF:0:0",
    "80000000000000000123456789abcdef:ffffffffffffffff:0:0",
  ],
  [
    "17 digits",
    "1:2:0:1".replace("1", "10000000000000000"),
    `${"1".padStart(16, "0")}${"0".repeat(16)}:0000000000000002:0:1`,
  ],
  ["a parent of zeros", "1:2:0000000000000000:1", "0000000000000001:0000000000000002:0:1"],
  ["more flags than are known", "1:2:0:ff", "0000000000000001:0000000000000002:0:ff"],
];

for (const [what, text, printed] of texts) {
  test(`SpanContext.fromString() reads ${what}`, () => {
    assert.equal(SpanContext.fromString(text)?.toString(), printed);
  });
}

const garbage: readonly string[] = [
  "",
  ":::",
  "1:2:3",
  "1:2:0:1:",
  "1:2:0:1:5",
  "0:2:0:1",
  "1:0:0:1",
  "g:2:0:1",
  "1:-2:0:1",
  "1:2:x:1",
  "1:2:0:",
  "1: 2:0:1",
  "1:2:0:123456789",
  `${"1".repeat(33)}:2:0:1`,
  `1:${"2".repeat(17)}:0:1`,
  `1:2:${"3".repeat(17)}:1`,
];

for (const text of garbage) {
  test(`SpanContext.fromString() refuses ${JSON.stringify(text)}`, () => {
    assert.equal(SpanContext.fromString(text), null);
  });
}

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

function contextOf(words: readonly number[], flags: number): SpanContext {
  const context = makeSpanContext();
  [context.traceHighHigh, context.traceHighLow, context.traceLowHigh, context.traceLowLow] =
    words as [number, number, number, number];
  context.spanHigh = words[4] ?? 0;
  context.spanLow = words[5] ?? 0;
  context.parentHigh = words[6] ?? 0;
  context.parentLow = words[7] ?? 0;
  context.flags = flags;
  return context;
}

test("SpanContext.fromString() gives back what toString() printed", () => {
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 8, maxLength: 8 }),
      fc.integer({ min: 0, max: 255 }),
      (words, flags) => {
        const context = contextOf(words, flags);
        fc.pre(context.isValid);
        assert.deepEqual(SpanContext.fromString(context.toString()), context);
      },
    ),
  );
});

test("traceId, spanId, parentId have the bytes of the texts", () => {
  const context = contextOf([0, 0, -1, 2, 3, -4, 0, 0], 0);
  assert.equal(context.traceId.toString("hex"), "ffffffff00000002");
  assert.equal(context.spanId.toString("hex"), context.spanIdStr);
  assert.equal(context.parentId, null);
  assert.equal(context.parentIdStr, null);
  const long = contextOf([0, 1, 0, 0, 0, 1, 0, 7], 0);
  assert.equal(long.traceId.toString("hex"), "0000000000000001".padEnd(32, "0"));
  assert.equal(long.parentId?.toString("hex"), long.parentIdStr);
});

test("flags are shared by all contexts of a trace in this process", () => {
  const root = contextOf([0, 0, 0, 1, 0, 1, 0, 0], 1);
  const child = root._makeChild();
  const grandchild = child.withBaggageItem("a", "b")._makeChild();
  grandchild.flags |= 2;
  assert.deepEqual([root.flags, child.flags, grandchild.flags], [3, 3, 3]);
  root.flags = 0x1_02;
  assert.deepEqual([child.flags, child.isSampled(), child.isDebug()], [2, false, true]);
  assert.equal(child.isUndecided, false, "not a flag of the wire");
});

test("withBaggageItem() leaves the context as it is", () => {
  const one = contextOf([0, 0, 0, 1, 0, 1, 0, 0], 1);
  const two = one.withBaggageItem("__proto__", "x").withBaggageItem("b", "y");
  assert.equal(one.baggage, undefined);
  assert.deepEqual(Object.entries(two.baggage ?? {}), [
    ["__proto__", "x"],
    ["b", "y"],
  ]);
  assert.equal(two.toString(), one.toString());
  assert.equal(two._makeChild().baggage, two.baggage);
});

test("isDebugIDContainerOnly() is true only without ids", () => {
  const context = makeSpanContext();
  assert.equal(context.isDebugIDContainerOnly(), false);
  context.debugId = "x";
  assert.equal(context.isDebugIDContainerOnly(), true);
  context.traceLowLow = 1;
  context.spanLow = 1;
  assert.equal(context.isDebugIDContainerOnly(), false);
});

test("a context and its child survive JSON.stringify()", () => {
  const child = contextOf([0, 0, 0, 1, 0, 1, 0, 0], 1)._makeChild();
  assert.match(JSON.stringify(child), /"traceId":"0000000000000001"/);
});
