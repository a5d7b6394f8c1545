// How /api/v3/* answers: messages as protobuf's JSON, streams of them as one object.
//
//   200  {"services":["a","b"]}                             text/plain, as Go guesses it
//   200  {"result":{"resourceSpans":[…]}}                   piece by piece, all traces in one list
//   404  {"error":{"httpCode":404,"message":"…"}}\n         text/plain, nosniff
//
// Source: Jaeger's apiv3 gateway, which sets no type: Go's sniffer makes it text/plain.

import type { SpanBatch } from "../model/span-batch.ts";
import type { HttpAnswer } from "../net/http-route.ts";
import { writeOtlpJson } from "../wire/write-otlp-json.ts";
import { PLAIN_HEADERS, printGoJson } from "./http-answers.ts";

const HEADERS = { "Content-Type": "text/plain; charset=utf-8" };

export function answerJsonV3(value: unknown): HttpAnswer {
  return { status: 200, headers: HEADERS, body: JSON.stringify(value) };
}

export function answerErrorV3(httpCode: number, message: string): HttpAnswer {
  const body = `${printGoJson({ error: { httpCode, message } })}\n`;
  return { status: httpCode, headers: PLAIN_HEADERS, body };
}

/** Traces as one OTLP document, written as they come: no more text than one trace's is held. */
export function answerTracesV3(traces: AsyncIterable<SpanBatch>): HttpAnswer {
  return { status: 200, headers: HEADERS, body: writeTraces(traces) };
}

/** What stands around the list of one trace's resources. */
const BEFORE = '{"resourceSpans":[';
const AFTER = "]}";

async function* writeTraces(traces: AsyncIterable<SpanBatch>): AsyncGenerator<string> {
  let before = `{"result":${BEFORE}`;
  for await (const trace of traces) {
    const text = writeOtlpJson([trace]);
    yield before + text.slice(BEFORE.length, -AFTER.length);
    before = ",";
  }
  yield `${AFTER}}`;
}
