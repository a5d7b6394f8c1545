// Packets that were received and not read yet: first in, first out, of all doors.
//
//   sockets ─ offer(door, packet) ─▶ │ packet packet packet │ ─ take() ─▶ reading
//                  └ false: full
//
// Bounds: packets of each door, and bytes of all of them.
// Not here: who counts what is dropped (udp-door.ts).

/** Taken entries are cut off when there are so many, and as many as are left. */
const CUT_ENTRIES_MIN = 256;

export interface Packet {
  /** Index of its door. */
  readonly door: number;
  readonly bytes: Uint8Array;
}

export class PacketQueue {
  readonly #packetsMax: readonly number[];
  readonly #bytesMax: number;
  readonly #packets: number[];
  #entries: (Packet | undefined)[] = [];
  #first = 0;
  #bytes = 0;

  /** @param packetsMax by door. */
  constructor(packetsMax: readonly number[], bytesMax: number) {
    this.#packetsMax = packetsMax;
    this.#bytesMax = bytesMax;
    this.#packets = packetsMax.map(() => 0);
  }

  get length(): number {
    return this.#entries.length - this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many packets of a door wait. */
  lengthOf(door: number): number {
    return this.#packets[door]!;
  }

  /** @returns false if there is no room for it. */
  offer(door: number, bytes: Uint8Array): boolean {
    if (this.#packets[door]! >= this.#packetsMax[door]!) return false;
    if (this.#bytes + bytes.length > this.#bytesMax) return false;
    this.#packets[door]!++;
    this.#bytes += bytes.length;
    this.#entries.push({ door, bytes });
    return true;
  }

  take(): Packet | undefined {
    const packet = this.#entries[this.#first];
    if (packet === undefined) return undefined;
    this.#entries[this.#first++] = undefined;
    this.#packets[packet.door]!--;
    this.#bytes -= packet.bytes.length;
    if (this.#first >= CUT_ENTRIES_MIN && this.#first * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
    return packet;
  }
}
