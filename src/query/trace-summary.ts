// A trace in one line: what a list of search results shows.
//
//   spans ─▶ root's service and name · first start, last end · spans, errors, orphans · per service
//
// The root is the earliest of the spans without a parent; an orphan's parent is not in the trace.
// Source: Jaeger v2.19, querysvc/summary.go and api_v3 TraceSummary.
// Not here: JSON (http-api-v3.ts), protobuf (wire/write-query-proto.ts).

import { STATUS_ERROR, type SpanBatch } from "../model/span-batch.ts";
import { endRestNsOf, endUsOf, isId } from "../wire/otlp-view.ts";
import type { Instant, ServiceSummary, TraceSummary } from "../wire/write-query-proto.ts";
import { SpanIdIndex } from "./adjust/span-id-index.ts";

/** @param batch one whole trace, at least one span. Cost: about 0.1 µs a span. */
export function summarizeTrace(batch: SpanBatch): TraceSummary {
  const index = new SpanIdIndex(batch.spanId, batch.rows);
  const spansOf = new Float64Array(batch.resources);
  const errorsOf = new Float64Array(batch.resources);
  let root = -1;
  let start = 0;
  let end: Instant = { us: -Infinity, restNs: 0 };
  let orphans = 0;
  for (let row = 0; row < batch.rows; row++) {
    const resource = batch.resource[row]!;
    spansOf[resource] = spansOf[resource]! + 1;
    if (batch.statusCode[row] === STATUS_ERROR) errorsOf[resource] = errorsOf[resource]! + 1;
    if (startsBefore(batch, row, start)) start = row;
    const ownEnd = { us: endUsOf(batch, row), restNs: endRestNsOf(batch, row) };
    if (ownEnd.us > end.us || (ownEnd.us === end.us && ownEnd.restNs > end.restNs)) end = ownEnd;
    if (isId(batch.parentSpanId, 8 * row, 8)) {
      if (index.first(batch.parentSpanId, row) < 0) orphans++;
    } else if (root < 0 || startsBefore(batch, row, root)) {
      root = row;
    }
  }
  const service = root < 0 ? 0 : batch.serviceOf(batch.resource[root]!);
  const services = sumServices(batch, spansOf, errorsOf);
  return {
    traceId: batch.traceId.slice(0, 16),
    rootService: batch.dictionary.text(service),
    rootOperation: root < 0 ? "" : batch.dictionary.text(batch.name[root]!),
    start: { us: batch.startUs[start]!, restNs: batch.startRestNs[start]! },
    end,
    spans: batch.rows,
    errors: services.reduce((sum, { errors }) => sum + errors, 0),
    orphans,
    services,
  };
}

function startsBefore(batch: SpanBatch, a: number, b: number): boolean {
  const us = batch.startUs[a]! - batch.startUs[b]!;
  return us < 0 || (us === 0 && batch.startRestNs[a]! < batch.startRestNs[b]!);
}

function sumServices(
  batch: SpanBatch,
  spansOf: Float64Array,
  errorsOf: Float64Array,
): readonly ServiceSummary[] {
  const sums = new Map<number, { spans: number; errors: number }>();
  for (let resource = 0; resource < batch.resources; resource++) {
    if (spansOf[resource] === 0) continue;
    const service = batch.serviceOf(resource);
    const sum = sums.get(service) ?? { spans: 0, errors: 0 };
    sum.spans += spansOf[resource]!;
    sum.errors += errorsOf[resource]!;
    sums.set(service, sum);
  }
  const named = Array.from(sums, ([entry, { spans, errors }]) => {
    return { name: batch.dictionary.text(entry), spans, errors };
  });
  return named.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
