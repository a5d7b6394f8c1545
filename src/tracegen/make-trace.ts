// A planned trace as rows: ids, names, kinds, attributes, events; each step in the batch of its process.
//
//   planTrace ─ steps ─▶ rows of processes[step.service].batch
//
// Not here: the plan (plan-trace.ts), the words (operations.ts), sending.

import type { Clock } from "../base/clock.ts";
import { BOOL, STRING } from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import {
  KIND_CLIENT,
  KIND_CONSUMER,
  KIND_INTERNAL,
  KIND_PRODUCER,
  KIND_SERVER,
  STATUS_ERROR,
  type SpanBatch,
} from "../model/span-batch.ts";
import { CACHE, ERRORS, HTTP, QUEUES, RPC, SQL, WORK } from "./operations.ts";
import { type Flavor, type Random, type Step, pickBelow, planTrace } from "./plan-trace.ts";
import type { ProcessSpans } from "./process-spans.ts";

export interface TraceOptions {
  readonly childSpans: number;
  /** Attributes of each span beside its own, and of how many keys and values they are. */
  readonly attributes: number;
  readonly attributeKeys: number;
  readonly attributeValues: number;
  /** ORIGIN_…: decides the meaning of flags. */
  readonly origin: number;
  readonly flags: number;
  readonly random: Random;
  readonly clock: Clock;
}

const KINDS: Readonly<Record<Flavor, number>> = {
  "http-server": KIND_SERVER,
  "http-client": KIND_CLIENT,
  "grpc-server": KIND_SERVER,
  "grpc-client": KIND_CLIENT,
  sql: KIND_CLIENT,
  cache: KIND_CLIENT,
  work: KIND_INTERNAL,
  publish: KIND_PRODUCER,
  consume: KIND_CONSUMER,
};

/** UNAVAILABLE. */
const GRPC_FAILED = 14;
const HTTP_FAILED = 503;
const CACHE_MISS_SHARE = 0.2;
const ITEMS = 10_000;
const TWO_32 = 0x1_0000_0000;

/** Appends the spans of one trace, which has just ended, to the batches of its processes. */
export function makeTrace(processes: readonly ProcessSpans[], options: TraceOptions): void {
  const { random, clock } = options;
  const { steps, durationUs } = planTrace(processes.length, options.childSpans, random);
  const traceId = Uint32Array.from({ length: 4 }, () => drawWord(random));
  const spanIds = Uint32Array.from({ length: 2 * steps.length }, () => drawWord(random));
  const startUs = clock.nowUs() - durationUs;
  const nowMs = clock.monotonicMs();
  for (const [index, step] of steps.entries()) {
    const process = processes[step.service]!;
    const row = process.openRow(nowMs);
    const { batch } = process;
    batch.traceIdWords.set(traceId, 4 * row);
    batch.spanIdWords.set(spanIds.subarray(2 * index, 2 * index + 2), 2 * row);
    if (step.parent >= 0) {
      const parentId = spanIds.subarray(2 * step.parent, 2 * step.parent + 2);
      batch.parentSpanIdWords.set(parentId, 2 * row);
    }
    batch.startUs[row] = startUs + step.startUs;
    batch.durationNs[row] = 1_000 * step.durationUs;
    batch.kind[row] = KINDS[step.flavor];
    batch.origin[row] = options.origin;
    batch.flags[row] = options.flags;
    new StepWriter(batch, row, step, random).write();
    addAttributes(batch, options);
    batch.closeRow();
  }
}

const encoder = new TextEncoder();
/** The words of this program's tables, encoded once: there are some hundred of them. */
const words = new Map<string, Uint8Array>();

/** The entry of a text that is the same in every trace. */
function internWord(dictionary: Dictionary, word: string): number {
  let bytes = words.get(word);
  if (bytes === undefined) {
    bytes = encoder.encode(word);
    words.set(word, bytes);
  }
  return dictionary.intern(bytes, 0, bytes.length);
}

/** Not zero, so that no id is. */
function drawWord(random: Random): number {
  return 1 + pickBelow(TWO_32 - 1, random);
}

function addAttributes(batch: SpanBatch, options: TraceOptions): void {
  const { attributes, attributeKeys, attributeValues, random } = options;
  const { dictionary, spanAttributes } = batch;
  const first = pickBelow(attributeKeys, random);
  for (let count = 0; count < Math.min(attributes, attributeKeys); count++) {
    const key = dictionary.internText(`attr_${(first + count) % attributeKeys}`);
    const value = dictionary.internText(`value_${pickBelow(attributeValues, random)}`);
    spanAttributes.add(key, STRING, value);
  }
}

/** Name, attributes, events and status of one row. */
class StepWriter {
  readonly #batch: SpanBatch;
  readonly #row: number;
  readonly #step: Step;
  readonly #random: Random;

  constructor(batch: SpanBatch, row: number, step: Step, random: Random) {
    this.#batch = batch;
    this.#row = row;
    this.#step = step;
    this.#random = random;
  }

