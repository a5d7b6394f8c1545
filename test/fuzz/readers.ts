// Every reader of spans that takes bytes from the network, with sound payloads to start from.
//
// A new reader is one more row; the fuzz test (src/wire/fuzz.test.ts) runs all rows.

import { readFileSync } from "node:fs";
import type { SpanBatch } from "../../src/model/span-batch.ts";
import { readApiV2Span, readPostSpans } from "../../src/wire/jaeger-proto.ts";
import { readEmitBatch, readJaegerBatch, readSubmitBatches } from "../../src/wire/jaeger-thrift.ts";
import { readJaegerJson } from "../../src/wire/read-jaeger-json.ts";
import { readOtlpJson } from "../../src/wire/otlp-json.ts";
import { readOtlpTraces } from "../../src/wire/otlp-proto.ts";
import { readThriftMessage } from "../../src/wire/thrift-message.ts";
import { readZipkinJsonV1 } from "../../src/wire/zipkin-json-v1.ts";
import { readZipkinJsonV2 } from "../../src/wire/zipkin-json.ts";
import { readZipkinProto } from "../../src/wire/zipkin-proto.ts";
import { readEmitZipkinBatch, readZipkinThrift } from "../../src/wire/zipkin-thrift.ts";

export interface FuzzedReader {
  readonly name: string;
  readonly read: (payload: Uint8Array, batch: SpanBatch) => unknown;
  /** Payloads that the reader takes; the first one must have spans. */
  readonly samples: readonly Uint8Array[];
}

const golden = (path: string): Uint8Array =>
  readFileSync(new URL(`../golden/${path}`, import.meta.url));

/** A struct as the only element of a list, field 1 of a struct: the arguments of a call. */
function wrapInList(struct: Uint8Array): Uint8Array {
  return Uint8Array.of(15, 0, 1, 12, 0, 0, 0, 1, ...struct, 0);
}

export const readers: readonly FuzzedReader[] = [
  { name: "readOtlpTraces", read: readOtlpTraces, samples: [golden("otlp/traces.bin")] },
  { name: "readOtlpJson", read: readOtlpJson, samples: [golden("otlp/traces.json")] },
  { name: "readJaegerJson", read: readJaegerJson, samples: [golden("jaeger/trace.json")] },
  { name: "readPostSpans", read: readPostSpans, samples: [golden("jaeger/post-spans.proto.bin")] },
  { name: "readApiV2Span", read: readApiV2Span, samples: [golden("jaeger/span.proto.bin")] },
  { name: "readJaegerBatch", read: readJaegerBatch, samples: [golden("jaeger/batch.binary.bin")] },
  {
    name: "readSubmitBatches",
    read: readSubmitBatches,
    samples: [wrapInList(golden("jaeger/batch.binary.bin"))],
  },
  {
    name: "readEmitBatch",
    read: (payload, batch) => readEmitBatch(readThriftMessage(payload).thrift, batch),
    samples: [
      golden("jaeger/emit-batch.compact.bin"),
      golden("jaeger/emit-batch.binary.bin"),
      golden("jaeger/emit-batch.binary-old.bin"),
    ],
  },
  {
    name: "readZipkinThrift",
    read: readZipkinThrift,
    samples: [golden("jaeger/zipkin-spans.binary.bin")],
  },
  {
    name: "readEmitZipkinBatch",
    read: (payload, batch) => readEmitZipkinBatch(readThriftMessage(payload).thrift, batch),
    samples: [
      golden("jaeger/emit-zipkin-batch.compact.bin"),
      golden("jaeger/emit-zipkin-batch.binary.bin"),
    ],
  },
  {
    name: "readZipkinJsonV2",
    read: readZipkinJsonV2,
    samples: [
      golden("zipkin/spans.go.json"),
      golden("zipkin/spans.js.json"),
      golden("zipkin/otel.js.json"),
    ],
  },
  {
    name: "readZipkinJsonV1",
    read: readZipkinJsonV1,
    samples: [golden("zipkin/spans-v1.js.json")],
  },
  { name: "readZipkinProto", read: readZipkinProto, samples: [golden("zipkin/spans.go.bin")] },
];
