// A head for one question that lets its blocks go as soon as it has answered, not when all parts have.
//
//   question ─┬─ head: 1 ms ─▶ answered ─▶ unpinned
//             └─ files: maybe a minute ─▶ …          what comes meanwhile need not be held in memory twice
//
// Whoever joins parts asks each of them once. Only calls are asked in two steps, which have to be of one
// moment: those wait for the end of the question.

import type { OpenHead } from "../head/head-part.ts";
import type { Part } from "../part.ts";

/** @param head unpinned by the first answer; its `done` may be called again. */
export function letGoEarly(head: OpenHead): Part {
  const { part } = head;
  const answered = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    try {
      return await answer;
    } finally {
      head.done();
    }
  };
  return {
    search: (query, signal, only) => answered(part.search(query, signal, only)),
    readTraces: (ids, signal) => answered(part.readTraces(ids, signal)),
    services: (signal) => answered(part.services(signal)),
    operations: (service, kind, signal) => answered(part.operations(service, kind, signal)),
    series: (query, signal) => answered(part.series(query, signal)),
    attributeKeys: (query, signal) => answered(part.attributeKeys(query, signal)),
    attributeValues: (query, signal) => answered(part.attributeValues(query, signal)),
    calls: (range, signal) => part.calls(range, signal),
    spanServices: (spans, signal) => part.spanServices(spans, signal),
  };
}
