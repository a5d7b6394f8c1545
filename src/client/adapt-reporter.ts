// Reporters that were written for jaeger-client, as reporters of this library.
//
//   theirs                              ours
//   setProcess(serviceName, tags)       setProcess({ serviceName, tags })
//   report(span)                        report(span)
//   flush(callback), or none            flush(): Promise
//   close(callback)                     close(callback): Promise
//
// Source: jaeger-client 3.19, reporters/ (what its tracer calls).
// Trust: the application's object; what it throws is the tracer's to catch.

import type { Process, ProcessTag, Reporter } from "./reporter.ts";
import type { Span } from "./span.ts";

/** What jaeger-client asks of a reporter. */
export interface JaegerClientReporter {
  report(span: Span): void;
  setProcess?(serviceName: string, tags: readonly ProcessTag[]): void;
  flush?(callback?: () => void): unknown;
  close?(callback?: () => void): unknown;
}

/** How long a callback of theirs is waited for: not each of them is ever called. */
const CALLBACK_MS_MAX = 2_000;

/** The same one if it is one of this library. */
export function adaptReporter(reporter: Reporter | JaegerClientReporter): Reporter {
  return isOurs(reporter) ? reporter : new AdaptedReporter(reporter);
}

/** One that takes two arguments for the process is theirs. */
function isOurs(reporter: Reporter | JaegerClientReporter): reporter is Reporter {
  const { setProcess, flush, close } = reporter as Partial<Record<keyof Reporter, unknown>>;
  return (
    typeof flush === "function" &&
    typeof close === "function" &&
    typeof setProcess === "function" &&
    setProcess.length < 2
  );
}

class AdaptedReporter implements Reporter {
  readonly name: string = "AdaptedReporter";
  readonly #theirs: JaegerClientReporter;

  constructor(theirs: JaegerClientReporter) {
    this.#theirs = theirs;
  }

  setProcess({ serviceName, tags }: Process): void {
    this.#theirs.setProcess?.(serviceName, tags);
  }

  report(span: Span): void {
    this.#theirs.report(span);
  }

  async flush(): Promise<void> {
    const theirs = this.#theirs;
    if (theirs.flush !== undefined) await called((done) => theirs.flush?.(done));
  }

  async close(callback?: () => void): Promise<void> {
    const theirs = this.#theirs;
    if (theirs.close !== undefined) await called((done) => theirs.close?.(done));
    callback?.();
  }

  toString(): string {
    return `${this.name}(${this.#theirs.constructor?.name ?? "Object"})`;
  }
}

/** Resolves when the callback has been called, or the promise that came back is settled. */
async function called(call: (done: () => void) => unknown): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CALLBACK_MS_MAX).unref();
      const result = call(resolve);
      if (result instanceof Promise)
        result.then(
          () => resolve(),
          () => resolve(),
        );
    });
  } catch {
    // What they throw is not the application's failure.
  }
  clearTimeout(timer);
}
