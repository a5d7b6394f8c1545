// Expected values and texts are those of Go 1.22's time package.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDurationMs, parseDurationNs, printDurationMs, printDurationNs } from "./duration.ts";

const parsed: readonly (readonly [text: string, ns: number])[] = [
  ["0", 0],
  ["-0", 0],
  ["-0s", 0],
  ["+5s", 5e9],
  ["-1.5h", -5_400e9],
  ["300ms", 300e6],
  ["1.5s", 1.5e9],
  ["1h2m", 3_720e9],
  ["1h15m30.918273645s", 4_530_918_273_645],
  ["5µs", 5e3],
  ["5μs", 5e3],
  ["5us", 5e3],
  ["7ns", 7],
  [".5s", 0.5e9],
  ["1.s", 1e9],
  ["72h0m0s", 72 * 3_600e9],
];
for (const [text, ns] of parsed) {
  test(`parseDurationNs() reads ${text}`, () => assert.equal(parseDurationNs(text), ns));
}

const refused: readonly (readonly [text: string, message: string])[] = [
  ["", 'time: invalid duration ""'],
  ["5", 'time: missing unit in duration "5"'],
  ["1m5", 'time: missing unit in duration "1m5"'],
  ["5 s", 'time: unknown unit " s" in duration "5 s"'],
  ["3d", 'time: unknown unit "d" in duration "3d"'],
  ["abc", 'time: invalid duration "abc"'],
  ["-", 'time: invalid duration "-"'],
  [".s", 'time: invalid duration ".s"'],
  ["1e3s", 'time: unknown unit "e" in duration "1e3s"'],
  ["9999999h", 'time: invalid duration "9999999h"'],
  ["9".repeat(400), `time: invalid duration "${"9".repeat(128)}…"`],
];
for (const [text, message] of refused) {
  test(`parseDurationNs() refuses ${text.slice(0, 20)} with Go's text`, () => {
    assert.throws(() => parseDurationNs(text), { code: "bad-input", message });
  });
}

const printed: readonly (readonly [ns: number, text: string])[] = [
  [0, "0s"],
  [1, "1ns"],
  [1_100, "1.1µs"],
  [2_200_000, "2.2ms"],
  [3_300_000_000, "3.3s"],
  [245_000_000_000, "4m5s"],
  [245_001_000_000, "4m5.001s"],
  [18_367_001_000_000, "5h6m7.001s"],
  [480_000_000_001, "8m0.000000001s"],
  [3_600e9, "1h0m0s"],
  [-1_500_000, "-1.5ms"],
];
for (const [ns, text] of printed) {
  test(`printDurationNs() prints ${text}`, () => assert.equal(printDurationNs(ns), text));
}

test("printDurationNs() prints what parseDurationNs() reads", () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e15, max: 1e15 }), (ns) => {
      assert.equal(parseDurationNs(printDurationNs(ns)) + 0, ns);
    }),
  );
});

test("parseDurationMs() and printDurationMs() count in milliseconds", () => {
  assert.equal(parseDurationMs("1.5s"), 1_500);
  assert.equal(printDurationMs(62_000), "1m2s");
});
