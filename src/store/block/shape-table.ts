// The shapes of a block: sequences of keys, each once. Real spans have few of them.
//
//   keys    all shapes, one after the other; shape s is [start[s], start[s + 1])
//   slots   open addressing, linear probing: shape + 1, 0 = free
//
// Not here: whose shapes they are (term-survey.ts), their bytes (vocabulary-writer.ts).

const FIRST_SHAPES = 64;

export class ShapeTable {
  count = 0;
  keys: Uint32Array = new Uint32Array(1 << 10);
  start: Uint32Array = new Uint32Array(FIRST_SHAPES + 1);
  readonly seed: number;
  #slots = new Uint32Array(4 * FIRST_SHAPES);
  #hashes = new Int32Array(FIRST_SHAPES);

  /** @param seed senders choose keys: nobody may prepare shapes that collide. */
  constructor(seed: number) {
    this.seed = seed | 0;
  }

  /**
   * The shape with the keys `from[0..count)`, added if it is new. Cost: about 1 ns a key.
   * @param hash of the keys: `nextHash` of each, one after the other, beginning with `seed`.
   */
  intern(from: Uint32Array, count: number, hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const shape = this.#slots[slot]! - 1;
      if (shape < 0) break;
      if (this.#hashes[shape] === hash && this.#equals(shape, from, count)) return shape;
      slot = (slot + 1) & mask;
    }
    return this.#add(slot, hash, from, count);
  }

  #equals(shape: number, from: Uint32Array, count: number): boolean {
    const start = this.start[shape]!;
    if (this.start[shape + 1]! - start !== count) return false;
    for (let at = 0; at < count; at++) if (this.keys[start + at] !== from[at]) return false;
    return true;
  }

  #add(slot: number, hash: number, from: Uint32Array, count: number): number {
    const shape = this.count++;
    const start = this.start[shape]!;
    if (start + count > this.keys.length) this.keys = grown(this.keys, 2 * (start + count));
    this.keys.set(from.subarray(0, count), start);
    if (this.count === this.#hashes.length) this.#grow();
    this.start[shape + 1] = start + count;
    this.#hashes[shape] = hash;
    this.#slots[slot] = shape + 1;
    if (2 * this.count > this.#slots.length) this.#rehash();
    return shape;
  }

  #grow(): void {
    const size = 2 * this.#hashes.length;
    this.start = grown(this.start, size + 1);
    const hashes = new Int32Array(size);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
  }

  #rehash(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let shape = 0; shape < this.count; shape++) {
      let slot = this.#hashes[shape]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = shape + 1;
    }
    this.#slots = slots;
  }
}

export function nextHash(hash: number, key: number): number {
  const mixed = Math.imul(hash ^ key, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

export function grown(column: Uint32Array, size: number): Uint32Array {
  const larger = new Uint32Array(size);
  larger.set(column);
  return larger;
}
