// Says a line for each span to the application's logger.

import type { Reporter } from "../reporter.ts";
import type { Span } from "../span.ts";

interface InfoLogger {
  info(message: string): void;
}

export class LoggingReporter implements Reporter {
  readonly name: string = "LoggingReporter";
  readonly #logger: InfoLogger | undefined;

  constructor(logger?: InfoLogger) {
    this.#logger = logger;
  }

  setProcess(): void {}

  report(span: Span): void {
    this.#logger?.info(`Reporting span ${span.context().toString()}`);
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
