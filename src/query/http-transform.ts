// OTLP that somebody has in a file, as Jaeger's pages show it. Nothing is stored.
//
//   POST /api/transform   {"resourceSpans":[…]}  ─▶  a list of traces, in the order of their first span
//
// Source: Jaeger's http_handler.go (v1.76): traces come back as they are, not adjusted.
// Trust: the body is the peer's; the door has bounded its size.

import { Buffer } from "node:buffer";
import { setImmediate } from "node:timers/promises";
import { SpoorError, printError } from "../base/errors.ts";
import { RowCopier } from "../model/copy-rows.ts";
import { SpanBatch } from "../model/span-batch.ts";
import type { HttpAnswer, HttpRequest, HttpRoute } from "../net/http-route.ts";
import { readOtlpJson } from "../wire/otlp-json.ts";
import { answerTraces } from "./http-answers.ts";
import { refuse } from "./parse-query.ts";

export function makeTransformRoute(): HttpRoute {
  return { method: "POST", path: "/api/transform", handle: transform };
}

async function transform(request: HttpRequest): Promise<HttpAnswer> {
  const batch = new SpanBatch();
  try {
    readOtlpJson(request.body, batch);
  } catch (error) {
    if (error instanceof SpoorError) throw refuse(`cannot unmarshal OTLP : ${printError(error)}`);
    throw error;
  }
  return answerTraces(request, eachGroup(batch, groupRows(batch)), () => []);
}

/**
 * Traces times distinct strings: taking one trace out looks at each string once. A second of work;
 * a thousand traces with 100,000 strings are a tenth of it.
 */
const LOOKS_MAX = 1e9;

function groupRows(batch: SpanBatch): readonly (readonly number[])[] {
  const rowsOf = new Map<string, number[]>();
  for (let row = 0; row < batch.rows; row++) {
    const id = Buffer.from(batch.traceId.subarray(16 * row, 16 * row + 16)).toString("latin1");
    const rows = rowsOf.get(id);
    if (rows === undefined) rowsOf.set(id, [row]);
    else rows.push(row);
  }
  if (rowsOf.size * batch.dictionary.count > LOOKS_MAX) {
    throw refuse(`too many traces in one document: ${rowsOf.size}`);
  }
  return [...rowsOf.values()];
}

/** One batch a trace, made when it is its turn. */
async function* eachGroup(
  batch: SpanBatch,
  groups: readonly (readonly number[])[],
): AsyncGenerator<SpanBatch> {
  for (const rows of groups) {
    const trace = new SpanBatch();
    const copier = new RowCopier(batch, trace);
    for (const row of rows) copier.copyRow(row);
    yield trace;
    await setImmediate();
  }
}
