// Gives each span to several reporters. One that throws does not keep it from the others.

import type { Process, Reporter } from "../reporter.ts";
import type { Span } from "../span.ts";

export class CompositeReporter implements Reporter {
  readonly name: string = "CompositeReporter";
  readonly #reporters: readonly Reporter[];

  constructor(reporters: readonly Reporter[]) {
    this.#reporters = [...reporters];
  }

  setProcess(process: Process): void {
    this.#each((reporter) => reporter.setProcess(process));
  }

  report(span: Span): void {
    this.#each((reporter) => reporter.report(span));
  }

  async flush(): Promise<void> {
    await Promise.allSettled(this.#reporters.map(async (reporter) => reporter.flush()));
  }

  async close(callback?: () => void): Promise<void> {
    await Promise.allSettled(this.#reporters.map(async (reporter) => reporter.close()));
    callback?.();
  }

  toString(): string {
    return `${this.name}(${this.#reporters.map(String).join(",")})`;
  }

  /** @throws the first error, after all have had their turn: the tracer counts it. */
  #each(call: (reporter: Reporter) => void): void {
    const errors: unknown[] = [];
    for (const reporter of this.#reporters) {
      try {
        call(reporter);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
