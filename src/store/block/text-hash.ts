// The hash of a text in a file's index: MurmurHash3, x86, 32 bits, seeded by the file.
//
// A sender cannot know the seed before the file is written, but families of texts that collide whatever
// the seed exist. They make one bucket long, which costs the look-ups that meet it time, and nothing else.
//
// Source: MurmurHash3 by Austin Appleby (public domain), MurmurHash3_x86_32.

/** Unsigned hash of the bytes `[start, end)` of `view`. */
export function hashText(view: DataView, start: number, end: number, seed: number): number {
  let hash = seed | 0;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = stirred(hash ^ mixed(view.getInt32(at, true)));
  }
  let tail = 0;
  for (let last = end - 1; last >= at; last--) tail = (tail << 8) | view.getUint8(last);
  if (at < end) hash ^= mixed(tail);
  return finished(hash ^ (end - start));
}

function mixed(word: number): number {
  const product = Math.imul(word, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}

/** As `hashText`, of all of `bytes`. */
export function hashBytes(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return hashText(view, 0, bytes.length, seed);
}

/** As `hashText`, of 16 bytes that are given as four words, lowest byte first. */
export function hashWords(
  one: number,
  two: number,
  three: number,
  four: number,
  seed: number,
): number {
  let hash = seed | 0;
  hash = stirred(hash ^ mixed(one));
  hash = stirred(hash ^ mixed(two));
  hash = stirred(hash ^ mixed(three));
  hash = stirred(hash ^ mixed(four)) ^ 16;
  return finished(hash);
}

function stirred(hash: number): number {
  return (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
}

/** The last step of the hash, also a hash of one word by itself. */
export function finished(word: number): number {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
