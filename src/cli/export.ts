// `spoor export DIR|URL`: traces out of a data directory that no process has open, or out of a running Spoor.
//
//   source ─▶ one batch a trace ─▶ format ─▶ file, or standard output
//
// What is said goes to standard error: progress on a terminal, and the counts at the end.
// Not here: sources (export-sources.ts), formats (trace-formats.ts).

import { open } from "node:fs/promises";
import { systemClock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import { type ConfigOf, type Settings, setting } from "../base/settings.ts";
import { parseSettings } from "../base/parse-settings.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { nameWords, splitWords } from "./command-words.ts";
import { Progress, printCount, printSize } from "./progress.ts";
import type { ByteOutput, Shell } from "./run-command.ts";

export const exportSettings = {
  format: setting("choice", "otlp-json", {
    help:
      "otlp-json: a request a line. otlp-proto: requests, each behind its length as a varint. " +
      "jaeger-json: as Jaeger's pages save traces.",
    choices: ["otlp-json", "otlp-proto", "jaeger-json"],
  }),
  output: setting("string", "-", {
    help: "File to be written, which must not be there yet; - is standard output.",
  }),
  service: setting("string", "", {
    help: "Only traces that have a span of this service; they are exported whole.",
  }),
  start: setting("string", "", {
    help: "Only traces that have a span that starts then or later: 2026-11-22T03:04:05Z.",
  }),
  end: setting("string", "", { help: "Only traces that have a span that starts then or before." }),
} satisfies Settings;

/** The last time that can be written with four digits of the year. */
const LAST_US = Date.UTC(9999, 11, 31, 23, 59, 59) * 1e3;

interface Counts {
  traces: number;
  spans: number;
  bytes: number;
}

/** @returns the exit code. @throws SpoorError if the source cannot be read or the file not be written. */
export async function runExport({ process }: Shell, argv: readonly string[]): Promise<number> {
  const { words, flags } = splitWords(argv, exportSettings);
  const [from = ""] = nameWords("export", words, ["DIR|URL"]);
  const input = { table: exportSettings, command: "export", argv: flags, env: {} };
  const { config } = parseSettings(input);
  const complain = (text: string): void => void process.stderr.write(`spoor: ${text}\n`);
  await using opened = new AsyncDisposableStack();
  const source = await openSource(from, await parseQuery(config), complain, opened);
  const output = await openOutput(config.output, process.stdout, opened);
  const progress = new Progress(process.stderr, systemClock);
  const counts: Counts = { traces: 0, spans: 0, bytes: 0 };
  try {
    await write(source, config.format, output, counts, progress);
  } finally {
    progress.clear();
    process.stderr.write(`exported ${printCounts(counts)}\n`);
  }
  return 0;
}

async function write(
  source: AsyncIterable<SpanBatch>,
  format: ConfigOf<typeof exportSettings>["format"],
  output: (bytes: Uint8Array) => Promise<void>,
  counts: Counts,
  progress: Progress,
): Promise<void> {
  const { makeTraceWriter } = await import("./trace-formats.ts");
  const writer = makeTraceWriter(format);
  const put = async (piece: Uint8Array | string): Promise<void> => {
    const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
    if (bytes.length === 0) return;
    counts.bytes += bytes.length;
    await output(bytes);
  };
  await put(writer.begin());
  for await (const trace of source) {
    for (const piece of writer.write(trace)) await put(piece);
    counts.traces++;
    counts.spans += trace.rows;
    progress.show(() => printCounts(counts));
  }
  await put(writer.end());
}

function printCounts({ traces, spans, bytes }: Counts): string {
  return `${printCount(traces, "trace")} with ${printCount(spans, "span")}, ${printSize(bytes)}`;
}

interface ExportQuery {
  readonly service: string;
  readonly startUsMin: number;
  readonly startUsMax: number;
}

async function parseQuery({
  service,
  start,
  end,
}: ConfigOf<typeof exportSettings>): Promise<ExportQuery> {
  const { parseRfc3339Us } = await import("../query/go-values.ts");
  const startUsMin = start === "" ? 0 : parseRfc3339Us(start);
  const startUsMax = end === "" ? LAST_US : parseRfc3339Us(end);
  return { service, startUsMin, startUsMax };
}

async function openSource(
  from: string,
  query: ExportQuery,
  complain: (text: string) => void,
  opened: AsyncDisposableStack,
): Promise<AsyncIterable<SpanBatch>> {
  const { exportServer, exportStore } = await import("./export-sources.ts");
  const never = new AbortController().signal;
  if (/^https?:\/\//.test(from)) {
    return exportServer(from, query, never, () =>
      complain("the server does not say whether there is more: this may be only a part"),
    );
  }
  const { openToolReads, requireDataDirectory } = await import("./open-tool-store.ts");
  requireDataDirectory(from);
  const directory = await openToolReads(from, complain);
  opened.defer(() => directory.close());
  return exportStore(directory.reads, query, never);
}

async function openOutput(
  path: string,
  stdout: ByteOutput,
  opened: AsyncDisposableStack,
): Promise<(bytes: Uint8Array) => Promise<void>> {
  if (path === "-") return (bytes) => writeOut(stdout, bytes);
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, "wx");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const message =
      code === "EEXIST" ? `${path} is there already` : `cannot write ${path}: ${code}`;
    throw new SpoorError("bad-input", message, {}, error);
  }
  opened.defer(async () => {
    await file.sync();
    await file.close();
  });
  return async (bytes) => {
    await file.writeFile(bytes);
  };
}

/** Waits while nobody takes what was written. */
function writeOut(stdout: ByteOutput, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (stdout.write(bytes) === false && stdout.once !== undefined) stdout.once("drain", resolve);
    else resolve();
  });
}
