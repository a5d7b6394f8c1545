// Sampling strategies from a file or an http(s) URL, read again as it changes.
//
//   open ─▶ read ─▶ parse ─▶ answers         not readable, not right: the start fails
//            ▲  every reloadMs │ not right   the old strategies stay, a log line and a count tell
//            └─────────────────┘
//
// A URL that answers 503 says "no strategies of your own": the defaults.
// Source: Jaeger v1.76, internal/sampling/samplingstrategy/file/provider.go.
// Trust: as parse-strategies.ts; bytes and time of a read are bounded here.
// Not here: what the text means (parse-strategies.ts).

import { open } from "node:fs/promises";
import { SpoorError, printError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { MetricsRegistry } from "../base/metrics.ts";
import { samplingMetrics } from "./metrics.ts";
import {
  type FileStrategies,
  type ParseStrategiesOptions,
  parseStrategies,
} from "./parse-strategies.ts";
import type { SamplingSource } from "./strategies.ts";

export interface FileSourceOptions extends ParseStrategiesOptions {
  /** A path, or an http(s) URL; "" = no file, the defaults for everybody. */
  readonly path: string;
  /** 0: read once. */
  readonly reloadMs: number;
  readonly registry: MetricsRegistry;
  readonly log: Log;
  readonly onBug: (error: unknown) => void;
}

export interface FileSource extends SamplingSource {
  /** Reads now; never throws for what is wrong with the file. */
  reload(): Promise<void>;
  close(): void;
}

/** Ten thousand services with a dozen operations each are some 10 MB. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const DOWNLOAD_MS_MAX = 10_000;

/** @throws SpoorError `unavailable` if it cannot be read, `bad-input` naming the field that is wrong. */
export async function openFileSource(options: FileSourceOptions): Promise<FileSource> {
  const { path, reloadMs, registry, log, onBug } = options;
  const metrics = registry.register(samplingMetrics);
  let text = await readStrategies(path);
  let strategies = parse(text, options);
  metrics.services.with().readFrom(() => strategies.services);

  const reload = async (): Promise<void> => {
    try {
      const now = await readStrategies(path);
      if (now === text) {
        metrics.reloads.with({ result: "unchanged" }).add(1);
        return;
      }
      strategies = parse(now, options);
      text = now;
      metrics.reloads.with({ result: "changed" }).add(1);
      log.info("sampling strategies changed", { path, services: strategies.services });
    } catch (error) {
      if (!(error instanceof SpoorError)) throw error;
      metrics.reloads.with({ result: "failed" }).add(1);
      log.error("sampling strategies could not be read again, the old ones stay", {
        path,
        error: printError(error),
      });
    }
  };
  let reloading: Promise<void> | undefined;
  const timer =
    reloadMs === 0 || path === ""
      ? undefined
      : setInterval(() => {
          reloading ??= reload()
            .catch(onBug)
            .finally(() => (reloading = undefined));
        }, reloadMs).unref();
  return {
    strategyOf: (service) => Promise.resolve(strategies.strategyOf(service)),
    reload,
    close: () => clearInterval(timer),
  };
}

function parse(text: string, options: FileSourceOptions): FileStrategies {
  try {
    const strategies = parseStrategies(text, options);
    for (const warning of strategies.warnings) {
      options.log.warn("sampling strategies", { path: options.path, warning });
    }
    return strategies;
  } catch (error) {
    throw error instanceof SpoorError ? error.within({ file: options.path }) : error;
  }
}

async function readStrategies(path: string): Promise<string> {
  if (path === "") return "null";
  try {
    const pieces = /^https?:\/\//i.test(path) ? await download(path) : readFile(path);
    return pieces === undefined ? "null" : await readText(pieces);
  } catch (error) {
    if (error instanceof SpoorError) throw error.within({ file: path });
    const message = `sampling strategies: ${reasonOf(error)}`;
    throw new SpoorError("unavailable", message, { file: path }, error);
  }
}

/** What the system or fetch says, which puts the reason one level down. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  await using file = await open(path);
  // A pipe or a device would have no end, or keep us waiting.
  if (!(await file.stat()).isFile()) {
    throw new SpoorError("bad-input", "sampling strategies are no regular file");
  }
  yield* file.createReadStream({ autoClose: false }) as AsyncIterable<Uint8Array>;
}

/** undefined: the server has none for us. */
async function download(url: string): Promise<AsyncIterable<Uint8Array> | undefined> {
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_MS_MAX) });
  if (response.status === 200) return response.body ?? new Blob([]).stream();
  await response.body?.cancel();
  if (response.status === 503) return undefined;
  const message = `sampling strategies: HTTP status ${response.status}, expected 200`;
  throw new SpoorError("unavailable", message);
}

async function readText(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const taken: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > FILE_BYTES_MAX) {
      const message = `sampling strategies are longer than ${FILE_BYTES_MAX} bytes`;
      throw new SpoorError("bad-input", message);
    }
    taken.push(piece);
  }
  return new TextDecoder().decode(Buffer.concat(taken));
}
