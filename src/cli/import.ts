// `spoor import FILE`: traces of a file into a running collector, or into a data directory.
//
//   file, standard input ─ split ─▶ request ─ read ─▶ spans ─ in parts ─▶ OTLP HTTP, or the engine
//
// Every span of the file is counted: stored, or refused by us or by who was to store it. A request that
// does not read is refused as a whole, and the next one is tried.
//
// Not here: formats (trace-formats.ts), where spans go (import-targets.ts).

import { createReadStream } from "node:fs";
import { systemClock } from "../base/clock.ts";
import { SpoorError, printError } from "../base/errors.ts";
import { parseSettings } from "../base/parse-settings.ts";
import { type Settings, setting } from "../base/settings.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { nameWords, splitWords } from "./command-words.ts";
import type { ImportTarget } from "./import-targets.ts";
import { Progress, printCount, printSize } from "./progress.ts";
import type { Shell } from "./run-command.ts";

export const importSettings = {
  format: setting("choice", "auto", {
    help: "What the file is written in; auto: it is looked at. The formats are those of spoor export.",
    choices: ["auto", "otlp-json", "otlp-proto", "jaeger-json"],
  }),
  to: setting("string", "http://127.0.0.1:4318", {
    help: "OTLP HTTP address of the collector that the spans are sent to.",
  }),
  directory: setting("string", "", {
    help: "Data directory that the spans are put into instead; made if it is not there.",
  }),
} satisfies Settings;

/** Spans of one request of a file, in memory: 256 MiB of text are some of this. */
const BATCH_BYTES_MAX = 1 << 30;

interface Counts {
  bytes: number;
  requests: number;
  /** Spans that were read, or left out by the reader. */
  spans: number;
  stored: number;
  refused: number;
  /** Requests that do not read; nobody knows how many spans they had. */
  unreadable: number;
  /** The first reason that was given. */
  reason: string;
}

/** @returns 0 if every span is stored. @throws SpoorError if the file or the target fails as a whole. */
export async function runImport({ process }: Shell, argv: readonly string[]): Promise<number> {
  const { words, flags } = splitWords(argv, importSettings);
  const [file = ""] = nameWords("import", words, ["FILE"]);
  const input = { table: importSettings, command: "import", argv: flags, env: {} };
  const { config } = parseSettings(input);
  const { openDirectoryTarget, openServerTarget } = await import("./import-targets.ts");
  const complain = (text: string): void => void process.stderr.write(`spoor: ${text}\n`);
  const bytes = readFile(file, process.stdin);
  const first = await bytes.next();
  const target =
    config.directory === ""
      ? openServerTarget(config.to)
      : await openDirectoryTarget(config.directory, complain);
  const counts: Counts = {
    bytes: 0,
    requests: 0,
    spans: 0,
    stored: 0,
    refused: 0,
    unreadable: 0,
    reason: "",
  };
  const progress = new Progress(process.stderr, systemClock);
  try {
    if (first.done !== true) {
      const source = count(again(first.value, bytes), counts);
      await carry(source, first.value, config.format, target, counts, progress);
    }
  } finally {
    await target.close();
    progress.clear();
    process.stderr.write(`${printCounts(counts)}\n`);
  }
  return counts.refused + counts.unreadable === 0 ? 0 : 1;
}

async function carry(
  source: AsyncIterable<Uint8Array>,
  first: Uint8Array,
  wanted: string,
  target: ImportTarget,
  counts: Counts,
  progress: Progress,
): Promise<void> {
  const { TRACE_FORMATS, guessFormat, traceReaders } = await import("./trace-formats.ts");
  const { chunkTrace } = await import("../query/span-chunks.ts");
  const format = TRACE_FORMATS.find((one) => one === wanted) ?? guessFormat(first);
  const reader = traceReaders[format];
  const batch = new SpanBatch(BATCH_BYTES_MAX);
  for await (const payload of reader.split(source)) {
    counts.requests++;
    batch.reset();
    try {
      const leftOut = reader.read(payload, batch);
      refuse(counts, leftOut, "a span without trace id or span id");
      counts.spans += batch.rows + leftOut;
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      counts.unreadable++;
      counts.reason ||= `request ${counts.requests}: ${printError(error)}`;
      continue;
    }
    for (const chunk of chunkTrace(batch)) {
      const { stored, reason } = await target.take(chunk);
      counts.stored += stored;
      refuse(counts, chunk.rows - stored, reason);
      progress.show(() => printCounts(counts));
    }
  }
}

function refuse(counts: Counts, spans: number, reason: string): void {
  if (spans === 0) return;
  counts.refused += spans;
  counts.reason ||= reason;
}

function printCounts(counts: Counts): string {
  const { bytes, requests, spans, stored, refused, unreadable, reason } = counts;
  const parts = [
    `read ${printCount(spans, "span")} of ${printCount(requests, "request")}, ${printSize(bytes)}`,
    `stored ${stored}`,
    ...(refused === 0 ? [] : [`refused ${refused}`]),
    ...(unreadable === 0 ? [] : [`${printCount(unreadable, "request")} unreadable`]),
  ];
  return `${parts.join("; ")}${reason === "" ? "" : ` (${reason})`}`;
}

async function* readFile(
  path: string,
  stdin: AsyncIterable<Uint8Array> | undefined,
): AsyncGenerator<Uint8Array> {
  try {
    yield* path === "-" && stdin !== undefined
      ? stdin
      : (createReadStream(path) as AsyncIterable<Uint8Array>);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "") throw error;
    throw new SpoorError("bad-input", `cannot read ${path}: ${code}`, {}, error);
  }
}

async function* again(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function* count(
  pieces: AsyncIterable<Uint8Array>,
  counts: Counts,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    counts.bytes += piece.length;
    yield piece;
  }
}
