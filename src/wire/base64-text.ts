// Bytes as base64 text (RFC 4648 §4: +, /, padded), without a `node:` module.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** Bytes turned into one string at a time; a multiple of three, few enough for one call. */
const CHUNK_BYTES = 12_288;

const codes = Uint8Array.from(DIGITS, (digit) => digit.charCodeAt(0));
const PAD = "=".charCodeAt(0);
const decoder = new TextDecoder();
const scratch = new Uint8Array((CHUNK_BYTES / 3) * 4);

/** `bytes` in base64. Cost: O(length). */
export function printBase64(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    text += printChunk(bytes, start, Math.min(bytes.length, start + CHUNK_BYTES));
  }
  return text;
}

function printChunk(bytes: Uint8Array, start: number, end: number): string {
  let to = 0;
  for (let at = start; at < end; at += 3) {
    const left = end - at;
    const second = left > 1 ? bytes[at + 1]! : 0;
    const third = left > 2 ? bytes[at + 2]! : 0;
    const word = (bytes[at]! << 16) | (second << 8) | third;
    scratch[to++] = codes[word >>> 18]!;
    scratch[to++] = codes[(word >>> 12) & 63]!;
    scratch[to++] = left > 1 ? codes[(word >>> 6) & 63]! : PAD;
    scratch[to++] = left > 2 ? codes[word & 63]! : PAD;
  }
  return decoder.decode(scratch.subarray(0, to));
}

/** By byte: the value of a digit of either alphabet (+/ or -_), or 255. */
const VALUES = new Uint8Array(256).fill(255);
for (const [value, code] of codes.entries()) VALUES[code] = value;
VALUES["-".charCodeAt(0)] = 62;
VALUES["_".charCodeAt(0)] = 63;

/**
 * The bytes that `text[start..end)` says in base64, either alphabet, padded or not.
 *
 * @returns undefined if it is no base64. Cost: O(length).
 */
export function parseBase64(text: Uint8Array, start: number, end: number): Uint8Array | undefined {
  let last = end;
  // Padding fills up the last four digits, two of them at most.
  if ((end - start) % 4 === 0 && text[last - 1] === PAD) last -= text[last - 2] === PAD ? 2 : 1;
  const digits = Math.max(last - start, 0);
  if (digits % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((digits * 3) / 4));
  let word = 0;
  let to = 0;
  for (let i = 0; i < digits; i++) {
    const value = VALUES[text[start + i]!]!;
    if (value === 255) return undefined;
    word = (word << 6) | value;
    if (i % 4 !== 0) bytes[to++] = word >> (6 - 2 * (i % 4));
  }
  return bytes;
}
