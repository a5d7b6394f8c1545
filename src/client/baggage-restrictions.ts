// Which baggage a service may set, and how long a value may be.
//
//   everything, up to 2,048 characters                                    DefaultBaggageRestrictions
//   what the agent lists: GET /baggageRestrictions?service=X              RemoteBaggageRestrictions
//        ─▶ [{"baggageKey":"user","maxValueLength":10}]                   keys that are not in it: no
//
// Until the first answer all keys are allowed, or none, as it is wished. An answer that does not hold is
// counted, and what was told before stays.
//
// Source: jaeger-client 3.19, baggage/ (the default); jaeger-client-go 2.30, internal/baggage/remote.
// Agents without a collector that speaks TChannel answer 500: that is "no answer".
// Trust: the answer is a peer's. Not here: what becomes of a value (baggage-setter.ts).

import { SpoorError } from "../base/errors.ts";
import { type ClientMetrics, makeClientMetrics } from "./client-metrics.ts";
import { type GetText, makeGetText } from "./get-text.ts";
import { PollLog, type PollLogger } from "./poll-log.ts";
import { type PollPlace, makePollUrl } from "./poll-url.ts";
import { Poll, type Wake } from "./poll.ts";

export interface BaggageRestriction {
  readonly keyAllowed: boolean;
  /** UTF-16 code units. */
  readonly maxValueLength: number;
}

export interface BaggageRestrictions {
  /** Never throws. */
  getRestriction(service: string, key: string): BaggageRestriction;
  close?(callback?: () => void): void;
}

const MAX_VALUE_LENGTH = 2_048;
const FORBIDDEN: BaggageRestriction = { keyAllowed: false, maxValueLength: 0 };

/** Allows every key. */
export class DefaultBaggageRestrictions implements BaggageRestrictions {
  readonly #restriction: BaggageRestriction;

  constructor(maxValueLength = MAX_VALUE_LENGTH) {
    this.#restriction = { keyAllowed: true, maxValueLength };
  }

  getRestriction(_service: string, _key: string): BaggageRestriction {
    return this.#restriction;
  }
}

const REFRESH_MS = 60_000;
/** A trace carries some dozen items at most. */
const RESTRICTIONS_MAX = 10_000;
/** Of the IDL: an i32. */
const LENGTH_MAX = 2 ** 31 - 1;

export interface RemoteBaggageRestrictionsOptions extends PollPlace {
  /** Whether no key at all is allowed until the first answer. */
  readonly denyBaggageOnInitializationFailure?: boolean | undefined;
  /** ms between two questions; 0: only when refresh() is called. */
  readonly refreshInterval?: number | undefined;
  readonly metrics?: ClientMetrics | undefined;
  readonly logger?: PollLogger | undefined;
  readonly getText?: GetText;
  readonly random?: () => number;
  readonly wake?: Wake;
}

export class RemoteBaggageRestrictions implements BaggageRestrictions {
  readonly #url: URL;
  readonly #metrics: ClientMetrics;
  readonly #getText: GetText;
  readonly #log: PollLog;
  readonly #poll: Poll;
  readonly #untilTold: BaggageRestriction;
  #told: ReadonlyMap<string, BaggageRestriction> | undefined;

  /** @throws SpoorError `bad-input` if the place to ask is none. */
  constructor(service: string, options: RemoteBaggageRestrictionsOptions = {}) {
    this.#url = makePollUrl(options, "/baggageRestrictions", { service });
    this.#metrics = options.metrics ?? makeClientMetrics();
    this.#getText = options.getText ?? makeGetText();
    this.#log = new PollLog("baggage restrictions", options.logger);
    const isDenied = options.denyBaggageOnInitializationFailure === true;
    this.#untilTold = isDenied ? FORBIDDEN : { keyAllowed: true, maxValueLength: MAX_VALUE_LENGTH };
    this.#poll = new Poll({
      intervalMs: options.refreshInterval ?? REFRESH_MS,
      ask: (signal) => this.#ask(signal),
      wake: options.wake,
      random: options.random,
    });
  }

  getRestriction(_service: string, key: string): BaggageRestriction {
    if (this.#told === undefined) return this.#untilTold;
    return this.#told.get(key) ?? FORBIDDEN;
  }

  /** Asks now. Resolves in any case. */
  refresh(): Promise<void> {
    return this.#poll.ask();
  }

  async #ask(signal: AbortSignal): Promise<boolean> {
    try {
      this.#told = readRestrictions(await this.#getText(this.#url, signal));
    } catch (error) {
      if (signal.aborted) return false;
      this.#metrics.baggageRestrictionsUpdateFailure.increment();
      this.#log.failed(error);
      return false;
    }
    this.#metrics.baggageRestrictionsUpdateSuccess.increment();
    this.#log.succeeded();
    return true;
  }

  close(callback?: () => void): void {
    this.#poll.close();
    callback?.();
  }
}

/** @throws SpoorError `bad-input` */
function readRestrictions(text: string): Map<string, BaggageRestriction> {
  const refuse = (cause?: unknown): SpoorError =>
    new SpoorError("bad-input", "an answer that is no list of baggage restrictions", {}, cause);
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch (error) {
    throw refuse(error);
  }
  if (!Array.isArray(rows) || rows.length > RESTRICTIONS_MAX) throw refuse();
  const restrictions = new Map<string, BaggageRestriction>();
  for (const row of rows as readonly unknown[]) {
    const { baggageKey, maxValueLength = 0 } = (row ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof baggageKey !== "string" || !isLength(maxValueLength)) throw refuse();
    const restriction = { keyAllowed: true, maxValueLength };
    restrictions.set(baggageKey, restriction);
    // Spans spell keys as headers do; the list may be made for clients in other languages.
    restrictions.set(baggageKey.replaceAll("_", "-").toLowerCase(), restriction);
  }
  return restrictions;
}

function isLength(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LENGTH_MAX;
}
