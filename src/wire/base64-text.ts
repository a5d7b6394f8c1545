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
