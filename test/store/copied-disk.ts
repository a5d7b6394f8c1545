// All files of a simulated disk as plain bytes, and disks made of them: each test damages a copy of its own.

import { SimulatedDisk } from "./simulated-disk.ts";

export type DiskCopy = ReadonlyMap<string, Uint8Array>;

/** @param folders whose files are copied; folders within them are not. */
export async function copyDisk(disk: SimulatedDisk, folders: readonly string[]): Promise<DiskCopy> {
  const copy = new Map<string, Uint8Array>();
  for (const folder of folders) {
    for (const name of await disk.list(folder)) {
      copy.set(`${folder}/${name}`, await disk.read(`${folder}/${name}`));
    }
  }
  return copy;
}

/** A disk with these files, and with other bytes in one of them; undefined: without that file. */
export async function makeDisk(
  copy: DiskCopy,
  path = "",
  other?: Uint8Array,
): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  for (const [name, bytes] of copy) {
    const content = name === path ? other : bytes;
    if (content === undefined) continue;
    const handle = await disk.create(name);
    await disk.write(handle, [content], 0);
    await disk.sync(handle);
    await disk.close(handle);
  }
  return disk;
}
