// What each kind of setting takes and refuses, as rows.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Setting, type SettingKind, setting } from "./settings.ts";
import { parseBytes, parseStructure, parseText, printBytes, scalarText } from "./setting-values.ts";

const help = "";
const rows: Readonly<Record<SettingKind, Setting<unknown>>> = {
  string: setting("string", "", { help }),
  "host-port": setting("host-port", "", { help }),
  bool: setting("bool", false, { help }),
  count: setting("count", 3, { help, min: 1, max: 100 }),
  bytes: setting("bytes", "1MiB", { help, max: 2 ** 50 }),
  float: setting("float", 0.5, { help, max: 1 }),
  duration: setting("duration", "2s", { help, max: 3_600_000 }),
  list: setting("list", "", { help }),
  tags: setting("tags", "", { help }),
  headers: setting("headers", "", { help }),
  choice: setting("choice", "b", { help, choices: ["", "b", "Cc"] }),
};
const variables = new Map([
  ["HOST", "node-1"],
  ["EMPTY", ""],
]);
const find = (name: string): string | undefined => variables.get(name);

const taken: readonly (readonly [kind: SettingKind, text: string, value: unknown])[] = [
  ["string", " as it is ", " as it is "],
  ["host-port", "", undefined],
  ["host-port", ":4317", { host: "", port: 4317 }],
  ["host-port", "4317", { host: "", port: 4317 }],
  ["host-port", " 10.0.0.1:1 ", { host: "10.0.0.1", port: 1 }],
  ["host-port", "collector.svc:65535", { host: "collector.svc", port: 65_535 }],
  ["host-port", "[::1]:0", { host: "::1", port: 0 }],
  ...["1", "t", "T", "true", "TRUE", "True"].map((text) => ["bool", text, true] as const),
  ...["0", "f", "F", "false", "FALSE", "False"].map((text) => ["bool", text, false] as const),
  ["count", "1", 1],
  ["count", "+100", 100],
  ["float", "1e-05", 1e-5],
  ["duration", "0", 0],
  ["duration", "1m0.5s", 60_500],
  ["bytes", "4194304", 4_194_304],
  ["list", "a, b,,c ", ["a", "b", "c"]],
  ["list", "", []],
  [
    "tags",
    "a=1, b = x=y ,host=${HOST},d=${NONE:7},e=${EMPTY:e:e},f=${NONE}",
    new Map([
      ["a", "1"],
      ["b", "x=y"],
      ["host", "node-1"],
      ["d", "7"],
      ["e", "e:e"],
      ["f", ""],
    ]),
  ],
  ["tags", "__proto__=1", new Map([["__proto__", "1"]])],
  [
    "headers",
    "X-A: 1, 2\n\n Access-Control-Allow-Origin:*\nX-A: 3",
    [
      ["X-A", "1, 2"],
      ["Access-Control-Allow-Origin", "*"],
      ["X-A", "3"],
    ],
  ],
  ["choice", "cC", "Cc"],
  ["choice", "", ""],
];
for (const [kind, text, value] of taken) {
  test(`parseText() takes ${JSON.stringify(text)} as ${kind}`, () => {
    assert.deepEqual(parseText(rows[kind], text, find), value);
  });
}

const HOST_PORT =
  'host:port or :port with a port from 0 to 65535 (IPv6 in brackets), or nothing for "off"';
