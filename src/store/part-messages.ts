// What two threads say to one another when one asks a part that lives in the other.
//
//   asker ── { number, extra, question } ─▶ server      extra: what part it is about, the server knows how
//         ── { cancel: number } ──────────▶
//         ◀── { number, answer } or { number, failure } ──
//
// Ids go in one array each; traces as packed batches (pack-spans.ts). Arrays are moved, not copied: what is
// put into a message is the message's own.
//
// Trust: both ends are this program, of one version.
// Not here: ports, order, cancelling (remote-part.ts, serve-part.ts).

import type { ErrorCode, Where } from "../base/errors.ts";
import { packSpans, unpackSpans } from "../model/pack-spans.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import type {
  KeyQuery,
  Operation,
  SeriesQuery,
  TimeRange,
  TraceQuery,
  ValueQuery,
} from "../model/trace-query.ts";
import { reuseBatch } from "./head/emit.ts";
import type { Calls, Hits, Part, SpanNames, SpanServices } from "./part.ts";
import type { SeriesLine } from "./series-counter.ts";

const ID_BYTES = 16;

export type Question =
  | { readonly ask: "search"; readonly query: TraceQuery; readonly only: Uint8Array | undefined }
  | { readonly ask: "readTraces"; readonly ids: Uint8Array }
  | { readonly ask: "services" }
  | {
      readonly ask: "operations";
      readonly service: string | undefined;
      readonly kind: number | undefined;
    }
  | { readonly ask: "calls"; readonly range: TimeRange }
  | { readonly ask: "spanServices"; readonly spans: SpanNames }
  | { readonly ask: "series"; readonly query: SeriesQuery }
  | { readonly ask: "attributeKeys"; readonly query: KeyQuery }
  | { readonly ask: "attributeValues"; readonly query: ValueQuery };

/** What comes back for each question. */
export interface Answers {
  readonly search: Hits;
  readonly readTraces: readonly (ArrayBuffer | undefined)[];
  readonly services: readonly string[];
  readonly operations: readonly Operation[];
  readonly calls: Calls;
  readonly spanServices: SpanServices;
  readonly series: readonly SeriesLine[];
  readonly attributeKeys: readonly string[];
  readonly attributeValues: readonly string[];
}

export type ToServer =
  | { readonly number: number; readonly extra: unknown; readonly question: Question }
  | { readonly cancel: number };

export type FromServer =
  | { readonly number: number; readonly answer: Answers[keyof Answers] }
  | { readonly number: number; readonly failure: Failure };

/** A SpoorError as plain data. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly where: Where;
}

/** Something to be sent, and which of its buffers are moved. */
export interface Parcel<Content> {
  readonly content: Content;
  readonly transfer: ArrayBuffer[];
}

/** Asks `part` and makes its answer ready to be sent. @throws what the part throws. */
export async function answerQuestion(
  part: Part,
  question: Question,
  signal: AbortSignal,
): Promise<Parcel<Answers[keyof Answers]>> {
  const transfer: ArrayBuffer[] = [];
  const content = await answer(part, question, signal, transfer);
  return { content, transfer };
}

async function answer(
  part: Part,
  question: Question,
  signal: AbortSignal,
  transfer: ArrayBuffer[],
): Promise<Answers[keyof Answers]> {
  switch (question.ask) {
    case "search": {
      const only = question.only === undefined ? undefined : splitIds(question.only);
      const { ids, startUs } = await part.search(question.query, signal, only);
      return { ids: moved(ids, transfer), startUs: moved(startUs, transfer) };
    }
    case "readTraces": {
      const traces = await part.readTraces(splitIds(question.ids), signal);
      return traces.map((trace) => (trace === undefined ? undefined : packed(trace, transfer)));
    }
    case "services":
      return part.services(signal);
    case "operations":
      return part.operations(question.service, question.kind, signal);
    case "calls": {
      const { counts, strangers } = await part.calls(question.range, signal);
      const { services, service, traceIds, spanIds } = strangers;
      return {
        counts,
        strangers: {
          services,
          service: moved(service, transfer),
          traceIds: moved(traceIds, transfer),
          spanIds: moved(spanIds, transfer),
        },
      };
    }
    case "spanServices": {
      const { services, service } = await part.spanServices(question.spans, signal);
      return { services, service: moved(service, transfer) };
    }
    case "series":
      return (await part.series(question.query, signal)).map((line) => movedLine(line, transfer));
    case "attributeKeys":
      return part.attributeKeys(question.query, signal);
    default:
      return part.attributeValues(question.query, signal);
  }
}

export function unpackTraces(traces: Answers["readTraces"]): (SpanBatch | undefined)[] {
  return traces.map((trace) => (trace === undefined ? undefined : unpackSpans(trace)));
}

/** Ids one after the other in an array of their own. */
export function joinIds(ids: readonly Uint8Array[], transfer: ArrayBuffer[]): Uint8Array {
  const joined = new Uint8Array(ID_BYTES * ids.length);
  ids.forEach((id, at) => joined.set(id, ID_BYTES * at));
  transfer.push(joined.buffer);
  return joined;
}

function splitIds(ids: Uint8Array): Uint8Array[] {
  return Array.from({ length: ids.length / ID_BYTES }, (_, at) =>
    ids.subarray(ID_BYTES * at, ID_BYTES * (at + 1)),
  );
}

export function moveSpanNames(spans: SpanNames, transfer: ArrayBuffer[]): SpanNames {
  return {
    traceIds: moved(spans.traceIds, transfer),
    spanIds: moved(spans.spanIds, transfer),
  };
}

function movedLine(line: SeriesLine, transfer: ArrayBuffer[]): SeriesLine {
  const { slice, bucket, count } = line.durations;
  return Object.assign({}, line, {
    calls: moved(line.calls, transfer),
    errors: moved(line.errors, transfer),
    durations: {
      slice: moved(slice, transfer),
      bucket: moved(bucket, transfer),
      count: moved(count, transfer),
    },
  });
}

function packed(trace: SpanBatch, transfer: ArrayBuffer[]): ArrayBuffer {
  const buffer = packSpans(trace);
  reuseBatch(trace);
  transfer.push(buffer);
  return buffer;
}

/** A copy that a message may take away; a view would take the whole of its buffer along. */
function moved<Column extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(
  column: Column,
  transfer: ArrayBuffer[],
): Column {
  // `slice` of a Buffer is a view.
  const copy = column instanceof Uint8Array ? new Uint8Array(column) : column.slice();
  transfer.push(copy.buffer);
  return copy as Column;
}
