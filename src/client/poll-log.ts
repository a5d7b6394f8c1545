// What a poll tells the user's log: when it stops to work and when it works again, not each time.
//
//   failed, failed, failed, succeeded, succeeded     ─▶  error …, info …
//
// A logger that throws does not harm the application.

import { SpoorError, printError } from "../base/errors.ts";

/** As users of jaeger-client have written theirs. */
export interface PollLogger {
  info(message: string): void;
  error(message: string): void;
}

export class PollLog {
  readonly #what: string;
  readonly #logger: PollLogger | undefined;
  #isFailing = false;

  /** @param what is polled, as a noun. */
  constructor(what: string, logger: PollLogger | undefined) {
    this.#what = what;
    this.#logger = logger;
  }

  failed(error: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const why = error instanceof SpoorError ? printError(error) : "an error of another kind";
    this.#say("error", `Error in fetching ${this.#what}: ${why}.`);
  }

  succeeded(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#say("info", `Fetched ${this.#what} again.`);
  }

  #say(level: "error" | "info", message: string): void {
    try {
      this.#logger?.[level](message);
    } catch {
      // The user's logger must not make the application fail.
    }
  }
}
