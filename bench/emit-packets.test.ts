// The generator's datagrams are read as the spans that they are counted as.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SpanBatch } from "../src/model/span-batch.ts";
import { readEmitBatch } from "../src/wire/jaeger-thrift.ts";
import { readThriftMessage } from "../src/wire/thrift-message.ts";
import { makePackets, SPANS_PER_PACKET } from "./emit-packets.ts";

test("makePackets() makes packets of as many spans, of one service each, that fit a datagram", () => {
  const batch = new SpanBatch();
  const services = new Set<string>();
  for (const packet of makePackets(20)) {
    assert.ok(packet.length <= 65_000);
    const { name, protocol, thrift } = readThriftMessage(packet);
    assert.deepEqual([name, protocol], ["emitBatch", "compact"]);
    batch.reset();
    readEmitBatch(thrift, batch);
    assert.equal(batch.rows, SPANS_PER_PACKET);
    assert.equal(batch.resources, 1);
    services.add(batch.dictionary.text(batch.serviceOf(0)));
  }
  assert.equal(services.size, 8);
});
