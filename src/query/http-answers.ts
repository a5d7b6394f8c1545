// How /api/* answers: Jaeger's envelope around what was asked, and around what went wrong.
//
//   200  {"data":…,"total":2,"limit":0,"offset":0,"errors":null}           application/json
//   400  {"data":null,…,"errors":[{"code":400,"msg":"…"}]}\n               text/plain, nosniff
//   200  {"data":[trace,trace,…],"total":0,…}                              large: piece by piece
//   405  nothing                                                           text/plain
//
// `?prettyPrint=true` sets JSON out on lines, four spaces a level.
// Source: Jaeger's http_handler.go (v1.76). Its errors go through Go's http.Error, hence the type.
// Not here: /api/v3 (http-answers-v3.ts).

import { countReceived } from "../net/garbage.ts";
import { setImmediate } from "node:timers/promises";
import type { SpanBatch } from "../model/span-batch.ts";
import type { HttpAnswer, HttpRequest } from "../net/http-route.ts";
import { JaegerTraceWriter } from "../wire/jaeger-json.ts";
import { JsonIndenter, indentJson } from "../wire/json-indent.ts";

const JSON_HEADERS = { "Content-Type": "application/json" };

/** What Go's http.Error says of its bodies. */
export const PLAIN_HEADERS = {
  "Content-Type": "text/plain; charset=utf-8",
  "X-Content-Type-Options": "nosniff",
};

/** One entry of `errors` beside data: a trace that was asked for and is not there. */
export interface DataError {
  readonly msg: string;
  readonly traceID: string;
}

/** True if the parameter is there and says neither nothing nor `false`. */
export function wantsPretty(request: HttpRequest): boolean {
  const value = request.query.get("prettyPrint") ?? "";
  return value !== "" && value !== "false";
}

/** `data` in the envelope. @param total shown as it is; Jaeger counts only some answers. */
export function answerData(request: HttpRequest, data: unknown, total = 0): HttpAnswer {
  return answerJson(request, { data, total, limit: 0, offset: 0, errors: null });
}

/** `value` without an envelope. */
export function answerJson(request: HttpRequest, value: unknown): HttpAnswer {
  const text = JSON.stringify(value);
  const body = wantsPretty(request) ? indentJson(text) : text;
  return { status: 200, headers: JSON_HEADERS, body };
}

/**
 * Traces in the envelope: a small answer whole, a larger one written as its traces come, with pauses,
 * so that some hundred kB of text are held.
 *
 * @param errors asked for when all traces are written.
 * @param nextCursor shown beside them; undefined: nothing is.
 */
export async function answerTraces(
  request: HttpRequest,
  traces: AsyncIterable<SpanBatch>,
  errors: () => readonly DataError[],
  nextCursor?: string,
): Promise<HttpAnswer> {
  const pieces = writeTraces(traces, errors, nextCursor);
  const indenter = wantsPretty(request) ? new JsonIndenter() : undefined;
  const show = (piece: Uint8Array): Uint8Array => indenter?.indent(piece) ?? piece;
  // Written before anything is sent: what cannot be written is still told by its status.
  const first = await pieces.next();
  const body = first.done === true ? show(first.value) : showEach(first.value, pieces, show);
  return { status: 200, headers: JSON_HEADERS, body };
}

/** Yields pieces that are full, returns the last one. */
type Pieces = AsyncGenerator<Uint8Array, Uint8Array, undefined>;

async function* writeTraces(
  traces: AsyncIterable<SpanBatch>,
  errors: () => readonly DataError[],
  nextCursor: string | undefined,
): Pieces {
  const writer = new JaegerTraceWriter();
  writer.ascii('{"data":[');
  let isEmpty = true;
  for await (const trace of traces) {
    if (!isEmpty) writer.ascii(",");
    isEmpty = false;
    for (const piece of writer.write(trace)) {
      yield piece;
      countReceived(piece.length);
      await setImmediate(); // others get their turn
    }
  }
  const failed = errors().length === 0 ? null : errors();
  // JSON leaves out what is undefined.
  const rest = { total: 0, limit: 0, offset: 0, errors: failed, nextCursor };
  // The envelope goes on where its array ends: `{"total":…}` without its first character.
  writer.ascii(`],${JSON.stringify(rest).slice(1)}`);
  return writer.take();
}

async function* showEach(
  first: Uint8Array,
  pieces: Pieces,
  show: (piece: Uint8Array) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  try {
    yield show(first);
    for (;;) {
      const next = await pieces.next();
      yield show(next.value);
      if (next.done === true) return;
    }
  } finally {
    await pieces.return(new Uint8Array(0));
  }
}

/** An error in the envelope. */
export function answerError(code: number, msg: string): HttpAnswer {
  const envelope = { data: null, total: 0, limit: 0, offset: 0, errors: [{ code, msg }] };
  return { status: code, headers: PLAIN_HEADERS, body: `${printGoJson(envelope)}\n` };
}

/** JSON as Go's encoder prints it: what HTML could take for markup is escaped. */
export function printGoJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
