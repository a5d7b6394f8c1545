// Keeps the spans, for tests.
//
// Unlike other reporters it keeps the spans themselves, not what they were when they were reported.

import type { Process, Reporter } from "../reporter.ts";
import type { Span } from "../span.ts";

/** A test that forgets to clear, or a service that has this by mistake, keeps the newest. */
const SPANS_MAX = 100_000;

export class InMemoryReporter implements Reporter {
  readonly name: string = "InMemoryReporter";
  _process: Process | undefined;
  _spans: Span[] = [];

  /** Finished and sampled, in the order in which they were finished. */
  get spans(): Span[] {
    return this._spans;
  }

  get process(): Process | undefined {
    return this._process;
  }

  setProcess(process: Process): void {
    this._process = process;
  }

  report(span: Span): void {
    if (this._spans.length >= SPANS_MAX) this._spans.splice(0, SPANS_MAX / 2);
    this._spans.push(span);
  }

  clear(): void {
    this._spans = [];
  }

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
