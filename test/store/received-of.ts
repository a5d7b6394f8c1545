// The payload that a batch might have been read from: what engines with a log keep.

import type { SpanBatch } from "../../src/model/span-batch.ts";
import type { Received } from "../../src/store/received.ts";
import { writeOtlpProto } from "../../src/wire/write-otlp-proto.ts";

export function receivedOf(batch: SpanBatch): Received {
  return { format: "otlp-proto", payload: writeOtlpProto([batch]) };
}
