// Whether this process can do its work, and since when: what a readiness probe is told.
//
//   starting ─ open() ─▶ open ─ shut() ─▶ ending          ready = open, and the store answers
//
// Source: Jaeger's admin port from 1.12 on; bodies and statuses are its own.
// Not here: the port (admin.ts).

import type { Clock } from "../base/clock.ts";
import { printDurationMs } from "../base/duration.ts";
import type { HttpAnswer } from "../net/http-route.ts";

export interface Health {
  /** All doors are open from now on. `checkStore` rejects when the store cannot answer. */
  open(checkStore: () => Promise<void>): void;
  /** The doors are closing: no more traffic, please. */
  shut(): void;
  /** 200 or 503 with Jaeger's JSON, within CHECK_MS_MAX. */
  answer(): Promise<HttpAnswer>;
}

/** A probe's own limit is often one second; a store that takes longer does not answer. */
const CHECK_MS_MAX = 900;

const UNAVAILABLE: HttpAnswer = {
  status: 503,
  headers: { "content-type": "application/json" },
  // Go's zero time, as Jaeger prints it.
  body: '{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}',
};

export function makeHealth(clock: Clock): Health {
  let opened: { atUs: number; atMs: number; check: () => Promise<void> } | undefined;
  return {
    open(check) {
      opened = { atUs: clock.nowUs(), atMs: clock.monotonicMs(), check };
    },
    shut() {
      opened = undefined;
    },
    async answer() {
      if (opened === undefined || !(await isAnswering(opened.check))) return UNAVAILABLE;
      const body = JSON.stringify({
        status: "Server available",
        upSince: new Date(opened.atUs / 1e3).toISOString(),
        uptime: printDurationMs(clock.monotonicMs() - opened.atMs),
      });
      return { status: 200, headers: { "content-type": "application/json" }, body };
    },
  };
}

async function isAnswering(check: () => Promise<void>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), CHECK_MS_MAX);
  const answered = check().then(
    () => true,
    () => false,
  );
  const isReady = await Promise.race([answered, late.promise]);
  clearTimeout(timer);
  return isReady;
}
