// The reader of each format that a door takes: what turns a payload into spans, here and again when a
// store reads its log.
//
//   door ─▶ intake ─▶ readers[format] ─▶ sanitize ─▶ store
//   log  ─▶ makeReadReceived(tags)  ── the same two ──▶ store
//
// Not here: the formats themselves (wire/).

import { SpanBatch } from "../model/span-batch.ts";
import type { ReceivedFormat } from "../store/received.ts";
import { readJaegerBatch, readSubmitBatches } from "../wire/jaeger-thrift.ts";
import { readPostSpans } from "../wire/jaeger-proto.ts";
import { readOtlpJson } from "../wire/otlp-json.ts";
import { readOtlpTraces } from "../wire/otlp-proto.ts";
import { readZipkinJsonV1 } from "../wire/zipkin-json-v1.ts";
import { readZipkinJsonV2 } from "../wire/zipkin-json.ts";
import { readZipkinProto } from "../wire/zipkin-proto.ts";
import { readZipkinThrift } from "../wire/zipkin-thrift.ts";
import { makeSanitizer } from "./sanitize.ts";

/**
 * A reader of `src/wire`: appends the payload's spans, or throws SpoorError `bad-input`. Some leave
 * spans without an id out and say how many.
 */
export type ReadPayload = (
  payload: Uint8Array,
  batch: SpanBatch,
) => void | { readonly spans: number };

export const readers: Readonly<Record<ReceivedFormat, ReadPayload>> = {
  "otlp-proto": readOtlpTraces,
  "otlp-json": readOtlpJson,
  "jaeger-proto": readPostSpans,
  // What the client says of itself is not of the spans.
  "jaeger-thrift": (payload, batch) => void readJaegerBatch(payload, batch),
  "zipkin-json-v1": readZipkinJsonV1,
  "zipkin-json-v2": readZipkinJsonV2,
  "zipkin-thrift": readZipkinThrift,
  "zipkin-proto": readZipkinProto,
  "jaeger-thrift-list": (payload, batch) => void readSubmitBatches(payload, batch),
};

/**
 * What the spans of one payload may take while they are read: those of a body of 20 MiB take half of
 * it if they are usual ones, but millions of empty events or distinct keys would take a gigabyte.
 */
export const BATCH_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Reads payloads as the intake does, for a store that kept them. The batch is valid until the next call.
 *
 * @param tags what `collector.tags` adds to every resource.
 */
export function makeReadReceived(
  tags: ReadonlyMap<string, string>,
): (format: ReceivedFormat, payload: Uint8Array) => SpanBatch {
  const sanitize = makeSanitizer(tags);
  const batch = new SpanBatch(BATCH_BYTES_MAX);
  return (format, payload) => {
    batch.reset();
    readers[format](payload, batch);
    return sanitize(batch).batch;
  };
}
