// Tables from the specification and its validation suite.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTraceParent, parseTraceState, printTraceParent } from "./trace-context.ts";

const TRACE = "12345678901234567890123456789012";
const SPAN = "1234567890123456";

const GOOD: readonly (readonly [string, number])[] = [
  [`00-${TRACE}-${SPAN}-01`, 1],
  [`00-${TRACE}-${SPAN}-00`, 0],
  [`00-${TRACE}-${SPAN}-02`, 0],
  [`00-${TRACE}-${SPAN}-03`, 1],
  [`00-${TRACE}-${SPAN}-ff`, 1],
  [`00-${TRACE}-${SPAN}-fe`, 0],
  [` 00-${TRACE}-${SPAN}-01\t`, 1],
  [`cc-${TRACE}-${SPAN}-01`, 1],
  [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, 1],
  [`01-${TRACE}-${SPAN}-00-`, 0],
  [`fe-${TRACE}-${SPAN}-09-x`, 1],
];

const BAD: readonly string[] = [
  "",
  "00",
  `00-${TRACE}-${SPAN}`,
  `00-${TRACE}-${SPAN}-`,
  `00-${TRACE}-${SPAN}-1`,
  `00-${TRACE}-${SPAN}-001`,
  `00-${TRACE}-${SPAN}-01-`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${TRACE}-${SPAN}-01.`,
  `00-${TRACE}-${SPAN}-.0`,
  `00-${TRACE}-${SPAN}-0.`,
  `00-${TRACE}-${SPAN}-0G`,
  `cc-${TRACE}-${SPAN}-01.what-the-future-will-not-be-like`,
  `ff-${TRACE}-${SPAN}-01`,
  `FE-${TRACE}-${SPAN}-01`,
  `.0-${TRACE}-${SPAN}-01`,
  `000-${TRACE}-${SPAN}-01`,
  `0-${TRACE}-${SPAN}-01`,
  `00-00000000000000000000000000000000-${SPAN}-01`,
  `00-${TRACE}-0000000000000000-01`,
  `00-.${TRACE.slice(1)}-${SPAN}-01`,
  `00-${TRACE}-.${SPAN.slice(1)}-01`,
  `00-${TRACE.slice(1)}-${SPAN}-01`,
  `00-${TRACE}0-${SPAN}-01`,
  `00-ABCDEF${TRACE.slice(6)}-${SPAN}-01`,
  `00-${TRACE}-ABCDEF${SPAN.slice(6)}-01`,
  `00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`,
  `00_${TRACE}_${SPAN}_01`,
];

for (const [header, flags] of GOOD) {
  test(`parseTraceParent() reads ${JSON.stringify(header)}`, () => {
    const context = parseTraceParent(header);
    assert.equal(context?.toString(), `${TRACE}:${SPAN}:0:${flags}`);
    assert.equal(context.isRemote, true);
    assert.equal(printTraceParent(context), `00-${TRACE}-${SPAN}-0${flags}`);
  });
}

for (const header of BAD) {
  test(`parseTraceParent() refuses ${JSON.stringify(header)}`, () => {
    assert.equal(parseTraceParent(header), undefined);
  });
}

test("printTraceParent() fills a trace id of 64 bits, and says of debug that it is sampled", () => {
  const context = parseTraceParent(`00-0000000000000000${SPAN}-${SPAN}-01`);
  assert.equal(context?.traceIdStr, SPAN);
  context.flags = 3;
  assert.equal(printTraceParent(context), `00-0000000000000000${SPAN}-${SPAN}-01`);
});

const members = (count: number): string =>
  Array.from({ length: count }, (_, at) => `k${at}=${at}`).join(",");

const GOOD_STATES: readonly string[] = [
  "foo=1",
  "foo=1,bar=2",
  "foo=1 , bar=2",
  "foo=1,\tbar=2",
  "foo=1,,bar=2",
  "foo=1,",
  "foo=1,foo=1", // duplicates may be passed on
  "a@b=1",
  `${"z".repeat(256)}=1`,
  `${"t".repeat(241)}@${"v".repeat(14)}=1`,
  "0a=1",
  `foo=${"v".repeat(256)}`,
  "foo= 1",
  "a-b_c/d*e=!\"#$%&'()*+-./:;<>?@[]^_`{|}~",
  members(32),
];

const BAD_STATES: readonly string[] = [
  "",
  ",",
  "foo",
  "foo=",
  "=1",
  "foo =1",
  "FOO=1",
  "foo.bar=1",
  "foo@=1,bar=2",
  "@foo=1,bar=2",
  "foo@@bar=1,bar=2",
  "foo@bar@baz=1,bar=2",
  "foo=bar=baz",
  "foo=a\tb",
  "foo=caf\u00E9",
  `${"z".repeat(257)}=1`,
  `${"t".repeat(242)}@v=1`,
  `t@${"v".repeat(15)}=1`,
  `foo=${"v".repeat(257)}`,
  members(33),
  "foo=1,bar",
];

for (const header of GOOD_STATES) {
  test(`parseTraceState() keeps ${JSON.stringify(header.slice(0, 40))}`, () => {
    assert.equal(parseTraceState(header), header);
  });
}

for (const header of BAD_STATES) {
  test(`parseTraceState() refuses ${JSON.stringify(header.slice(0, 40))}`, () => {
    assert.equal(parseTraceState(header), undefined);
  });
}

test("parseTraceState() cuts what is over 512 characters: long members first, then from the end", () => {
  const small = members(32); // 218 characters
  const long = `long=${"v".repeat(124)}`; // 129
  const fits = `fits=${"v".repeat(123)}`; // 128
  assert.equal(parseTraceState(`a=1,${long},${fits},b=${"w".repeat(256)}`), `a=1,${long},${fits}`);
  assert.equal(
    parseTraceState(`a=1,${long},${long},${long},${long}`),
    `a=1,${long},${long},${long}`,
  );
  const many = Array.from({ length: 6 }, (_, at) => `${at}${fits}`.slice(0, 128)).join(",");
  assert.equal(parseTraceState(many), many.split(",").slice(0, 3).join(","));
  assert.equal(parseTraceState(small), small);
});
