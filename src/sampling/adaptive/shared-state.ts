// The sampling state of collectors that are processes of their own: a directory which all of them reach.
//
//   lead-<term>.json                      who leads (shared-lead.ts)
//   result-<term>.json                    {"version":1,"result":[…]}: what the leader of the term found last
//   throughput-<µs>-<holder>-<n>.json     {"version":1,"throughput":[…]}: one interval of one collector
//
// A process writes only names that nobody else writes, each whole or not at all, so there is nothing to
// lock. Throughput is written once and never changed; its name says when it was added, so that reading an
// interval opens the files of that interval only. The result of the highest term counts.
// Limits: NAMES_MAX names, FILE_BYTES_MAX a file, ROWS_MAX rows of one question. Throughput that is twice as
// old as is of use goes, whoever wrote it: its writer may be gone.
// Trust: whoever may write into the directory. A damaged file is said so and left out.
// The clocks of the machines must agree within `sampling.delay`: throughput is stamped by its writer.

import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { SpoorError, printError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { DiskFiles } from "../../store/disk/files.ts";
import { writeAside } from "../../store/disk/write-aside.ts";
import type { OperationResult, SamplingState, Throughput } from "./sampling-state.ts";
import { SharedLead, isCode, printTerm, removeIfThere } from "./shared-lead.ts";
import {
  damaged,
  parseContent,
  readResultRows,
  readThroughputRows,
  resultRows,
  throughputRows,
  unavailable,
} from "./state-rows.ts";

export interface SharedStateOptions {
  readonly files: DiskFiles;
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Names this process and no other that uses, or has used, the directory. */
  readonly holder: string;
  /** How long throughput is of use. */
  readonly keepMs: number;
}

/** A thousand collectors with ten times the usual number of intervals. */
const NAMES_MAX = 200_000;
/** The most operations an interval has, with names that are mostly escapes. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
/** Some 200 bytes each: ten thousand operations as twenty collectors have counted them. */
const ROWS_MAX = 200_000;
const HOLDER_CHARS_MAX = 100;
/** A leader may replace its result between the look at the names and the look at the file. */
const LOOKS_MAX = 3;

const THROUGHPUT = /^throughput-(\d{16})-.*\.json(\.new)?$/;
const RESULT = /^result-(\d{12})\.json$/;
const OLD_RESULT = /^result-(\d{12})\.json(\.new)?$/;

/** @throws SpoorError `unavailable` if the directory is not there and cannot be made. */
export async function openSharedState(options: SharedStateOptions): Promise<SharedState> {
  await guard(() => options.files.makeDirectory(options.directory));
  return new SharedState(options);
}

export class SharedState implements SamplingState {
  readonly #options: SharedStateOptions;
  readonly #lead: SharedLead;
  readonly #owner: string;
  #added = 0;
  /** What is asked of the lead waits for what was asked before. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: SharedStateOptions) {
    this.#options = options;
    this.#lead = new SharedLead(options);
    this.#owner = options.holder.replaceAll(/[^\w.-]/g, "_").slice(-HOLDER_CHARS_MAX);
  }

  addThroughput(rows: readonly Throughput[]): Promise<void> {
    const nowUs = this.#options.clock.nowUs();
    const stamp = String(nowUs).padStart(16, "0");
    const name = `throughput-${stamp}-${this.#owner}-${this.#added++}.json`;
    return guard(async () => {
      if (rows.length > 0) {
        await this.#write(name, { version: 1, throughput: throughputRows(rows) });
      }
      const pastUs = nowUs - 2 * this.#options.keepMs * 1_000;
      await this.#remove(THROUGHPUT, (addedUs) => addedUs < pastUs);
    });
  }

  findThroughput(afterUs: number, untilUs: number): Promise<readonly Throughput[]> {
    return guard(async () => {
      const names = (await this.#list()).filter((name) => {
        const [, stamp, aside] = THROUGHPUT.exec(name) ?? [];
        const addedUs = Number(stamp);
        return aside === undefined && addedUs > afterUs && addedUs <= untilUs;
      });
      const found: Throughput[] = [];
      for (const name of names.toSorted()) {
        const rows = await this.#read(name, ({ throughput }) => readThroughputRows(throughput));
        if (found.length + (rows?.length ?? 0) > ROWS_MAX) {
          this.#options.log.warn("more throughput than can be held, the rest is left out", {
            name,
          });
          break;
        }
        for (const row of rows ?? []) found.push(row);
      }
      return found;
    });
  }

  /** Nothing is saved if this process does not have the lead. */
  saveResult(rows: readonly OperationResult[]): Promise<void> {
    return guard(async () => {
      const { term } = this.#lead;
      if (term === undefined) return;
      await this.#write(`result-${printTerm(term)}.json`, { version: 1, result: resultRows(rows) });
      await this.#remove(OLD_RESULT, (other) => other < term);
    });
  }

  latestResult(): Promise<readonly OperationResult[]> {
    return guard(async () => {
      for (let look = 0; look < LOOKS_MAX; look++) {
        const results = (await this.#list()).filter((name) => RESULT.test(name)).toSorted();
        for (const name of results.toReversed()) {
          const rows = await this.#read(name, ({ result }) => readResultRows(result));
          if (rows !== undefined) return rows;
        }
        if (results.length === 0) break;
      }
      return [];
    });
  }

  acquireLease(holder: string, ttlMs: number): Promise<boolean> {
    return this.#next(() => this.#lead.acquire(holder, ttlMs));
  }

  releaseLease(): Promise<void> {
    return this.#next(() => this.#lead.release());
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(() => guard(work));
    this.#last = next.catch(() => undefined);
    return next;
  }

  async #list(): Promise<readonly string[]> {
    const names = await this.#options.files.list(this.#options.directory);
    if (names.length > NAMES_MAX) {
      throw new Error(`${names.length} files in the directory, expected at most ${NAMES_MAX}`);
    }
    return names;
  }

  /** undefined: it is gone, or damaged. */
  async #read<T>(
    name: string,
    read: (content: Readonly<Record<string, unknown>>) => T,
  ): Promise<T | undefined> {
    const { files, directory, log } = this.#options;
    const path = join(directory, name);
    try {
      const size = await files.size(path);
      if (size > FILE_BYTES_MAX) throw damaged(`${size} bytes, expected at most ${FILE_BYTES_MAX}`);
      return read(parseContent(new TextDecoder().decode(await files.read(path))));
    } catch (error) {
      if (isCode(error, "ENOENT")) return undefined;
      if (!(error instanceof SpoorError)) throw error;
      log.warn("a file of the sampling state is damaged and left out", {
        name,
        error: printError(error),
      });
      return undefined;
    }
  }

  async #write(name: string, content: unknown): Promise<void> {
    const { files, directory } = this.#options;
    const bytes = new TextEncoder().encode(JSON.stringify(content));
    await writeAside(files, directory, name, (append) => append([bytes]));
  }

  /** What matches `kind`, written aside or not, and has a number that is over. */
  async #remove(kind: RegExp, isOver: (number: number) => boolean): Promise<void> {
    const { files, directory } = this.#options;
    for (const name of await this.#list()) {
      const digits = kind.exec(name)?.[1];
      if (digits !== undefined && isOver(Number(digits))) {
        await removeIfThere(files, join(directory, name));
      }
    }
  }
}

/** What the disk throws as `unavailable`. */
async function guard<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof SpoorError ? error : unavailable(error);
  }
}
