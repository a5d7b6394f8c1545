// One made-up process: its resource, and the spans that it has not sent yet.

import { STRING } from "../model/attribute-table.ts";
import { SpanBatch } from "../model/span-batch.ts";

const SCOPE = "spoor-tracegen";
const VERSION = "1.0.0";

export interface ProcessOptions {
  readonly service: string;
  /** Which of the processes it is. */
  readonly index: number;
}

export class ProcessSpans {
  readonly service: string;
  readonly batch = new SpanBatch();
  /** When the oldest of its spans was made; undefined: it has none. */
  oldestMs: number | undefined;
  readonly #index: number;
  #resource = 0;
  #scope = 0;

  constructor({ service, index }: ProcessOptions) {
    this.service = service;
    this.#index = index;
  }

  /** Opens a row of the batch, which the caller closes. */
  openRow(nowMs: number): number {
    if (this.oldestMs === undefined) this.#openOwners();
    this.oldestMs ??= nowMs;
    return this.batch.openRow(this.#resource, this.#scope);
  }

  /** Forgets the spans and keeps the memory. */
  reset(): void {
    this.batch.reset();
    this.oldestMs = undefined;
  }

  #openOwners(): void {
    const { batch } = this;
    const { dictionary, resourceAttributes: table } = batch;
    const text = (key: string, value: string): void =>
      table.add(dictionary.internText(key), STRING, dictionary.internText(value));
    this.#resource = batch.openResource();
    text("service.name", this.service);
    text("service.version", VERSION);
    text("host.name", `host-${this.#index}`);
    table.addSafeInt(dictionary.internText("process.pid"), 1_000 + this.#index);
    batch.closeResource(this.#resource);
    this.#scope = batch.openScope();
    batch.scopeName[this.#scope] = dictionary.internText(SCOPE);
    batch.closeScope(this.#scope);
  }
}
