// Parcels of the spool that no collector takes, kept for people: a spool of its own below the spool.
//
//   <spool>/set-aside/   a log of parcels, as docs/formats/spool.md says
//
// An agent whose `--spool.directory` is a copy of it sends them once more. Nothing is removed here; at
// SET_ASIDE_BYTES_MAX no more are kept.
//
// Not here: which ones (forwarder.ts).

import { join } from "node:path";
import { SpoorError } from "../base/errors.ts";
import type { DiskFiles } from "../store/disk/files.ts";
import type { LogWriter } from "../store/log/log-writer.ts";
import { openLog } from "../store/log/open-log.ts";
import { RECORD_HEADER_BYTES } from "../store/log/record.ts";
import type { Parcel, ParcelFormat } from "./parcel.ts";
import { codeOfParcelFormat, writeParcelRecord } from "./parcel-record.ts";

/** Enough to find out what is wrong with them, whatever fails. */
const SET_ASIDE_BYTES_MAX = 64 * 1024 * 1024;
const FILE_BYTES_MAX = 1024 * 1024;

export class SetAside {
  readonly #directory: string;
  readonly #files: DiskFiles;
  #log: LogWriter | undefined;

  constructor(directory: string, files: DiskFiles) {
    this.#directory = join(directory, "set-aside");
    this.#files = files;
  }

  /** @returns false if there is no room. @throws SpoorError `unavailable`. */
  async keep(parcel: Parcel, format: ParcelFormat): Promise<boolean> {
    this.#log ??= await this.#open();
    const record = writeParcelRecord(parcel);
    const bytes = this.#log.bytes() + RECORD_HEADER_BYTES + record.length;
    if (bytes > SET_ASIDE_BYTES_MAX) return false;
    await this.#log.append(codeOfParcelFormat(format), record);
    return true;
  }

  async close(): Promise<void> {
    await this.#log?.close();
  }

  async #open(): Promise<LogWriter> {
    const files = this.#files;
    const place = { directory: this.#directory, files, durability: "disk" } as const;
    try {
      const { log } = await openLog({ ...place, fileBytesMax: FILE_BYTES_MAX }, () => undefined);
      return log;
    } catch (error) {
      throw new SpoorError("unavailable", `${this.#directory} cannot be opened`, {}, error);
    }
  }
}
