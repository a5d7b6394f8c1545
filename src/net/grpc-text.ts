// The small texts of gRPC over HTTP/2: timeouts, status messages, metadata, error details.
//
//   grpc-timeout: 250m          up to 8 digits and a unit H M S m u n
//   grpc-message: no%20such     UTF-8 bytes outside ' '..'~', and '%', as %XX
//   grpc-status-details-bin:    base64 of google.rpc.Status { code = 1, message = 2, details = 3 }
//
// Source: grpc/doc/PROTOCOL-HTTP2.md; google/rpc/status.proto, error_details.proto (RetryInfo).
// Trust: timeouts and metadata are the peer's; messages are ours, but may quote the peer.

import type { GrpcMetadata } from "./grpc-service.ts";
import { RETRY_AFTER_S } from "./status.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** A header is no place for an essay, and clients have header limits of their own. */
const MESSAGE_CHARS_MAX = 1_000;

/** @returns ms, or undefined for what is no timeout. */
export function parseGrpcTimeout(text: string): number | undefined {
  const parts = /^([0-9]{1,8})([HMSmun])$/.exec(text);
  const unitMs = UNIT_MS[parts?.[2] ?? ""];
  return unitMs === undefined ? undefined : Number(parts?.[1]) * unitMs;
}

export function printGrpcMessage(message: string): string {
  const short = message.slice(0, MESSAGE_CHARS_MAX);
  if (/^[ -$&-~]*$/.test(short)) return short;
  let text = "";
  for (const byte of new TextEncoder().encode(short)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    text += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}

/** @param rawHeaders name, value, name, value …, as node:http2 gives them. */
export function makeMetadata(rawHeaders: readonly string[]): GrpcMetadata {
  const getAll = (name: string): readonly string[] => {
    const values: string[] = [];
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      if (rawHeaders[at] === name) values.push(rawHeaders[at + 1] ?? "");
    }
    return values;
  };
  return {
    getAll,
    get: (name) => getAll(name)[0],
    getBytes(name) {
      const first = getAll(name)[0]?.split(",", 1)[0]; // values may have been joined on the way
      return first === undefined ? undefined : Buffer.from(first, "base64");
    },
  };
}

/**
 * google.rpc.Status with a RetryInfo: what makes an OTLP sender repeat after RESOURCE_EXHAUSTED.
 * Without it the status means that the data are refused for good.
 */
export function writeRetryDetails(status: number, message: string): Uint8Array {
  const duration = field(1, Uint8Array.of(0x08, RETRY_AFTER_S)); // Duration { seconds = 1 }
  const any = [field(1, utf8("type.googleapis.com/google.rpc.RetryInfo")), field(2, duration)];
  const text = utf8(message.slice(0, MESSAGE_CHARS_MAX));
  return Buffer.concat([Uint8Array.of(0x08, status), field(2, text), field(3, Buffer.concat(any))]);
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A length-delimited protobuf field: number 1..15. */
function field(number: number, bytes: Uint8Array): Uint8Array {
  const head = [(number << 3) | 2];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>>= 7) head.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Uint8Array.from([...head, rest]), bytes]);
}
