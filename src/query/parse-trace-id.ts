// Trace ids as people and programs write them, to the 16 bytes that stores know.
//
//   "1"  "000000000000000A"  "0af7…"     1..32 hex digits, any case, zeros in front may be missing
//   "AAAAAAAAAAEAAAAAAAAAAQ=="           base64 of 16 bytes, padded or not, either alphabet
//
// Source: Jaeger's model.TraceIDFromString (the hex texts), and v2.20 and later for base64.
// Trust: text of peers, of any length.

import { SpoorError } from "../base/errors.ts";
import { refuse } from "./go-values.ts";

/** 22 digits carry 16 bytes; two more are padding. */
const BASE64 = /^[A-Za-z0-9+/_-]{21}[AQgw](?:==)?$/;

/** @throws SpoorError `bad-input` with Go's text about hex digits. */
export function parseTraceId(text: string): Uint8Array {
  if (/^[0-9a-fA-F]{1,32}$/.test(text)) return bytesOfHex(text.padStart(32, "0"));
  if (BASE64.test(text)) {
    const standard = text.replaceAll("-", "+").replaceAll("_", "/").slice(0, 22);
    return Uint8Array.from(atob(standard), (char) => char.charCodeAt(0));
  }
  if (text.length > 32) {
    throw new SpoorError("bad-input", `TraceID cannot be longer than 32 hex characters: ${text}`);
  }
  const high = text.slice(0, Math.max(0, text.length - 16));
  const wrong = /^[0-9a-fA-F]*$/.test(high) ? text.slice(high.length) : high;
  throw refuse("ParseUint", wrong, "invalid syntax");
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) =>
    Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16),
  );
}
