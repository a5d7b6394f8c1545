// Spans whose parent is not in the part that holds them, until a part is found that has it.
//
//   part A: "48f0… calls `cart`, and I do not have it" ─▶ part B: "48f0… is `frontend`" ─▶ frontend → cart
//
// Not here: who is asked in which order (join-parts.ts).

import { SpoorError } from "../base/errors.ts";
import type { CallCounts } from "./join-lists.ts";
import {
  type Calls,
  NO_SERVICE,
  STRANGERS_MAX,
  type SpanNames,
  type SpanServices,
} from "./part.ts";

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

/** @throws SpoorError `bad-input` if that are more than one answer may have: none is left out. */
export function checkStrangers(found: number): void {
  if (found <= STRANGERS_MAX) return;
  const message = "too many calls begin in another part of the store: take a shorter time range";
  throw new SpoorError("bad-input", message, { found, expectedAtMost: STRANGERS_MAX });
}

/** The strangers of one part that nobody has known so far. */
export class Strangers {
  readonly #services: readonly string[];
  #names: SpanNames;
  #service: Uint32Array;

  constructor({ services, service, traceIds, spanIds }: Calls["strangers"]) {
    this.#services = services;
    this.#service = service;
    this.#names = { traceIds, spanIds };
  }

  get count(): number {
    return this.#service.length;
  }

  get names(): SpanNames {
    return this.#names;
  }

  /** Counts the calls whose parents were found, and forgets them. @param found answers to `names`. */
  resolve(found: SpanServices, counts: CallCounts): void {
    const rest: number[] = [];
    for (let at = 0; at < this.#service.length; at++) {
      const service = found.service[at]!;
      if (service === NO_SERVICE) {
        rest.push(at);
        continue;
      }
      counts.add(found.services[service]!, this.serviceOf(at), 1);
    }
    if (rest.length === this.#service.length) return;
    const { traceIds, spanIds } = this.#names;
    this.#names = {
      traceIds: pickIds(traceIds, rest, TRACE_ID_BYTES),
      spanIds: pickIds(spanIds, rest, SPAN_ID_BYTES),
    };
    this.#service = Uint32Array.from(rest, (at) => this.#service[at]!);
  }

  /** The service that is called. */
  serviceOf(at: number): string {
    return this.#services[this.#service[at]!]!;
  }
}

/** The strangers of all of several parts: strangers to all of them. @throws as `checkStrangers`. */
export function joinStrangers(lists: readonly Strangers[]): Calls["strangers"] {
  const count = lists.reduce((sum, list) => sum + list.count, 0);
  checkStrangers(count);
  const traceIds = new Uint8Array(TRACE_ID_BYTES * count);
  const spanIds = new Uint8Array(SPAN_ID_BYTES * count);
  const service = new Uint32Array(count);
  const numbers = new ServiceNumbers();
  let to = 0;
  for (const list of lists) {
    traceIds.set(list.names.traceIds, TRACE_ID_BYTES * to);
    spanIds.set(list.names.spanIds, SPAN_ID_BYTES * to);
    for (let at = 0; at < list.count; at++) service[to++] = numbers.of(list.serviceOf(at));
  }
  return { services: numbers.services, service, traceIds, spanIds };
}

/** Of each span what the first list says that knows it. */
export function joinSpanServices(lists: readonly SpanServices[], count: number): SpanServices {
  if (lists.length === 1) return lists[0]!;
  const service = new Uint32Array(count).fill(NO_SERVICE);
  const numbers = new ServiceNumbers();
  for (const list of lists) {
    for (let at = 0; at < count; at++) {
      const own = list.service[at]!;
      if (own === NO_SERVICE || service[at] !== NO_SERVICE) continue;
      service[at] = numbers.of(list.services[own]!);
    }
  }
  return { services: numbers.services, service };
}

/** Numbers for names, in the order in which they come. */
export class ServiceNumbers {
  readonly services: string[] = [];
  readonly #numbers = new Map<string, number>();

  of(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.services.push(name) - 1;
    this.#numbers.set(name, number);
    return number;
  }
}

function pickIds(ids: Uint8Array, wanted: readonly number[], bytes: number): Uint8Array {
  const picked = new Uint8Array(bytes * wanted.length);
  wanted.forEach((at, to) => {
    picked.set(ids.subarray(bytes * at, bytes * (at + 1)), bytes * to);
  });
  return picked;
}
