// Events and links that the OpenTelemetry collector wrote into texts, and texts that only look so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { addEmbeddedEvent, addEmbeddedLink } from "./zipkin-embedded.ts";

const HEAD = "resource 0\nscope 0\nspan 00000000000000000000000000000000:0000000000000000";

function printEvent(text: string): string {
  const batch = new SpanBatch();
  batch.openRow(batch.openResource(), batch.openScope());
  const event = batch.openEvent();
  batch.eventName[event] = batch.dictionary.internText(text);
  addEmbeddedEvent(batch, event, text);
  batch.closeEvent();
  batch.closeRow();
  return printSpans(batch).replace(`${HEAD} "" start=0us duration=0ns\n  event 0us `, "");
}

const events: readonly (readonly [text: string, printed: string])[] = [
  ["name|{}|0", '"name"'],
  ["|{}|4294967295", '"" dropped=4294967295'],
  ['n|{"a":"|","__proto__":1}|2', '"n" dropped=2\n    a="|"\n    __proto__=1'],
  ['n|{"list":[1,{}],"none":null}|0', '"n"\n    list="[1,{}]"\n    none="null"'],
  [
    'n|{"big":1e300,"half":0.5,"yes":false}|0',
    '"n"\n    big=1e+300d\n    half=0.5d\n    yes=false',
  ],
  ["no bar", '"no bar"'],
  ["one|bar", '"one|bar"'],
  ["a|b|c", '"a|b|c"'],
  ["a|{}|", '"a|{}|"'],
  ["a|{}|-1", '"a|{}|-1"'],
  ["a|{}|4294967296", '"a|{}|4294967296"'],
  ["a|[]|1", '"a|[]|1"'],
  ["a|{|1", '"a|{|1"'],
  ["a| {}|1", '"a| {}|1"'],
];

for (const [text, printed] of events) {
  test(`addEmbeddedEvent() makes ${printed.split("\n")[0]!} of ${JSON.stringify(text)}`, () => {
    assert.equal(printEvent(text), printed);
  });
}

const TRACE = "0123456789abcdefABCDEF0123456789";
const SPAN = "00000000000000ff";

test("addEmbeddedLink() adds the link that a text describes", () => {
  const batch = new SpanBatch();
  batch.openRow(batch.openResource(), batch.openScope());
  assert.ok(addEmbeddedLink(batch, `${TRACE}|${SPAN}|a=b|{"k":"x|y"}|7`));
  assert.ok(addEmbeddedLink(batch, `${TRACE}|${SPAN}||{}|0`));
  batch.closeRow();
  assert.equal(
    printSpans(batch),
    `${HEAD} "" start=0us duration=0ns\n` +
      `  link ${TRACE.toLowerCase()}:${SPAN} traceState="a=b" dropped=7\n    k="x|y"\n` +
      `  link ${TRACE.toLowerCase()}:${SPAN}`,
  );
});

const noLinks = [
  "", "|", "||||", `${TRACE}|${SPAN}`, `${TRACE}|${SPAN}|a=b|{}`, `${TRACE}|${SPAN}|{}|0`, `${TRACE.slice(1)}|${SPAN}||{}|0`,
  `${TRACE}|${SPAN}0||{}|0`, `${TRACE}|${SPAN}||{}|x`, `${TRACE}|${SPAN}||{|0`, `${TRACE}g|${SPAN}||{}|0`,
]; // prettier-ignore

for (const text of noLinks) {
  test(`addEmbeddedLink() leaves ${JSON.stringify(text)} alone`, () => {
    const batch = new SpanBatch();
    batch.openRow(batch.openResource(), batch.openScope());
    assert.equal(addEmbeddedLink(batch, text), false);
    assert.equal(batch.links, 0);
  });
}
