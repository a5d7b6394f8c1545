// The envelope of a Thrift message: which protocol, which method, then the struct of arguments.
//
//   binary, strict  80 01 00 kind · name (length i32, bytes) · sequence i32 · arguments
//   binary, old     name (length i32, bytes) · kind u8 · sequence i32 · arguments
//   compact         82 · kind << 5 | 1 · sequence varint · name (varint length, bytes) · arguments
//
// A UDP datagram to the agent is one such message; its first byte tells the protocol, so either is
// understood on either port.
//
// Source: apache/thrift doc/specs/thrift-binary-protocol.md, thrift-compact-protocol.md.
// Trust: thrift-reader.ts. Not here: what the arguments mean (jaeger-thrift.ts, zipkin-thrift.ts);
// TChannel and HTTP bodies, which carry bare structs.

import { ThriftBinaryReader } from "./thrift-binary.ts";
import { ThriftCompactReader } from "./thrift-compact.ts";
import { refuseThrift, type ThriftReader } from "./thrift-reader.ts";

export const CALL = 1;
export const REPLY = 2;
export const EXCEPTION = 3;
export const ONEWAY = 4;

/** The longest method name of any service we serve has 31 bytes. */
const NAME_BYTES_MAX = 128;

const COMPACT_ID = 0x82;
const STRICT_BINARY_ID = 0x80;
const VERSION = 1;

const ascii = new TextDecoder();

export interface ThriftMessage {
  readonly protocol: "binary" | "compact";
  readonly name: string;
  /** CALL, REPLY, EXCEPTION or ONEWAY. */
  readonly kind: number;
  readonly sequence: number;
  /** Stands before the struct of arguments. */
  readonly thrift: ThriftReader;
}

/** Reads the envelope. @throws SpoorError `bad-input` if the payload begins with none. */
export function readThriftMessage(payload: Uint8Array): ThriftMessage {
  const message =
    payload[0] === COMPACT_ID ? readCompactEnvelope(payload) : readBinaryEnvelope(payload);
  const kind = message.kind;
  if (kind < CALL || kind > ONEWAY) {
    refuseThrift(payload, 0, `message of kind ${kind}, expected 1 to 4`);
  }
  return message;
}

function readCompactEnvelope(payload: Uint8Array): ThriftMessage {
  const thrift = new ThriftCompactReader(payload, 1);
  const head = thrift.readByte();
  const version = head & 0x1f;
  if (version !== VERSION) {
    refuseThrift(payload, 1, `compact protocol version ${version}, expected ${VERSION}`);
  }
  const sequence = thrift.readVarint32();
  const name = readName(thrift);
  return { protocol: "compact", name, kind: head >> 5, sequence, thrift };
}

function readBinaryEnvelope(payload: Uint8Array): ThriftMessage {
  const thrift = new ThriftBinaryReader(payload, 0);
  if (payload[0] !== STRICT_BINARY_ID) {
    if (payload[0] !== 0) {
      refuseThrift(payload, 0, "first byte is none of 0x80, 0x82, 0x00: no Thrift message");
    }
    const name = readName(thrift);
    const kind = thrift.readByte();
    return { protocol: "binary", name, kind, sequence: thrift.readI32(), thrift };
  }
  const head = thrift.readI32();
  const version = (head >> 16) & 0x7fff;
  if (version !== VERSION) {
    refuseThrift(payload, 0, `binary protocol version ${version}, expected ${VERSION}`);
  }
  const name = readName(thrift);
  return { protocol: "binary", name, kind: head & 0xff, sequence: thrift.readI32(), thrift };
}

function readName(thrift: ThriftReader): string {
  const offset = thrift.at;
  thrift.readBinary();
  const { start, end } = thrift;
  if (end - start > NAME_BYTES_MAX) {
    refuseThrift(
      thrift.bytes,
      offset,
      `method name of ${end - start} bytes, expected at most ${NAME_BYTES_MAX}`,
    );
  }
  return ascii.decode(thrift.bytes.subarray(start, end));
}
