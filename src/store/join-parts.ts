// Several parts of a store as one: each is asked, and their answers are joined.
//
//   question ─▶ open(): the parts of this moment ─▶ each, all at once ─▶ answers ─▶ joined ─▶ done()
//
// A call between services needs both ends: of a span whose parent is a stranger to its part, the other
// parts are asked for the parent's service.
//
// One failure fails the question, and the other parts are told to stop; `done` comes when all have ended.
// Not here: pages, and one trace after the other (part-queries.ts).

import { SpoorError } from "../base/errors.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import type {
  KeyQuery,
  Operation,
  SeriesQuery,
  TimeRange,
  TraceQuery,
  ValueQuery,
} from "../model/trace-query.ts";
import { type Stop, cancelled, makeStop, refuseCancelled } from "./cancelled.ts";
import { CallCounts, joinHits, joinNames, joinOperations } from "./join-lists.ts";
import { joinTraces } from "./join-traces.ts";
import type { Calls, Hits, Part, SpanNames, SpanServices } from "./part.ts";
import { SeriesCounter, type SeriesLine } from "./series-counter.ts";
import { Strangers, joinSpanServices, joinStrangers } from "./strangers.ts";

/** The parts of one question. */
export interface OpenParts {
  /** In order of arrival: of rows of one start, those of an earlier part came first. */
  readonly parts: readonly Part[];
  /** Called once, when every part has answered or failed. */
  readonly done: () => void;
}

export class JoinedPart implements Part {
  readonly #open: () => OpenParts;

  /** @param open called once a question, synchronously: all parts are of one moment. */
  constructor(open: () => OpenParts) {
    this.#open = open;
  }

  search(query: TraceQuery, signal: AbortSignal, only?: readonly Uint8Array[]): Promise<Hits> {
    return this.#with(signal, async (ask, stop) => {
      const lists = await ask((part) => part.search(query, stop, only));
      return joinHits(lists, query.limit);
    });
  }

  readTraces(
    ids: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<readonly (SpanBatch | undefined)[]> {
    return this.#with(signal, async (ask, stop) => {
      const lists = await ask((part) => part.readTraces(ids, stop));
      return ids.map((_, at) => joinTraces(lists.map((list) => list[at])));
    });
  }

  services(signal: AbortSignal): Promise<readonly string[]> {
    return this.#with(signal, async (ask, stop) =>
      joinNames(await ask((part) => part.services(stop))),
    );
  }

  operations(
    service: string | undefined,
    kind: number | undefined,
    signal: AbortSignal,
  ): Promise<readonly Operation[]> {
    return this.#with(signal, async (ask, stop) =>
      joinOperations(await ask((part) => part.operations(service, kind, stop))),
    );
  }

  /** @throws SpoorError `bad-input` if more than STRANGERS_MAX parents are in none of the parts. */
  calls(range: TimeRange, signal: AbortSignal): Promise<Calls> {
    return this.#with(signal, async (ask, stop, parts) => {
      const answers = await ask((part) => part.calls(range, stop));
      const counts = new CallCounts();
      for (const { counts: own } of answers) {
        for (const { parent, child, callCount } of own) counts.add(parent, child, callCount);
      }
      const strangers = answers.map((answer) => new Strangers(answer.strangers));
      for (const [own, part] of parts.entries()) {
        for (const [other, open] of strangers.entries()) {
          if (other === own || open.count === 0) continue;
          open.resolve(await part.spanServices(open.names, stop), counts);
        }
      }
      return { counts: counts.sorted(), strangers: joinStrangers(strangers) };
    });
  }

  spanServices(spans: SpanNames, signal: AbortSignal): Promise<SpanServices> {
    return this.#with(signal, async (ask, stop) => {
      const lists = await ask((part) => part.spanServices(spans, stop));
      return joinSpanServices(lists, spans.spanIds.length / 8);
    });
  }

  series(query: SeriesQuery, signal: AbortSignal): Promise<readonly SeriesLine[]> {
    return this.#with(signal, async (ask, stop) => {
      const lists = await ask((part) => part.series(query, stop));
      if (lists.length === 1) return lists[0]!;
      const sum = new SeriesCounter(query);
      for (const lines of lists) sum.addLines(lines);
      return sum.lines();
    });
  }

  attributeKeys(query: KeyQuery, signal: AbortSignal): Promise<readonly string[]> {
    return this.#with(signal, async (ask, stop) =>
      joinNames(await ask((part) => part.attributeKeys(query, stop)), query.limit),
    );
  }

  attributeValues(query: ValueQuery, signal: AbortSignal): Promise<readonly string[]> {
    return this.#with(signal, async (ask, stop) =>
      joinNames(await ask((part) => part.attributeValues(query, stop)), query.limit),
    );
  }

  async #with<Joined>(
    signal: AbortSignal,
    body: (ask: Ask, stop: AbortSignal, parts: readonly Part[]) => Promise<Joined>,
  ): Promise<Joined> {
    refuseCancelled(signal);
    const { parts, done } = this.#open();
    const stop = makeStop(signal);
    try {
      return await body((question) => askAll(parts, stop, question), stop.signal, parts);
    } catch (error) {
      // What a part says of its end matters less than why it was ended.
      throw signal.aborted && error instanceof SpoorError ? cancelled() : error;
    } finally {
      stop.release();
      done();
    }
  }
}

/** One answer a part, in their order. */
type Ask = <Answer>(question: (part: Part) => Promise<Answer>) => Promise<Answer[]>;

/** Asks all at once and waits for all, also if one fails: the failure that came first is thrown. */
async function askAll<Answer>(
  parts: readonly Part[],
  stop: Stop,
  question: (part: Part) => Promise<Answer>,
): Promise<Answer[]> {
  const failures: unknown[] = [];
  const answers = parts.map(async (part) => {
    try {
      return await question(part);
    } catch (error) {
      failures.push(error);
      stop.abort();
      throw error;
    }
  });
  await Promise.allSettled(answers);
  if (failures.length > 0) throw failures[0];
  return Promise.all(answers);
}
