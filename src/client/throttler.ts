// Who may start a debug trace: debug traces pass by every sampler, so a service that makes too many would
// flood the collector.
//
//   isAllowed(operation) ─ credit of the operation >= 1 ─▶ yes, one less
//                        └ none, or never seen ──────────▶ no, counted; credit is asked for
//   poll ─ GET /credits?service=&uuid=&operations=a&operations=b
//                      ─▶ {"balances":[{"operation":"a","balance":2}]} ─▶ added
//
// Source: jaeger-client 3.19, remote_throttler.js (decisions, path, answer).
// Trust: the answer is a peer's: operations that were not asked for do not count, credit is bounded; names
// of operations are the application's, and their number is bounded.

import { SpoorError } from "../base/errors.ts";
import { type ClientMetrics, makeClientMetrics } from "./client-metrics.ts";
import { type GetText, makeGetText } from "./get-text.ts";
import { PollLog, type PollLogger } from "./poll-log.ts";
import { type PollPlace, makePollUrl } from "./poll-url.ts";
import { Poll, type Wake } from "./poll.ts";

export interface Throttler {
  /** Whether a debug trace may start with this operation; a yes is paid for. Never throws. */
  isAllowed(operation: string): boolean;
  /** Says who asks: `uuid`, or the tag `client-uuid`. */
  setProcess(process: ThrottledProcess): void;
  close(callback?: () => void): void;
}

export interface ThrottledProcess {
  readonly uuid?: string;
  readonly tags: readonly { readonly key: string; readonly value: unknown }[];
}

/** All or nothing. */
export class DefaultThrottler implements Throttler {
  readonly #throttleAll: boolean;

  constructor(throttleAll = false) {
    this.#throttleAll = throttleAll;
  }

  isAllowed(_operation: string): boolean {
    return !this.#throttleAll;
  }

  setProcess(_process: ThrottledProcess): void {}

  close(callback?: () => void): void {
    callback?.();
  }
}

const REFRESH_MS = 5_000;
const COST = 1;
/** Debug traces are started by hand; nobody starts them in more operations. */
const OPERATIONS_MAX = 200;
const OPERATION_CHARS_MAX = 1_000;
/** Of one operation: a whole day of a debug trace a minute. */
const CREDIT_MAX = 1_440;
/** Of one question; Node's own servers take lines of 16 KiB. */
const URL_CHARS_MAX = 8_000;

export interface RemoteThrottlerOptions extends PollPlace {
  readonly metrics?: ClientMetrics | undefined;
  readonly logger?: PollLogger | undefined;
  /** 0: only when refresh() is called. */
  readonly refreshIntervalMs?: number | undefined;
  readonly onCreditsUpdate?: ((throttler: RemoteThrottler) => void) | undefined;
  readonly getText?: GetText;
  readonly random?: () => number;
  readonly wake?: Wake;
}

export class RemoteThrottler implements Throttler {
  readonly #options: RemoteThrottlerOptions;
  readonly #url: URL;
  readonly #metrics: ClientMetrics;
  readonly #getText: GetText;
  readonly #log: PollLog;
  readonly #poll: Poll;
  readonly #credits = new Map<string, number>();
  #uuid = "";

  /** @throws SpoorError `bad-input` if the place to ask is none. */
  constructor(service: string, options: RemoteThrottlerOptions = {}) {
    this.#options = options;
    this.#url = makePollUrl(options, "/credits", { service });
    this.#metrics = options.metrics ?? makeClientMetrics();
    this.#getText = options.getText ?? makeGetText();
    this.#log = new PollLog("credits", options.logger);
    this.#poll = new Poll({
      intervalMs: options.refreshIntervalMs ?? REFRESH_MS,
      ask: (signal) => this.#ask(signal),
      wake: options.wake,
      random: options.random,
    });
  }

  setProcess({ uuid, tags }: ThrottledProcess): void {
    const tag = tags.find(({ key }) => key === "client-uuid")?.value;
    this.#uuid = uuid ?? (typeof tag === "string" ? tag : "");
  }

  isAllowed(operation: string): boolean {
    const credit = this.#credits.get(operation);
    if (credit !== undefined && credit >= COST) {
      this.#credits.set(operation, credit - COST);
      return true;
    }
    const isRoom = this.#credits.size < OPERATIONS_MAX && operation.length <= OPERATION_CHARS_MAX;
    if (credit === undefined && isRoom) this.#credits.set(operation, 0);
    this.#metrics.throttledDebugSpans.increment();
    return false;
  }

  /** Asks now. Resolves in any case. */
  refresh(): Promise<void> {
    return this.#poll.ask();
  }

  async #ask(signal: AbortSignal): Promise<boolean> {
    if (this.#credits.size === 0) return true;
    try {
      if (this.#uuid === "") throw new SpoorError("unavailable", "the client's uuid is not set");
      for (const url of this.#questions()) this.#add(await this.#getText(url, signal));
      this.#metrics.throttlerUpdateSuccess.increment();
    } catch (error) {
      if (signal.aborted) return false;
      this.#metrics.throttlerUpdateFailure.increment();
      this.#log.failed(error);
      return false;
    }
    this.#log.succeeded();
    try {
      this.#options.onCreditsUpdate?.(this);
    } catch {
      // The user's mistake; the credits have been added.
    }
    return true;
  }

  /** As many as their length needs. */
  #questions(): URL[] {
    const urls: URL[] = [];
    let url: URL | undefined;
    for (const operation of this.#credits.keys()) {
      if (url === undefined || url.href.length > URL_CHARS_MAX) {
        url = new URL(this.#url);
        url.searchParams.set("uuid", this.#uuid);
        urls.push(url);
      }
      url.searchParams.append("operations", operation);
    }
    return urls;
  }

  #add(text: string): void {
    for (const [operation, balance] of readBalances(text)) {
      const credit = this.#credits.get(operation);
      if (credit === undefined) continue;
      this.#credits.set(operation, Math.min(credit + balance, CREDIT_MAX));
    }
  }

  close(callback?: () => void): void {
    this.#poll.close();
    callback?.();
  }
}

/** @throws SpoorError `bad-input` */
function readBalances(text: string): (readonly [operation: string, balance: number])[] {
  const refuse = (cause?: unknown): SpoorError =>
    new SpoorError("bad-input", "an answer that is no list of balances", {}, cause);
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (error) {
    throw refuse(error);
  }
  const rows = (answer as { balances?: unknown } | null)?.balances;
  if (!Array.isArray(rows)) throw refuse();
  return (rows as readonly unknown[]).map((row) => {
    const { operation, balance } = (row ?? {}) as { operation?: unknown; balance?: unknown };
    if (typeof operation !== "string" || typeof balance !== "number" || !(balance >= 0)) {
      throw refuse();
    }
    return [operation, balance];
  });
}
