// A disk in memory that forgets what was not synced, and fails when it is told to.
//
//   calls ─▶ volatile contents ─ sync ─▶ durable contents
//   powerCut() ─▶ a new disk with the durable contents, and any part of the volatile ones
//
// A file's name is durable only after its directory was synced. Pages that were written and not synced
// may reach a real disk or not, each by itself: a cut keeps a random choice of them.

import { basename, dirname } from "node:path";
import type { DiskFiles } from "../../src/store/disk/files.ts";
import type { Random } from "./corpus.ts";

const PAGE_BYTES = 512;

interface SimulatedFile {
  volatile: Uint8Array;
  durable: Uint8Array;
  isNameDurable: boolean;
}

export type Fault = "ENOSPC" | "EIO" | "short";

export class SimulatedDisk implements DiskFiles {
  /** Calls that changed something, counted; a fault or a cut is set to one of them. */
  operations = 0;
  /** Before the operation with this number everything stops. */
  cutAt = Infinity;
  /** What `freeBytes` says. */
  free = 1e12;
  /** Operation -> what befalls it. */
  readonly faults = new Map<number, Fault>();
  readonly #files = new Map<string, SimulatedFile>();
  readonly #handles = new Map<number, SimulatedFile>();
  #nextHandle = 1;

  makeDirectory(): Promise<void> {
    return Promise.resolve();
  }

  list(path: string): Promise<string[]> {
    const names = [...this.#files.keys()].filter((one) => dirname(one) === path);
    return Promise.resolve(names.map((one) => basename(one)));
  }

  read(path: string): Promise<Uint8Array> {
    return Promise.resolve(this.#file(path).volatile.slice());
  }

  async create(path: string): Promise<number> {
    await this.#step();
    if (this.#files.has(path)) throw errorOf("EEXIST");
    const file = { volatile: new Uint8Array(), durable: new Uint8Array(), isNameDurable: false };
    this.#files.set(path, file);
    return this.#open(file);
  }

  open(path: string): Promise<number> {
    return Promise.resolve(this.#open(this.#file(path)));
  }

  async write(handle: number, pieces: readonly Uint8Array[], position: number): Promise<number> {
    const fault = await this.#step();
    const file = this.#handles.get(handle)!;
    let bytes = Buffer.concat(pieces);
    if (fault === "short") bytes = bytes.subarray(0, Math.ceil(bytes.length / 3));
    if (fault === "ENOSPC") bytes = bytes.subarray(0, Math.floor(bytes.length / 2));
    const end = Math.max(file.volatile.length, position + bytes.length);
    const grown = new Uint8Array(end);
    grown.set(file.volatile);
    grown.set(bytes, position);
    file.volatile = grown;
    if (fault === "ENOSPC" || fault === "EIO") throw errorOf(fault);
    return bytes.length;
  }

  async sync(handle: number): Promise<void> {
    const fault = await this.#step();
    if (fault === "EIO" || fault === "ENOSPC") throw errorOf("EIO");
    const file = this.#handles.get(handle)!;
    file.durable = file.volatile.slice();
  }

  async truncate(handle: number, bytes: number): Promise<void> {
    const fault = await this.#step();
    if (fault !== undefined && fault !== "short") throw errorOf("EIO");
    const file = this.#handles.get(handle)!;
    file.volatile = file.volatile.slice(0, bytes);
  }

  close(handle: number): Promise<void> {
    this.#handles.delete(handle);
    return Promise.resolve();
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step();
    this.#files.set(to, this.#file(from));
    this.#files.delete(from);
  }

  async remove(path: string): Promise<void> {
    await this.#step();
    this.#files.delete(path);
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.free);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#step();
    for (const [name, file] of this.#files) if (dirname(name) === path) file.isNameDurable = true;
  }

  /** Changes bytes of a file as damage on the disk would. */
  damage(path: string, change: (bytes: Uint8Array) => Uint8Array): void {
    const file = this.#file(path);
    file.volatile = change(file.volatile.slice());
    file.durable = file.volatile.slice();
  }

  /** What is found after the power came back. */
  afterPowerCut(random: Random): SimulatedDisk {
    const disk = new SimulatedDisk();
    for (const [path, file] of this.#files) {
      if (!file.isNameDurable && random() < 0.5) continue;
      const bytes = survivorsOf(file, random);
      disk.#files.set(path, { volatile: bytes, durable: bytes.slice(), isNameDurable: true });
    }
    return disk;
  }

  #file(path: string): SimulatedFile {
    const file = this.#files.get(path);
    if (file === undefined) throw errorOf("ENOENT");
    return file;
  }

  #open(file: SimulatedFile): number {
    const handle = this.#nextHandle++;
    this.#handles.set(handle, file);
    return handle;
  }

  /** Counts an operation; never returns once the power is gone. */
  #step(): Promise<Fault | undefined> {
    const number = this.operations++;
    if (number >= this.cutAt) return new Promise(() => {});
    return Promise.resolve(this.faults.get(number));
  }
}

/** The durable bytes, and each page that was only written as chance has it. */
function survivorsOf({ volatile, durable }: SimulatedFile, random: Random): Uint8Array {
  const bytes = volatile.slice(
    0,
    Math.max(durable.length, Math.floor(random() * (volatile.length + 1))),
  );
  for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
    if (random() < 0.5) continue;
    const end = Math.min(at + PAGE_BYTES, bytes.length);
    // A page that did not make it holds what the disk had before: zeros beyond the old end.
    for (let i = at; i < end; i++) bytes[i] = i < durable.length ? durable[i]! : 0;
  }
  return bytes;
}

function errorOf(code: string): Error {
  return Object.assign(new Error(code), { code });
}
