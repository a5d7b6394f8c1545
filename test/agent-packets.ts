// Packets as Jaeger's and Zipkin's clients send them by UDP, written by test/thrift-writer.ts.
//
//   envelope (compact, binary, binary without version) · arguments { 1: Batch } or { 1: list<Span> }

import {
  type ThriftField,
  type ThriftValue,
  i32,
  i64,
  list,
  struct,
  text,
  writeBinary,
  writeCompact,
} from "./thrift-writer.ts";
import { STRUCT } from "../src/wire/thrift-reader.ts";

export type PacketProtocol = "compact" | "binary" | "binary-old";

const ONEWAY = 4;

export interface BatchPlan {
  readonly service: string;
  readonly spans: number;
  /** Number of the first span: its id, and the low half of its trace id. */
  readonly from?: number;
  readonly protocol?: PacketProtocol;
  readonly tags?: Readonly<Record<string, string>>;
  readonly sequence?: number;
  /** Spans lost by the client: full queue, too large, failed to send. */
  readonly stats?: readonly [number, number, number];
  /** Bytes that make a span larger. */
  readonly padding?: number;
}

/** One packet `emitBatch`. */
export function batchPacket(plan: BatchPlan): Uint8Array {
  const { service, spans, from = 1, protocol = "compact", tags = {}, padding = 0 } = plan;
  const process = struct([1, text(service)], [2, tagList(tags)]);
  const rows = Array.from({ length: spans }, (_, index) => span(from + index, padding));
  const fields: ThriftField[] = [
    [1, process],
    [2, list(STRUCT, rows)],
  ];
  if (plan.sequence !== undefined) fields.push([3, i64(BigInt(plan.sequence))]);
  if (plan.stats !== undefined) {
    const [full, large, failed] = plan.stats;
    fields.push([
      4,
      struct([1, i64(BigInt(full))], [2, i64(BigInt(large))], [3, i64(BigInt(failed))]),
    ]);
  }
  return message("emitBatch", struct([1, struct(...fields)]), protocol);
}

/** One packet `emitZipkinBatch`; each span has an annotation of the service. */
export function zipkinPacket(service: string, spans: number, from = 1): Uint8Array {
  const rows = Array.from({ length: spans }, (_, index) => {
    const number = BigInt(from + index);
    const host = struct([1, i32(0x7f000001)], [3, text(service)]);
    const note = struct([1, i64(1_700_000_000_000_000n)], [2, text("sr")], [3, host]);
    const end = struct([1, i64(1_700_000_000_000_100n)], [2, text("ss")], [3, host]);
    return struct(
      [1, i64(number)],
      [3, text("op")],
      [4, i64(number)],
      [6, list(STRUCT, [note, end])],
    );
  });
  return message("emitZipkinBatch", struct([1, list(STRUCT, rows)]), "compact");
}

/** An envelope of a oneway call around its arguments. */
export function message(
  name: string,
  args: ThriftValue,
  protocol: PacketProtocol,
  kind = ONEWAY,
): Uint8Array {
  const method = new TextEncoder().encode(name);
  if (protocol === "compact") {
    const head = [0x82, (kind << 5) | 1, 0, method.length];
    return Uint8Array.from([...head, ...method, ...writeCompact(args)]);
  }
  const length = [0, 0, 0, method.length];
  const sequence = [0, 0, 0, 0];
  const head =
    protocol === "binary"
      ? [0x80, 1, 0, kind, ...length, ...method, ...sequence]
      : [...length, ...method, kind, ...sequence];
  return Uint8Array.from([...head, ...writeBinary(args)]);
}

function span(number: number, padding: number): ThriftValue {
  const id = BigInt(number);
  const tags = tagList(padding === 0 ? {} : { padding: "x".repeat(padding) });
  return struct(
    [1, i64(id)],
    [2, i64(0n)],
    [3, i64(id)],
    [4, i64(0n)],
    [5, text("op")],
    [7, i32(1)],
    [8, i64(1_700_000_000_000_000n)],
    [9, i64(250n)],
    [10, tags],
  );
}

function tagList(tags: Readonly<Record<string, string>>): ThriftValue {
  const rows = Object.entries(tags).map(([key, value]) =>
    struct([1, text(key)], [2, i32(0)], [3, text(value)]),
  );
  return list(STRUCT, rows);
}
