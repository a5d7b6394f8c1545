// One Spoor for the tests of a file: a real process, the addresses of its doors, its JSON answers, and its
// books, which have to balance after every test.
//
//   before: openSpoor() ─▶ tests ─▶ afterEach: checkLedger() ─▶ after: close()

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { type LedgerFigures, findImbalances } from "../../src/collector/ledger.ts";
import { type SpoorProcess, startSpoor } from "../spoor-process.ts";

const root = join(import.meta.dirname, "../..");

/** How long something may take that has no moment of its own to wait for. */
const SOON_MS_MAX = 20_000;
const POLL_MS = 20;
const ANSWER_MS_MAX = 60_000;

/** The doors, and how the log names each. */
const NAMES = {
  otlpGrpc: /^OTLP gRPC/,
  otlpHttp: /^OTLP HTTP/,
  jaegerGrpc: /^Jaeger gRPC/,
  jaegerHttp: /^Jaeger HTTP/,
  tchannel: /^Jaeger TChannel/,
  zipkin: /^Zipkin/,
  admin: /^admin/i,
  queryHttp: /^query HTTP/i,
  queryGrpc: /^query gRPC/i,
  samplingHttp: /^Sampling HTTP/,
  samplingGrpc: /^Sampling gRPC/,
} as const;

export type Door = keyof typeof NAMES;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface Ledger extends LedgerFigures {
  readonly store: { readonly spans: number; readonly evictedSpans: number };
}

export class RunningSpoor {
  readonly process: SpoorProcess;

  constructor(process: SpoorProcess) {
    this.process = process;
  }

  /** `127.0.0.1:41234` */
  address(door: Door): string {
    for (const [name, at] of this.process.addresses) if (NAMES[door].test(name)) return at;
    const known = [...this.process.addresses.keys()].join(", ");
    throw new Error(`the log names no ${door}, only ${known}`);
  }

  url(door: Door, path: string): string {
    return `http://${this.address(door)}${path}`;
  }

  /** GET; the body as JSON. */
  async get(
    door: Door,
    path: string,
    params: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const query = new URLSearchParams(params).toString();
    const url = this.url(door, query === "" ? path : `${path}?${query}`);
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    const text = await answer.text();
    try {
      return { status: answer.status, body: JSON.parse(text) };
    } catch {
      throw new Error(`${url} answered ${answer.status} and no JSON: ${text.slice(0, 200)}`);
    }
  }

  async ledger(): Promise<Ledger> {
    const { status, body } = await this.get("admin", "/api/ledger");
    assert.equal(status, 200);
    return body as Ledger;
  }

  /** Waits until nothing is in flight, then compares the columns with one another and the store. */
  async checkLedger(): Promise<Ledger> {
    const ledger = await waitFor("nothing in flight", async () => {
      const now = await this.ledger();
      const { requests, spans } = now.total;
      return requests.inFlight === 0 && spans.inFlight === 0 ? now : undefined;
    });
    assert.deepEqual(findImbalances(ledger, ledger.store.spans + ledger.store.evictedSpans), []);
    assert.deepEqual(ledger.total.spans.dropped, { bug: 0 });
    return ledger;
  }
}

export async function openSpoor(...flags: string[]): Promise<RunningSpoor> {
  return new RunningSpoor(await startSpoor(root, flags));
}

/**
 * Opens a Spoor before the tests of the calling file, checks its books after each of them, and ends
 * it after the last: with code 0.
 */
export function useSpoor(...flags: string[]): () => RunningSpoor {
  let spoor: RunningSpoor | undefined;
  before(async () => {
    spoor = await openSpoor(...flags);
  });
  afterEach(async () => {
    await spoor?.checkLedger();
  });
  after(async () => {
    const exit = await spoor?.process.close();
    if (exit !== undefined) assert.deepEqual(exit, { code: 0, signal: null });
  });
  return () => {
    assert(spoor !== undefined, "the Spoor of this file did not start");
    return spoor;
  };
}

/** Asks until there is an answer. @throws Error when there is none in time. */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  msMax = SOON_MS_MAX,
): Promise<T> {
  const lateMs = performance.now() + msMax;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > lateMs) throw new Error(`waited in vain for ${what}`);
    await wait(POLL_MS);
  }
}
