// Broken payloads made of sound ones: the same seed gives the same payloads, for ever.
//
//   sample ─▶ 1..8 times: flip a bit · set bytes that matter · write a length that matters ·
//             cut · cut off · repeat · insert noise · insert a piece of another sample   ─▶ payload

/** A source of numbers in [0, end), always the same for the same seed. */
export type Random = (end: number) => number;

/** Longest payload made; repeats would double it again and again. */
const BYTES_MAX = 1 << 16;
const STEPS_MAX = 8;
/** Longest piece that is repeated, cut or inserted. */
const PIECE_MAX = 512;

/** Bytes at which formats change their mind: signs, lengths, brackets, quotes, the ends of UTF-8. */
const BYTES = [
  0x00, 0x01, 0x02, 0x07, 0x08, 0x0a, 0x0f, 0x12, 0x20, 0x22, 0x2c, 0x2d, 0x30, 0x39, 0x3a, 0x5b,
  0x5c, 0x5d, 0x65, 0x6e, 0x7b, 0x7d, 0x7f, 0x80, 0x81, 0x82, 0xc0, 0xed, 0xf0, 0xf4, 0xff,
];
/** Lengths that overflow something. */
const LENGTHS = [-1, -2, 0x7f, 0x80, 0x7fff, 0xffff, 0x10000, 0x7fffffff, -0x80000000];

/** mulberry32. */
export function makeRandom(seed: number): Random {
  let state = seed >>> 0;
  return (end) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * end);
  };
}

/** One payload made of `samples`; it may, rarely, still be sound. */
export function mutate(random: Random, samples: readonly Uint8Array[]): Uint8Array {
  let payload: Buffer = Buffer.from(samples[random(samples.length)]!);
  // Few steps more often than many: what is nearly sound goes further into a reader.
  for (let steps = 1 + random(1 + random(STEPS_MAX)); steps > 0; steps--) {
    payload = change(random, payload, samples).subarray(0, BYTES_MAX);
  }
  return payload;
}

function change(random: Random, from: Buffer, samples: readonly Uint8Array[]): Buffer {
  if (from.length === 0) return noise(random);
  const at = random(from.length);
  const piece = 1 + random(random(2) === 0 ? 8 : PIECE_MAX);
  switch (random(10)) {
    case 0:
      from[at]! ^= 1 << random(8);
      return from;
    case 1:
      from[at] = BYTES[random(BYTES.length)]!;
      return from;
    case 2:
      from[at] = random(256);
      return from;
    case 3:
      if (at + 4 > from.length) return from;
      if (random(2) === 0) from.writeInt32BE(LENGTHS[random(LENGTHS.length)]!, at);
      else from.writeInt32LE(LENGTHS[random(LENGTHS.length)]!, at);
      return from;
    case 4: // one up or down: a length that is nearly right
      from[at] = from[at]! + (random(2) === 0 ? 1 : -1);
      return from;
    case 5:
      return Buffer.concat([from.subarray(0, at), from.subarray(at + piece)]);
    case 6:
      return from.subarray(0, at);
    case 7:
      return Buffer.concat([from.subarray(0, at + piece), from.subarray(at)]);
    case 8:
      return Buffer.concat([from.subarray(0, at), noise(random), from.subarray(at)]);
    default: {
      const other = samples[random(samples.length)]!;
      const start = random(other.length);
      const inserted = other.subarray(start, start + piece);
      return Buffer.concat([from.subarray(0, at), inserted, from.subarray(at + random(2) * piece)]);
    }
  }
}

function noise(random: Random): Buffer {
  return Buffer.from(Uint8Array.from({ length: 1 + random(12) }, () => random(256)));
}
