// `spoor tracegen`: made-up traces at a rate, in any protocol, and a count of what became of them.
//
//   settings ─▶ runTracegen ─▶ report: text or JSON on standard output
//
// SIGINT and SIGTERM end the making; what is made is still sent and counted. A second one ends at once.
//
// Only flags set it: names as short as `target` would pick up variables that mean something else.
// Not here: the traces and how they are sent (tracegen/).

import { systemClock } from "../base/clock.ts";
import { parseSettings } from "../base/parse-settings.ts";
import { runTracegen } from "../tracegen/run-tracegen.ts";
import { type Report, printReport, printSpanFigures, sumRefused } from "../tracegen/send-counts.ts";
import { tracegenSettings } from "../tracegen/settings.ts";
import type { Shell } from "./run-command.ts";

const SIGNALS: ReadonlyMap<string, number> = new Map([
  ["SIGINT", 2],
  ["SIGTERM", 15],
]);

/** @returns 0 if nothing was refused. @throws SpoorError if nobody is at the target. */
export async function runTracegenCommand(
  { process }: Shell,
  argv: readonly string[],
): Promise<number> {
  const input = { table: tracegenSettings, command: "tracegen", argv, env: {} };
  const { config } = parseSettings(input);
  const stop = new AbortController();
  for (const [signal, number] of SIGNALS) {
    process.on(signal, () => (stop.signal.aborted ? process.exit(128 + number) : stop.abort()));
  }
  const print = (report: Report): string =>
    config.json ? `${JSON.stringify(report)}\n` : printReport(report);
  const report = await runTracegen({
    config,
    clock: systemClock,
    random: Math.random,
    signal: stop.signal,
    onProgress(now) {
      const line = config.json
        ? print(now)
        : `${now.traces} traces, ${printSpanFigures(now.spans)}\n`;
      process.stderr.write(line);
    },
  });
  process.stdout.write(print(report));
  return sumRefused(report.spans) === 0 ? 0 : 1;
}