  write(): void {
    const { flavor } = this.#step;
    if (flavor === "http-server" || flavor === "http-client") this.#http(flavor);
    else if (flavor === "grpc-server" || flavor === "grpc-client") this.#rpc();
    else if (flavor === "sql") this.#sql();
    else if (flavor === "cache") this.#cache();
    else if (flavor === "work") this.#work();
    else this.#message(flavor);
    if (this.#step.isError) this.#fail();
  }

  #http(flavor: Flavor): void {
    const { method, route } = this.#pick(HTTP);
    const item = pickBelow(ITEMS, this.#random);
    const path = route.replaceAll(/\{\w+\}/g, String(item));
    this.#name(flavor === "http-server" ? `${method} ${route}` : method);
    this.#word("http.request.method", method);
    if (flavor === "http-server") {
      this.#word("http.route", route);
      this.#text("url.path", path);
    } else {
      this.#text("url.full", `http://shop.internal${path}`);
      this.#word("server.address", "shop.internal");
    }
    this.#int("http.response.status_code", this.#step.isError ? HTTP_FAILED : 200);
    if (flavor === "http-server") this.#text("user.id", `user-${pickBelow(ITEMS, this.#random)}`);
  }

  #rpc(): void {
    const { service, method } = this.#pick(RPC);
    this.#name(`${service}/${method}`);
    this.#word("rpc.system", "grpc");
    this.#word("rpc.service", service);
    this.#word("rpc.method", method);
    this.#int("rpc.grpc.status_code", this.#step.isError ? GRPC_FAILED : 0);
  }

  #sql(): void {
    const { operation, table, statement } = this.#pick(SQL);
    this.#name(`${operation} ${table}`);
    this.#word("db.system", "postgresql");
    this.#word("db.operation.name", operation);
    this.#word("db.query.text", statement);
    this.#int("db.response.returned_rows", pickBelow(50, this.#random));
  }

  #cache(): void {
    const command = this.#pick(CACHE);
    const isHit = this.#random() >= CACHE_MISS_SHARE;
    const key = `order:${pickBelow(ITEMS, this.#random)}`;
    this.#name(command);
    this.#word("db.system", "redis");
    this.#text("db.query.text", `${command} ${key}`);
    this.#bool("cache.hit", isHit);
    if (!isHit) this.#event("cache miss", [["cache.key", key]]);
  }

  #work(): void {
    const name = this.#pick(WORK);
    const { spanAttributes, dictionary } = this.#batch;
    this.#name(name);
    this.#word("code.function.name", name);
    spanAttributes.addDouble(internWord(dictionary, "work.share"), this.#random());
  }

  #message(flavor: Flavor): void {
    const queue = this.#pick(QUEUES);
    this.#name(`${queue} ${flavor === "publish" ? "publish" : "process"}`);
    this.#word("messaging.system", "kafka");
    this.#word("messaging.destination.name", queue);
    this.#int("messaging.message.body.size", 100 + pickBelow(4_000, this.#random));
  }

  #fail(): void {
    const { type, message } = this.#pick(ERRORS);
    const { dictionary, statusCode, statusMessage } = this.#batch;
    statusCode[this.#row] = STATUS_ERROR;
    statusMessage[this.#row] = internWord(dictionary, message);
    this.#event("exception", [
      ["exception.type", type],
      ["exception.message", message],
    ]);
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#step.pick * from.length)]!;
  }

  #name(name: string): void {
    this.#batch.name[this.#row] = internWord(this.#batch.dictionary, name);
  }

  #text(key: string, value: string): void {
    const { spanAttributes, dictionary } = this.#batch;
    spanAttributes.add(internWord(dictionary, key), STRING, dictionary.internText(value));
  }

  #word(key: string, value: string): void {
    const { spanAttributes, dictionary } = this.#batch;
    spanAttributes.add(internWord(dictionary, key), STRING, internWord(dictionary, value));
  }

  #int(key: string, value: number): void {
    const { spanAttributes, dictionary } = this.#batch;
    spanAttributes.addSafeInt(internWord(dictionary, key), value);
  }

  #bool(key: string, value: boolean): void {
    const { spanAttributes, dictionary } = this.#batch;
    spanAttributes.add(internWord(dictionary, key), BOOL, value ? 1 : 0);
  }

  /** At the end of the span. */
  #event(name: string, fields: readonly (readonly [key: string, value: string])[]): void {
    const batch = this.#batch;
    const { dictionary } = batch;
    const event = batch.openEvent();
    batch.eventUs[event] =
      batch.startUs[this.#row]! + Math.floor(batch.durationNs[this.#row]! / 1_000);
    batch.eventName[event] = internWord(dictionary, name);
    for (const [key, value] of fields) {
      batch.eventAttributes.add(internWord(dictionary, key), STRING, dictionary.internText(value));
    }
    batch.closeEvent();
  }
}
