// Tags that are passed over in one step against the same tags field by field: whole, cut and damaged.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../test/any-spans.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { readEmitBatch } from "./jaeger-thrift.ts";
import { ThriftBinaryReader } from "./thrift-binary.ts";
import { ThriftCompactReader } from "./thrift-compact.ts";
import type { ThriftReader } from "./thrift-reader.ts";
import { writeEmitBatches } from "./write-jaeger-thrift.ts";

type Open = (bytes: Uint8Array) => ThriftReader;

/** Bytes before the arguments: version, name, number of the message. */
const protocols: readonly (readonly [name: "compact" | "binary", headBytes: number, open: Open])[] =
  [
    ["binary", 4 + 4 + "emitBatch".length + 4, (bytes) => new ThriftBinaryReader(bytes, 0)],
    ["compact", 2 + 1 + 1 + "emitBatch".length, (bytes) => new ThriftCompactReader(bytes, 0)],
  ];

/** What is read, or what is said of what cannot be. */
function read(thrift: ThriftReader): string {
  const batch = new SpanBatch();
  try {
    readEmitBatch(thrift, batch);
  } catch (error) {
    return `refused: ${(error as Error).message}`;
  }
  return `${printSpans(batch)}, at ${thrift.at}`;
}

function fieldByField(open: Open): Open {
  return (bytes) => Object.assign(open(bytes), { passUsualTag: () => false });
}

for (const [name, headBytes, open] of protocols) {
  const slow = fieldByField(open);

  test(`passUsualTag() of ${name} changes nothing of what is read`, () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 3 });
    fc.assert(
      fc.property(
        anySpans(),
        damage,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (spans, flips, cut) => {
          for (const packet of writeEmitBatches(spans, { protocol: name })) {
            const bytes = packet.slice(headBytes);
            assert.match(read(open(bytes)), /, at \d+$/);
            assert.equal(read(open(bytes)), read(slow(bytes)));
            const part = bytes.subarray(0, Math.floor(cut * bytes.length));
            assert.equal(read(open(part)), read(slow(part)));
            for (const [at, bits] of flips) bytes[at % bytes.length]! ^= bits;
            assert.equal(read(open(bytes)), read(slow(bytes)));
          }
        },
      ),
      { numRuns: 150 },
    );
  });
}
