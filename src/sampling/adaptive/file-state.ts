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
import type { OperationResult, SamplingState } from "./sampling-state.ts";
import {
  damaged,
  numberOf,
  parseContent,
  readResultRows,
  readThroughputRows,
  resultRows,
  rowsOf,
  throughputRows,
  unavailable,
} from "./state-rows.ts";

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
  const result = resultRows(await memory.latestResult());
  const throughput = memory.batches.map(({ atUs, rows }) => [atUs, throughputRows(rows)]);
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
  const { result, throughput } = parseContent(new TextDecoder().decode(await files.read(path)));
  return {
    result: readResultRows(result),
    batches: rowsOf(throughput, 2).map(([atUs, rows]) => ({
      atUs: numberOf(atUs, Infinity),
      rows: readThroughputRows(rows),
    })),
  };
}
