// Envelopes in all three forms, by other writers, and what is no envelope.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CALL, EXCEPTION, ONEWAY, REPLY, readThriftMessage } from "./thrift-message.ts";
import { STOP } from "./thrift-reader.ts";

const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

const name = "656d69744261746368"; // emitBatch
const cases: readonly (readonly [what: string, hex: string, kind: number, sequence: number])[] = [
  ["strict binary", `8001000400000009${name}00000007` + "00", ONEWAY, 7],
  ["strict binary, negative sequence", `8001000100000009${name}ffffffff` + "00", CALL, -1],
  ["old binary", `00000009${name}0400000007` + "00", ONEWAY, 7],
  ["compact", `82810709${name}` + "00", ONEWAY, 7],
  ["compact, reply, long sequence", `82418002` + `09${name}` + "00", REPLY, 256],
  ["compact, exception", `82610009${name}` + "00", EXCEPTION, 0],
];

for (const [what, hex, kind, sequence] of cases) {
  test(`readThriftMessage() reads ${what}`, () => {
    const message = readThriftMessage(fromHex(hex));
    assert.equal(message.name, "emitBatch");
    assert.equal(message.kind, kind);
    assert.equal(message.sequence, sequence);
    assert.equal(message.protocol, what.startsWith("compact") ? "compact" : "binary");
    assert.equal(message.thrift.nextField(), STOP);
    assert.equal(message.thrift.at, hex.length / 2);
  });
}

for (const protocol of ["binary", "binary-old", "compact"]) {
  test(`readThriftMessage() reads what Jaeger's Go client writes in ${protocol}`, () => {
    const file = new URL(`../../test/golden/jaeger/emit-batch.${protocol}.bin`, import.meta.url);
    const message = readThriftMessage(new Uint8Array(readFileSync(file)));
    assert.equal(message.name, "emitBatch");
    assert.equal(message.kind, CALL);
    assert.equal(message.sequence, 1);
  });
}

const refused: readonly (readonly [hex: string, offset: number, message: string])[] = [
  ["", 0, "first byte is none of 0x80, 0x82, 0x00: no Thrift message"],
  ["7b7d", 0, "first byte is none of 0x80, 0x82, 0x00: no Thrift message"],
  [`8002000400000009${name}00000007`, 0, "binary protocol version 2, expected 1"],
  [`8001000900000009${name}00000007`, 0, "message of kind 9, expected 1 to 4"],
  [`82820709${name}`, 1, "compact protocol version 2, expected 1"],
  [`82e10709${name}`, 0, "message of kind 7, expected 1 to 4"],
  ["800100047fffffff61", 4, "string of 2147483647 bytes, but 1 remain"],
  [`8281008101${"61".repeat(129)}`, 3, "method name of 129 bytes, expected at most 128"],
];

for (const [hex, offset, message] of refused) {
  test(`readThriftMessage() refuses ${hex.slice(0, 24)}: ${message}`, () => {
    assert.throws(() => readThriftMessage(fromHex(hex)), {
      code: "bad-input",
      message: `thrift: ${message}`,
      where: { offset, size: hex.length / 2 },
    });
  });
}

test("readThriftMessage() refuses every proper prefix of an envelope", () => {
  for (const [, hex] of cases) {
    const whole = fromHex(hex);
    for (let end = 0; end < whole.length - 1; end++) {
      assert.throws(() => readThriftMessage(whole.subarray(0, end)), { code: "bad-input" });
    }
  }
});
