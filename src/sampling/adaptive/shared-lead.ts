// Who leads among processes that have nothing in common but a directory.
//
//   lead-000000000007.json   {"version":1,"holder":"host-…","renewals":12}   holder null: given up
//
//   lead: creating lead-<highest + 1>, which only one can · renewing: replacing one's own with another count
//   free: given up, or unchanged for the length of the lease by the clock of who looks
//   late: a holder that did not renew in time begins a new term itself, if nobody else has
//
// A term is a number that grows and is never used again while a higher one is there: what a leader says
// counts only while nobody leads a higher term. So one that was stopped for long does no harm.
// No clock of another machine is believed, and no lock of the file system is needed: only that creating a
// file is exclusive and renaming it is atomic, also on a network volume.
// Trust: whoever may write into the directory. A damaged file holds the lead until its time is over.

import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { DiskFiles } from "../../store/disk/files.ts";
import { writeAll, writeAside } from "../../store/disk/write-aside.ts";

/** Ten times what is written for a usual name of a holder. */
const LEAD_BYTES_MAX = 4_096;
const TERM_DIGITS = 12;
const NAME = /^lead-(\d{12})\.json(\.new)?$/;

export interface SharedLeadOptions {
  readonly files: DiskFiles;
  readonly directory: string;
  readonly clock: Clock;
}

/** What was found when the lead was last looked at. */
interface Sighting {
  readonly term: number;
  readonly text: string;
  readonly sinceMs: number;
}

interface Found {
  readonly name: string;
  readonly term: number;
  /** It was being written when its writer ended, or is right now. */
  readonly isAside: boolean;
}

/** As it stands in names, so that they sort. */
export function printTerm(term: number): string {
  return String(term).padStart(TERM_DIGITS, "0");
}

/** Throws what the disk throws. Calls must not overlap. */
export class SharedLead {
  readonly #files: DiskFiles;
  readonly #directory: string;
  readonly #clock: Clock;
  #term: number | undefined;
  #renewedMs = 0;
  #renewals = 0;
  #seen: Sighting | undefined;

  constructor({ files, directory, clock }: SharedLeadOptions) {
    this.#files = files;
    this.#directory = directory;
    this.#clock = clock;
  }

  /** The term that this process leads, as far as it knows. */
  get term(): number | undefined {
    return this.#term;
  }

  /** Takes or renews the lead. @returns false while another has it. */
  async acquire(holder: string, ttlMs: number): Promise<boolean> {
    const highest = await this.#highest();
    const nowMs = this.#clock.monotonicMs();
    const isMine = this.#term !== undefined && this.#term >= highest;
    if (isMine && nowMs - this.#renewedMs < ttlMs) {
      await this.#write(this.#term!, holder);
      this.#renewedMs = nowMs;
      return true;
    }
    this.#term = undefined;
    // What was not renewed in time may be taken this very moment: only a new term is nobody else's.
    const isFree = isMine || highest === 0 || (await this.#isFree(highest, ttlMs));
    if (!isFree || !(await this.#claim(highest + 1, holder))) return false;
    this.#renewedMs = nowMs;
    return true;
  }

  /** Gives the lead up. */
  async release(): Promise<void> {
    const term = this.#term;
    this.#term = undefined;
    if (term !== undefined && term >= (await this.#highest())) await this.#write(term, null);
  }

  /** The highest term anybody has begun; 0: none. */
  async #highest(): Promise<number> {
    const found = (await this.#list()).filter(({ isAside }) => !isAside);
    return found.reduce((all, { term }) => Math.max(all, term), 0);
  }

  async #list(): Promise<readonly Found[]> {
    const names = await this.#files.list(this.#directory);
    return names.flatMap((name) => {
      const [, digits, aside] = NAME.exec(name) ?? [];
      if (digits === undefined) return [];
      return [{ name, term: Number(digits), isAside: aside !== undefined }];
    });
  }

  async #isFree(term: number, ttlMs: number): Promise<boolean> {
    const text = await this.#read(term);
    if (text === undefined) return false; // it was replaced this very moment
    if (isGivenUp(text)) return true;
    const nowMs = this.#clock.monotonicMs();
    const seen = this.#seen;
    if (seen?.term !== term || seen.text !== text) {
      this.#seen = { term, text, sinceMs: nowMs };
      return false;
    }
    return nowMs - seen.sinceMs >= ttlMs;
  }

  async #read(term: number): Promise<string | undefined> {
    const path = this.#pathOf(term);
    try {
      if ((await this.#files.size(path)) > LEAD_BYTES_MAX) return "";
      return new TextDecoder().decode(await this.#files.read(path));
    } catch (error) {
      if (isCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  async #claim(term: number, holder: string): Promise<boolean> {
    let handle: number;
    try {
      handle = await this.#files.create(this.#pathOf(term));
    } catch (error) {
      if (isCode(error, "EEXIST")) return false;
      throw error;
    }
    try {
      await writeAll(this.#files, handle, [this.#print(holder)], 0);
      await this.#files.sync(handle);
    } finally {
      await this.#files.close(handle);
    }
    await this.#files.syncDirectory(this.#directory);
    const found = await this.#list();
    for (const { name, term: other } of found) {
      if (other < term) await removeIfThere(this.#files, join(this.#directory, name));
    }
    // Whoever looked at the directory long ago has made a term that was over already.
    if (found.some((other) => other.term > term)) {
      await removeIfThere(this.#files, this.#pathOf(term));
      return false;
    }
    this.#term = term;
    return true;
  }

  async #write(term: number, holder: string | null): Promise<void> {
    const bytes = this.#print(holder);
    await writeAside(this.#files, this.#directory, nameOf(term), (append) => append([bytes]));
  }

  #print(holder: string | null): Uint8Array {
    const content = { version: 1, holder, renewals: this.#renewals++ };
    return new TextEncoder().encode(JSON.stringify(content));
  }

  #pathOf(term: number): string {
    return join(this.#directory, nameOf(term));
  }
}

function nameOf(term: number): string {
  return `lead-${printTerm(term)}.json`;
}

function isGivenUp(text: string): boolean {
  try {
    return (JSON.parse(text) as { readonly holder?: unknown } | null)?.holder === null;
  } catch {
    return false;
  }
}

/** Whether the file system says `code`. */
export function isCode(error: unknown, code: "EEXIST" | "ENOENT"): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Others clean up too. */
export async function removeIfThere(files: DiskFiles, path: string): Promise<void> {
  try {
    await files.remove(path);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
  }
}
