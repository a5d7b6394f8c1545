// The one supervisor: starts a role, ends it in a bounded time, and ends the process on a bug.
//
//   open ─▶ ready ─▶ (SIGTERM, SIGINT) ─▶ not ready ─▶ close(grace) ─▶ exit 0
//              │                              └ second signal ─▶ exit 128 + its number
//              └ uncaught error, bug ─▶ logged, exit 1
//
// Every background task reports here, by its error or through `onBug`; nothing else ends the process.
// Not here: what is opened and in which order it closes (all-in-one.ts).

import type { OpenLog } from "./log.ts";
import { SpoorError, printError } from "../base/errors.ts";

/** Something that takes part in the process' life. */
export interface Running {
  /** Stops accepting, finishes what was accepted within `graceMs`, then closes all the rest. */
  close(graceMs: number): Promise<void>;
}

/** What the supervisor needs of `process`; tests give their own. */
export interface ProcessHandle {
  on(event: string, listener: (argument: unknown) => void): unknown;
  exit(code: number): void;
}

export interface SuperviseOptions {
  readonly process: ProcessHandle;
  readonly log: OpenLog;
  readonly graceMs: number;
  /** Opens everything; `onBug` ends the process, `end` does what a signal does, and says why. */
  readonly open: (onBug: (error: unknown) => void, end: (why: string) => void) => Promise<Running>;
}

const SIGNALS: ReadonlyMap<string, number> = new Map([
  ["SIGINT", 2],
  ["SIGTERM", 15],
]);

/** What closing may take beyond its grace before it is cut off: sockets and files, not work. */
const CLOSE_MARGIN_MS = 2_000;

/** A role whose doors are all off has nothing else that keeps the process alive. */
const ALIVE_MS = 3_600_000;

/**
 * Runs until a signal comes. Resolves when everything is closed; the process exits then.
 *
 * @throws SpoorError of `open`: nothing runs.
 */
export async function supervise(options: SuperviseOptions): Promise<void> {
  const { process, log, graceMs } = options;
  const stop = Promise.withResolvers<string>();
  let signals = 0;
  for (const [signal, number] of SIGNALS) {
    process.on(signal, () => {
      signals++;
      if (signals > 1) process.exit(128 + number);
      stop.resolve(signal);
    });
  }
  const onBug = (error: unknown): void => {
    log.fatal("a bug ends the process", describe(error));
    process.exit(1);
  };
  process.on("uncaughtException", onBug);
  process.on("unhandledRejection", onBug);

  const running = await options.open(onBug, stop.resolve);
  const alive = setInterval(() => undefined, ALIVE_MS);
  const signal = await stop.promise;
  clearInterval(alive);
  log.info("ending", { signal, graceMs });
  const margin = Promise.withResolvers<"late">();
  const timer = setTimeout(() => margin.resolve("late"), graceMs + CLOSE_MARGIN_MS);
  const outcome = await Promise.race([running.close(graceMs), margin.promise]);
  clearTimeout(timer);
  if (outcome === "late") log.error("not everything closed in time", { graceMs });
  else log.info("ended");
  process.exit(0);
}

function describe(error: unknown): Record<string, string> {
  if (error instanceof SpoorError) {
    return { error: printError(error), code: error.code, stack: error.stack ?? "" };
  }
  if (error instanceof Error) return { error: error.message, stack: error.stack ?? "" };
  return { error: String(error) };
}
