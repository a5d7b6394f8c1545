// Where finished spans go.
//
//   span.finish() ──▶ reporter.report(span) ──▶ queue ──▶ flush ──▶ agent, collector, memory, log
//
// Not here: the reporters (reporters/).

import type { Span } from "./span.ts";

export interface ProcessTag {
  readonly key: string;
  readonly value: unknown;
}

/** Who reports: the service, and what is the same for all its spans. */
export interface Process {
  readonly serviceName: string;
  readonly tags: readonly ProcessTag[];
}

/** None of its methods throws, none of its promises rejects: what fails is counted. */
export interface Reporter {
  readonly name: string;
  /** Called once, before the first span. */
  setProcess(process: Process): void;
  /** Takes what it needs at once: the span may be changed afterwards. */
  report(span: Span): void;
  /** Resolves when what was reported has been handed over or given up. */
  flush(): Promise<void>;
  /** Flushes, and lets go of sockets and timers; what is reported later is dropped. */
  close(callback?: () => void): Promise<void>;
  toString(): string;
}

/** Takes spans and forgets them. */
export class NoopReporter implements Reporter {
  readonly name: string = "NoopReporter";

  setProcess(): void {}

  report(_span: Span): void {}

  flush(): Promise<void> {
    return Promise.resolve();
  }

  close(callback?: () => void): Promise<void> {
    callback?.();
    return Promise.resolve();
  }

  toString(): string {
    return this.name;
  }
}
