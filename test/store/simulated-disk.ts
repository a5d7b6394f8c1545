// A disk in memory that forgets what was not synced, and fails when it is told to.
//
//   calls ─▶ volatile contents ─ sync ─▶ durable contents
//   calls ─▶ names ─ syncDirectory ─▶ durable names
//   powerCut() ─▶ a new disk with the durable contents and names, and any part of the volatile ones
//
// Names are durable only after their directory was synced: a file that was created, renamed or removed
// since may be found under its old name, its new one, both or none. Pages that were written and not synced
// may reach a real disk or not, each by itself: a cut keeps a random choice of them.

import { basename, dirname } from "node:path";
import { type DiskFiles, type OpenSource, checkStretch } from "../../src/store/disk/files.ts";
import { SpoorError } from "../../src/base/errors.ts";
import type { Random } from "./corpus.ts";

const PAGE_BYTES = 512;

interface SimulatedFile {
  volatile: Uint8Array;
  durable: Uint8Array;
}

/** What a name stood for since its directory was synced, the last one now; undefined: nothing. */
type NameHistory = (SimulatedFile | undefined)[];

export type Fault = "ENOSPC" | "EIO" | "short";

export class SimulatedDisk implements DiskFiles {
  /** Calls that changed something, counted; a fault or a cut is set to one of them. */
  operations = 0;
  /** Before the operation with this number everything stops. */
  cutAt = Infinity;
  /** What `freeBytes` says. */
  free = 1e12;
  /** Sources that were opened and not closed. */
  openSources = 0;
  /** Operation -> what befalls it. */
  readonly faults = new Map<number, Fault>();
  readonly #names = new Map<string, NameHistory>();
  readonly #handles = new Map<number, SimulatedFile>();
  #nextHandle = 1;

  makeDirectory(): Promise<void> {
    return Promise.resolve();
  }

  list(path: string): Promise<string[]> {
    const names = [...this.#names.keys()].filter(
      (one) => dirname(one) === path && this.#find(one) !== undefined,
    );
    return Promise.resolve(names.map((one) => basename(one)));
  }

  async read(path: string): Promise<Uint8Array> {
    return Promise.resolve(this.#file(path).volatile.slice());
  }

  async create(path: string): Promise<number> {
    await this.#changeNames();
    if (this.#find(path) !== undefined) throw errorOf("EEXIST");
    const file = { volatile: new Uint8Array(), durable: new Uint8Array() };
    this.#name(path, file);
    return this.#open(file);
  }

  async open(path: string): Promise<number> {
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
    await this.#changeNames();
    this.#name(to, this.#file(from));
    this.#name(from, undefined);
  }

  async link(from: string, to: string): Promise<void> {
    await this.#changeNames();
    if (this.#find(to) !== undefined) throw errorOf("EEXIST");
    this.#name(to, this.#file(from));
  }

  async remove(path: string): Promise<void> {
    await this.#changeNames();
    this.#file(path);
    this.#name(path, undefined);
  }

  openSource(path: string): OpenSource {
    const file = this.#find(path);
    if (file === undefined) {
      throw new SpoorError("unavailable", "a file cannot be opened", { cause: "ENOENT" });
    }
    const bytes = file.volatile.length;
    this.openSources++;
    let isOpen = true;
    return {
      bytes,
      read(offset, length) {
        if (!isOpen) throw new Error("bug: a source is read after it was closed");
        checkStretch(bytes, offset, length);
        return file.volatile.slice(offset, offset + length);
      },
      close: () => {
        if (isOpen) this.openSources--;
        isOpen = false;
      },
    };
  }

  async size(path: string): Promise<number> {
    return Promise.resolve(this.#file(path).volatile.length);
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.free);
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#changeNames();
    for (const [name, history] of this.#names) {
      if (dirname(name) === path) history.splice(0, history.length - 1);
    }
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
    const survivors = new Map<SimulatedFile, SimulatedFile>();
    for (const [path, history] of this.#names) {
      const file = history[Math.floor(random() * history.length)];
      if (file === undefined) continue;
      let survivor = survivors.get(file);
      if (survivor === undefined) {
        const bytes = survivorsOf(file, random);
        survivor = { volatile: bytes, durable: bytes.slice() };
        survivors.set(file, survivor);
      }
      disk.#names.set(path, [survivor]);
    }
    return disk;
  }

  #find(path: string): SimulatedFile | undefined {
    return this.#names.get(path)?.at(-1);
  }

  #file(path: string): SimulatedFile {
    const file = this.#find(path);
    if (file === undefined) throw errorOf("ENOENT");
    return file;
  }

  #name(path: string, file: SimulatedFile | undefined): void {
    const history = this.#names.get(path);
    if (history === undefined) this.#names.set(path, [undefined, file]);
    else history.push(file);
  }

  #open(file: SimulatedFile): number {
    const handle = this.#nextHandle++;
    this.#handles.set(handle, file);
    return handle;
  }

  /** As `#step`, for calls that work wholly or not at all. */
  async #changeNames(): Promise<void> {
    const fault = await this.#step();
    if (fault === "EIO" || fault === "ENOSPC") throw errorOf(fault);
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