const refused: readonly (readonly [kind: SettingKind, text: string, allowed: string])[] = [
  ...["localhost", ":", ":65536", ":99999999", "::1:4317", "a b:1", "http://x:1", ":http"].map(
    (text) => ["host-port", text, HOST_PORT] as const,
  ),
  ["bool", "yes", "true or false"],
  ["bool", "", "true or false"],
  ["count", "0", "a value from 1 to 100"],
  ["count", "101", "a value from 1 to 100"],
  ["count", "-1", "a value from 1 to 100"],
  ["count", "1.5", "a whole number from 1 to 100"],
  ["count", "0x10", "a whole number from 1 to 100"],
  ["count", "99999999999999999999", "a whole number from 1 to 100"],
  ["float", "", "a number"],
  ["float", "NaN", "a number"],
  ["float", "Infinity", "a number"],
  ["float", "1.1", "a value from 0 to 1"],
  ["duration", "5", "a duration with a unit such as 300ms, 1.5s or 1h2m"],
  ["duration", "-1s", "a value from 0s to 1h0m0s"],
  ["duration", "2h", "a value from 0s to 1h0m0s"],
  ["bytes", "5 apples", "a number of bytes such as 1048576, 64MiB or 1GB"],
  ["bytes", "-1", "a number of bytes such as 1048576, 64MiB or 1GB"],
  ["bytes", "9000TiB", "fewer than 8 PiB"],
  ["bytes", "2048TiB", "a value from 0 to 1048576GiB"],
  ["tags", "a", "key=value pairs with commas between, e.g. a=1,b=${B:2}"],
  ["tags", "=1", "key=value pairs with commas between, e.g. a=1,b=${B:2}"],
  ["headers", "no colon", 'headers such as "Name: value", one per line or per flag'],
  ["headers", "X: a\rb", 'headers such as "Name: value", one per line or per flag'],
  ["headers", "X Y: a", 'headers such as "Name: value", one per line or per flag'],
  ["choice", "d", "one of: (empty), b, Cc"],
];
for (const [kind, text, message] of refused) {
  test(`parseText() refuses ${JSON.stringify(text)} as ${kind}`, () => {
    assert.throws(() => parseText(rows[kind], text, find), { code: "bad-input", message });
  });
}

test("parseStructure() takes lists and groups of a file", () => {
  assert.deepEqual(parseStructure(rows.list, ["a,b", 1, true], find), ["a,b", "1", "true"]);
  assert.deepEqual(parseStructure(rows.headers, ["A: 1"], find), [["A", "1"]]);
  assert.deepEqual(parseStructure(rows.headers, { A: 1 }, find), [["A", "1"]]);
  const tags = new Map([["a", "node-1"]]);
  assert.deepEqual(parseStructure(rows.tags, ["a=${HOST}"], find), tags);
  assert.deepEqual(parseStructure(rows.tags, { a: "${HOST}" }, find), tags);
});

test("parseStructure() refuses structures where one value belongs", () => {
  const scalar = { message: "a string, a number or a boolean" };
  assert.throws(() => parseStructure(rows.count, [1], find), { message: "one value, not a list" });
  assert.throws(() => parseStructure(rows.list, { a: 1 }, find), {
    message: "one value, not a group of keys",
  });
  assert.throws(() => parseStructure(rows.list, [{ a: 1 }], find), scalar);
  assert.throws(() => parseStructure(rows.tags, { a: null }, find), scalar);
  assert.throws(() => scalarText(new Date(0)), scalar);
});

const sizes: readonly (readonly [text: string, bytes: number])[] = [
  ["0", 0],
  ["1048576", 1_048_576],
  ["512MiB", 512 * 2 ** 20],
  ["512Mi", 512 * 2 ** 20],
  ["1GB", 1e9],
  ["1g", 1e9],
  ["1.5 KiB", 1_536],
  ["10b", 10],
  ["2TiB", 2 ** 41],
];
for (const [text, bytes] of sizes) {
  test(`parseBytes() reads ${text}`, () => assert.equal(parseBytes(text), bytes));
}

test("printBytes() prints what parseBytes() reads", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 20 }), fc.nat(3), (count, power) => {
      const bytes = count * 1_024 ** power;
      assert.equal(parseBytes(printBytes(bytes)), bytes);
    }),
  );
  assert.equal(printBytes(64 * 2 ** 20), "64MiB");
  assert.equal(printBytes(1e6), "1000000");
});
