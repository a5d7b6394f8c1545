// The generator's bytes are read by the readers as the spans they were made from.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SpanBatch } from "../src/model/span-batch.ts";
import { readOtlpTraces } from "../src/wire/otlp-proto.ts";
import type { SendValues } from "./holed-bytes.ts";
import { DOORS } from "./senders.ts";
import { makeUnit } from "./span-model.ts";

const unit = makeUnit(1, 0, 5);
const values: SendValues = {
  traces: Uint32Array.from({ length: 4 * unit.traces }, (_, i) => 0x11111111 * (1 + (i >> 2))),
  spans: Uint32Array.from({ length: 2 * unit.spans.length }, (_, i) => i + 1),
  orders: Uint32Array.from({ length: unit.traces }, (_, i) => 12_345_670 + i),
  users: Uint32Array.from({ length: unit.traces }, (_, i) => 4_210 + i),
  baseUs: 1_700_000_000_000_000,
};

for (const door of DOORS) {
  test(`${door.name}: every span of a unit is in its messages, and no hole is left`, () => {
    const messages = door.encode(unit);
    assert.equal(
      messages.reduce((sum, message) => sum + message.spans, 0),
      unit.spans.length,
    );
    for (const { bytes } of messages) {
      const filled = bytes.fill(values).toString("latin1");
      assert.ok(!filled.includes("\u0001\u0001\u0001\u0001\u0001\u0001\u0001\u0001"));
      assert.ok(filled.includes("1234567"), "an order number");
    }
  });
}

test("otlp: ids, times and texts are read back", () => {
  const batch = new SpanBatch();
  const [message] = DOORS[0]!.encode(unit);
  readOtlpTraces(message!.bytes.fill(values), batch);
  assert.equal(batch.rows, unit.spans.length);
  const byId = new Map(unit.spans.map((span) => [2 * span.index + 1, span]));
  const ids = new DataView(batch.spanId.buffer);
  for (let row = 0; row < batch.rows; row++) {
    const span = byId.get(ids.getUint32(8 * row))!;
    assert.equal(batch.dictionary.text(batch.name[row]!), span.name);
    assert.equal(batch.durationNs[row], span.durationNs);
    assert.equal(batch.startUs[row], values.baseUs + Math.floor(span.atNs / 1_000));
    assert.equal(batch.attributeStart[row + 1]! - batch.attributeStart[row]!, 12);
  }
});
