// Packets that the kernel dropped because a socket's receive buffer was full: nobody else knows of them.
//
//   /proc/net/udp    sl  local_address rem_address   st … inode ref pointer drops
//                    12: 0100007F:1AAF 00000000:0000 07 … 31337 2   0000…   28
//
// The address is the IPv4 address as a host-order word in hex (four such words for IPv6), the port is
// hex. A socket is found by its own address and port; the numbers count from when it was opened.
//
// Source: proc(5); Linux net/ipv4/udp.c, udp4_format_sock. Elsewhere than on Linux there is no such file:
// nothing is known then.
// Trust: the kernel's text; a line of another shape is stepped over.

import { readFileSync } from "node:fs";

/** A machine has some hundred sockets of 150 bytes each; far above that the file is not looked at. */
const TEXT_CHARS_MAX = 16 * 1024 * 1024;

export interface UdpAddress {
  readonly address: string;
  readonly port: number;
}

/** Reads the kernel's table. "" where there is none. */
export type ReadUdpTable = (family: "udp" | "udp6") => string;

export function readUdpTable(family: "udp" | "udp6"): string {
  try {
    return readFileSync(`/proc/net/${family}`, "latin1");
  } catch {
    return ""; // not Linux
  }
}

/** Drops of each socket, in the order of `sockets`; undefined: the kernel does not say. */
export function findKernelDrops(
  sockets: readonly UdpAddress[],
  read: ReadUdpTable = readUdpTable,
): readonly (number | undefined)[] {
  const tables = new Map<"udp" | "udp6", ReadonlyMap<string, number>>();
  return sockets.map(({ address, port }) => {
    const family = address.includes(":") ? "udp6" : "udp";
    let table = tables.get(family);
    if (table === undefined) tables.set(family, (table = parseUdpTable(read(family))));
    return table.get(
      `${printAddress(address)}:${port.toString(16).toUpperCase().padStart(4, "0")}`,
    );
  });
}

/** Drops by local address as the kernel writes it. */
function parseUdpTable(text: string): ReadonlyMap<string, number> {
  const drops = new Map<string, number>();
  if (text.length > TEXT_CHARS_MAX) return drops;
  for (const line of text.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const local = fields[1];
    const count = Number(fields[12]);
    if (local === undefined || fields.length < 13 || !Number.isSafeInteger(count)) continue;
    drops.set(local, (drops.get(local) ?? 0) + count);
  }
  return drops;
}

/** `127.0.0.1` → `0100007F`: words of the address as this machine, little-endian, prints them. */
function printAddress(address: string): string {
  const bytes = address.includes(":") ? ipv6Bytes(address) : address.split(".").map(Number);
  let text = "";
  for (let word = 0; word < bytes.length; word += 4) {
    for (let byte = word + 3; byte >= word; byte--) {
      text += (bytes[byte] ?? 0).toString(16).toUpperCase().padStart(2, "0");
    }
  }
  return text;
}

function ipv6Bytes(address: string): number[] {
  const plain = address.split("%")[0]!;
  // ::ffff:127.0.0.1
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain);
  const word = (high: number, low: number): string => ((high << 8) | low).toString(16);
  const text =
    dotted === null
      ? plain
      : `${dotted[1]}${word(Number(dotted[2]), Number(dotted[3]))}:` +
        word(Number(dotted[4]), Number(dotted[5]));
  const [head = "", tail] = text.split("::");
  const words = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((one) => Number.parseInt(one, 16));
  const first = words(head);
  const last = tail === undefined ? [] : words(tail);
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => 0);
  return [...first, ...zeros, ...last].flatMap((one) => [one >> 8, one & 0xff]);
}
