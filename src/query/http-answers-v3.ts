// How /api/v3/* answers: messages as protobuf's JSON, streams of them as one object.
//
//   200  {"services":["a","b"]}                             text/plain, as Go guesses it
//   200  {"result":{"resourceSpans":[…]}}                   piece by piece, all traces in one list
//   404  {"error":{"httpCode":404,"message":"…"}}\n         text/plain, nosniff
//
// Source: Jaeger's apiv3 gateway, which sets no type: Go's sniffer makes it text/plain.

import { setImmediate } from "node:timers/promises";
import type { SpanBatch } from "../model/span-batch.ts";
import type { HttpAnswer } from "../net/http-route.ts";
import { writeOtlpJson } from "../wire/write-otlp-json.ts";
import { PLAIN_HEADERS, printGoJson } from "./http-answers.ts";
import { chunkTrace } from "./span-chunks.ts";

const HEADERS = { "Content-Type": "text/plain; charset=utf-8" };

export function answerJsonV3(value: unknown): HttpAnswer {
  return { status: 200, headers: HEADERS, body: JSON.stringify(value) };
}

export function answerErrorV3(httpCode: number, message: string): HttpAnswer {
  const body = `${printGoJson({ error: { httpCode, message } })}\n`;
  return { status: httpCode, headers: PLAIN_HEADERS, body };
}

/**
 * Traces as one OTLP document, written as they come: some MB of text at most are held. A resource of
 * a large trace may come several times, each time with other spans.
 *
 * @param nextCursor shown beside the document; undefined: nothing is.
 */
export function answerTracesV3(traces: AsyncIterable<SpanBatch>, nextCursor?: string): HttpAnswer {
  return { status: 200, headers: HEADERS, body: writeTraces(traces, nextCursor) };
}

/** What stands around the list of one document's resources. */
const BEFORE = '{"resourceSpans":[';
const AFTER = "]}";

async function* writeTraces(
  traces: AsyncIterable<SpanBatch>,
  nextCursor: string | undefined,
): AsyncGenerator<string> {
  let before = `{"result":${BEFORE}`;
  for await (const trace of traces) {
    for (const chunk of chunkTrace(trace)) {
      if (chunk !== trace) await setImmediate(); // others get their turn
      const text = writeOtlpJson([chunk]);
      yield before + text.slice(BEFORE.length, -AFTER.length);
      before = ",";
    }
  }
  const next = nextCursor === undefined ? "" : `,"nextCursor":${JSON.stringify(nextCursor)}`;
  yield `${AFTER}${next}}`;
}
