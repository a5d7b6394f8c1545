// What packets say of themselves, and that none of them makes the peek fail.

import assert from "node:assert/strict";
import { test } from "node:test";
import { batchPacket, message, zipkinPacket } from "../../test/agent-packets.ts";
import { struct } from "../../test/thrift-writer.ts";
import { peekPacket } from "./peek-packet.ts";

for (const protocol of ["compact", "binary", "binary-old"] as const) {
  test(`peekPacket() sees service and spans of a batch in ${protocol}`, () => {
    const packet = batchPacket({ service: "shöp", spans: 20, protocol, tags: { a: "b" } });
    assert.deepEqual(peekPacket(packet), { service: "shöp", spans: 20 });
  });
}

test("peekPacket() sees the number of Zipkin's spans", () => {
  assert.deepEqual(peekPacket(zipkinPacket("shop", 17)), { service: "", spans: 17 });
});

test("peekPacket() says nothing of what is no batch", () => {
  assert.equal(peekPacket(message("emitBatch", struct(), "compact")), undefined);
  assert.equal(peekPacket(new Uint8Array(0)), undefined);
});

test("peekPacket() answers or says nothing, whatever byte is changed", () => {
  const whole = batchPacket({ service: "shop", spans: 3 });
  for (let at = 0; at < whole.length; at++) {
    for (const value of [0, 0x7f, 0x80, 0xff]) {
      const packet = Uint8Array.from(whole);
      packet[at] = value;
      const { spans = 0 } = peekPacket(packet) ?? {};
      assert.ok(spans >= 0 && spans * 7 <= packet.length);
    }
  }
});
