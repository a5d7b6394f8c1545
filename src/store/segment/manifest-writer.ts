// The manifest in memory, and its replacement on disk: one at a time, changes that wait go together.
//
//   change(f) ─▶ waiting ─┐
//   change(g) ─▶ waiting ─┴─▶ g(f(current)) ─▶ writeManifest ─▶ current; both resolve
//
// A replacement that failed is tried again until it succeeds: whoever waits has written files that only
// the manifest can name. After a failure the disk may hold either one; both are right.
//
// Not here: its bytes (manifest.ts).

import type { Log } from "../../base/log.ts";
import type { DiskFiles } from "../disk/files.ts";
import type { Backoff } from "./backoff.ts";
import { type Manifest, writeManifest } from "../file/manifest.ts";

export type ManifestChange = (manifest: Manifest) => Manifest;

interface Waiting {
  readonly change: ManifestChange;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface ManifestWriterOptions {
  readonly files: DiskFiles;
  readonly directory: string;
  readonly log: Log;
  readonly backoff: Backoff;
}

export class ManifestWriter {
  /** What is on the disk. */
  current: Manifest;
  failures = 0;
  readonly #options: ManifestWriterOptions;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #isClosing = false;

  constructor(options: ManifestWriterOptions, current: Manifest) {
    this.#options = options;
    this.current = current;
  }

  /** Resolves when a manifest with this change is on the disk; rejects only at the end. */
  change(change: ManifestChange): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, resolve, reject });
      this.#running ??= this.#drain();
    });
  }

  /** What waits is tried once more; what fails then is given up. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#running;
  }

  async #drain(): Promise<void> {
    const { files, directory, log, backoff } = this.#options;
    // One turn later: changes of the same moment go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      const next = group.reduce((manifest, { change }) => change(manifest), this.current);
      try {
        if (next !== this.current) await writeManifest(files, directory, next);
      } catch (error) {
        this.failures++;
        log.error("the manifest could not be replaced", { error: String(error) });
        if (this.#isClosing) {
          for (const { reject } of group) reject(error);
        } else {
          this.#waiting = [...group, ...this.#waiting];
          await backoff.wait();
        }
        continue;
      }
      backoff.reset();
      this.current = next;
      for (const { resolve } of group) resolve();
    }
    this.#running = undefined;
  }
}
