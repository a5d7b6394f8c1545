// The sampling state in one file of the data directory: a process that starts again goes on with it.
//
//   sampling.json = { "version": 1,
//     "result":     [[service, operation, probability, traces a second], …],
//     "throughput": [[added at µs, [[service, operation, count, ["0.001000", …]], …]], …] }
//
// It is replaced as a whole at each change, twice a calculation interval. The lead is not written down:
// a data directory has one process.
// Trust: whoever may write into the directory. A file that is damaged is said so and replaced: what it
// held is learned again from the traffic.

import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { SpoorError, printError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { DiskFiles } from "../../store/disk/files.ts";
import { writeAside } from "../../store/disk/write-aside.ts";
import { MemoryState, type ThroughputBatch } from "./memory-state.ts";
import type { OperationResult, SamplingState, Throughput } from "./sampling-state.ts";

export interface FileStateOptions {
  readonly files: DiskFiles;
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How long throughput is of use. */
  readonly keepMs: number;
}

const FILE_NAME = "sampling.json";
/** Twice what ROWS_MAX of memory-state.ts usually take. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;

/** @throws SpoorError `unavailable` if the file is there and cannot be read. */
export async function openFileState(options: FileStateOptions): Promise<SamplingState> {
  const { files, directory, clock, log, keepMs } = options;
  const memory = new MemoryState(clock, keepMs);
  try {
    const found = await readState(files, directory);
    if (found !== undefined) memory.restore(found.batches, found.result);
  } catch (error) {
    if (!(error instanceof SpoorError)) throw unavailable(error);
    log.warn("the sampling state is damaged and begins anew", { error: printError(error) });
  }
  // One write at a time; one that waits writes what is there when its turn comes.
  let last: Promise<void> = Promise.resolve();
  const write = (): Promise<void> => {
    last = last.catch(() => undefined).then(() => writeState(files, directory, memory));
    return last;
  };
  return {
    async addThroughput(rows) {
      await memory.addThroughput(rows);
      await write();
    },
    async saveResult(rows) {
      await memory.saveResult(rows);
      await write();
    },
    findThroughput: (afterUs, untilUs) => memory.findThroughput(afterUs, untilUs),
    latestResult: () => memory.latestResult(),
    acquireLease: (holder, ttlMs) => memory.acquireLease(holder, ttlMs),
    releaseLease: (holder) => memory.releaseLease(holder),
  };
}

async function writeState(files: DiskFiles, directory: string, memory: MemoryState): Promise<void> {
  const result = (await memory.latestResult()).map(
    ({ service, operation, probability, tracesPerSecond }) => [
      service,
      operation,
      probability,
      tracesPerSecond,
    ],
  );
  const throughput = memory.batches.map(({ atUs, rows }) => [
    atUs,
    rows.map((row) => [row.service, row.operation, row.count, row.probabilities]),
  ]);
  const text = JSON.stringify({ version: 1, result, throughput });
  const bytes = new TextEncoder().encode(text);
  try {
    await writeAside(files, directory, FILE_NAME, (append) => append([bytes]));
  } catch (error) {
    throw unavailable(error);
  }
}

interface Content {
  readonly batches: readonly ThroughputBatch[];
  readonly result: readonly OperationResult[];
}

/** undefined: there is none yet. @throws SpoorError if it is damaged, else what the disk says. */
async function readState(files: DiskFiles, directory: string): Promise<Content | undefined> {
  await files.makeDirectory(directory);
  if (!(await files.list(directory)).includes(FILE_NAME)) return undefined;
  const path = join(directory, FILE_NAME);
  const size = await files.size(path);
  if (size > FILE_BYTES_MAX) throw damaged(`${size} bytes, expected at most ${FILE_BYTES_MAX}`);
  return parseState(new TextDecoder().decode(await files.read(path)));
}

function parseState(text: string): Content {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw damaged("no JSON");
  }
  if (typeof content !== "object" || content === null) throw damaged("no object");
  const { version, result, throughput } = content as Readonly<Record<string, unknown>>;
  if (version !== 1) throw damaged("another version than 1");
  return {
    result: rowsOf(result, 4).map(([service, operation, probability, tracesPerSecond]) => ({
      service: textOf(service),
      operation: textOf(operation),
      probability: numberOf(probability, 1),
      tracesPerSecond: numberOf(tracesPerSecond, Infinity),
    })),
    batches: rowsOf(throughput, 2).map(([atUs, rows]) => ({
      atUs: numberOf(atUs, Infinity),
      rows: rowsOf(rows, 4).map(readThroughput),
    })),
  };
}

function readThroughput([
  service,
  operation,
  count,
  probabilities,
]: readonly unknown[]): Throughput {
  if (!Array.isArray(probabilities)) throw damaged("no list of probabilities");
  return {
    service: textOf(service),
    operation: textOf(operation),
    count: numberOf(count, Infinity),
    probabilities: probabilities.map(textOf),
  };
}

/** A list of lists of `length` values. */
function rowsOf(value: unknown, length: number): readonly (readonly unknown[])[] {
  const isRow = (row: unknown): boolean => Array.isArray(row) && row.length === length;
  if (!Array.isArray(value) || !value.every(isRow)) throw damaged(`no rows of ${length} values`);
  return value as readonly (readonly unknown[])[];
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw damaged("no text where a name belongs");
  return value;
}

function numberOf(value: unknown, max: number): number {
  if (typeof value !== "number" || !(value >= 0 && value <= max)) throw damaged("no such number");
  return value;
}

function damaged(what: string): SpoorError {
  return new SpoorError("bad-input", `sampling state: ${what}`);
}

function unavailable(error: unknown): SpoorError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SpoorError("unavailable", `sampling state: ${reason}`, {}, error);
}
