// How full the disk is: what was read last, not older than a second while somebody asks.

import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { DiskFiles } from "../disk/files.ts";

const AGE_MS_MAX = 1_000;

export class FreeBytes {
  readonly #files: DiskFiles;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Log;
  #bytes = Infinity;
  #readMs = -Infinity;

  constructor(files: DiskFiles, directory: string, clock: Clock, log: Log) {
    this.#files = files;
    this.#directory = directory;
    this.#clock = clock;
    this.#log = log;
  }

  /** Asks the disk. */
  async read(): Promise<number> {
    this.#readMs = this.#clock.monotonicMs();
    this.#bytes = await this.#files.freeBytes(this.#directory);
    return this.#bytes;
  }

  /** What is known, without waiting; the disk is asked meanwhile if that is old. */
  recent(): number {
    if (this.#clock.monotonicMs() - this.#readMs >= AGE_MS_MAX) {
      this.read().catch((error: unknown) => {
        this.#log.warn("cannot tell how full the disk is", { error: String(error) });
      });
    }
    return this.#bytes;
  }
}
