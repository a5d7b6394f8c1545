// Datagrams as Jaeger's clients send them, all with as many spans: then packets that are lost are spans.
//
//   unit ─ spans of one service, SPANS_PER_PACKET each ─▶ jaeger.thrift, binary ─ read, written ─▶ compact

import { SpanBatch } from "../src/model/span-batch.ts";
import { readJaegerBatch } from "../src/wire/jaeger-thrift.ts";
import { writeEmitBatches } from "../src/wire/write-jaeger-thrift.ts";
import { encodeJaegerThrift } from "./encode-text.ts";
import type { SendValues } from "./holed-bytes.ts";
import { makeRandom, makeUnit, type Unit } from "./span-model.ts";

/** Some 40 KB: what a busy client sends, below the 65,000 bytes that it may. */
export const SPANS_PER_PACKET = 80;
const PACKET_BYTES_MAX = 65_000;

/** Some 200 spans of each service. */
const TRACES_PER_UNIT = 60;
const SEED = 1;

/** At least `count` packets, none like another. */
export function makePackets(count: number): Uint8Array[] {
  const random = makeRandom(SEED);
  const word = (): number => Math.floor(random() * 0x1_0000_0000);
  const batch = new SpanBatch();
  const packets: Uint8Array[] = [];
  for (let number = 0; packets.length < count; number++) {
    const unit = makeUnit(SEED, number, TRACES_PER_UNIT);
    const values = drawValues(unit, word);
    for (const service of unit.services.keys()) {
      const own = unit.spans.filter((span) => span.service === service);
      for (let from = 0; from + SPANS_PER_PACKET <= own.length; from += SPANS_PER_PACKET) {
        const spans = own.slice(from, from + SPANS_PER_PACKET);
        batch.reset();
        for (const { bytes } of encodeJaegerThrift({ ...unit, spans })) {
          readJaegerBatch(bytes.fill(values), batch);
        }
        const written = writeEmitBatches(batch, { protocol: "compact" });
        packets.push(...written.filter(({ length }) => length <= PACKET_BYTES_MAX));
      }
    }
  }
  return packets;
}

function drawValues(unit: Unit, word: () => number): SendValues {
  return {
    traces: Uint32Array.from({ length: 4 * unit.traces }, word),
    spans: Uint32Array.from({ length: 2 * unit.spans.length }, word),
    orders: Uint32Array.from({ length: unit.traces }, () => word() % 100_000_000),
    users: Uint32Array.from({ length: unit.traces }, () => word() % 50_000),
    baseUs: 1_700_000_000_000_000,
  };
}
