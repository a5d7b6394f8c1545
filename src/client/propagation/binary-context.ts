// A context as bytes, the layout of jaeger-client-go; npm jaeger-client has none.
//
//   trace id 16 · span id 8 · parent id 8 · flags 1 · items i32
//   item: key length i32, key, value length i32, value          numbers big-endian, texts UTF-8
//
// Carriers: `{ buffer }` as OpenTracing's BinaryCarrier, bytes, or an array of bytes. What stands
// behind the last item is not looked at: a stream may go on.
//
// Source: jaeger-client-go 2.30 propagation.go.
// Trust: a peer's bytes. Lengths are compared with what is left before anything is made of them.
// Not here: tracestate and debug id, for which the layout has no place.

import { type SpanContext, makeSpanContext } from "../span-context.ts";
import { type Baggage, BaggageItems, type BaggageMaxima, BaggageRoom } from "./baggage-items.ts";

const HEAD_BYTES = 37;
const PARENT = 24;
const FLAGS = 32;
const COUNT = 33;
const LENGTH_BYTES = 4;

/** @returns the context; null if there are no bytes, undefined for bytes that are none */
export function readBinary(
  carrier: unknown,
  maxima: BaggageMaxima,
): SpanContext | null | undefined {
  const bytes = findBytes(carrier, HEAD_BYTES + itemBytesMax(maxima));
  if (bytes === undefined || bytes.length === 0) return null;
  if (bytes.length < HEAD_BYTES) return undefined;
  const context = makeSpanContext();
  context.traceHighHigh = bytes.readInt32BE(0);
  context.traceHighLow = bytes.readInt32BE(4);
  context.traceLowHigh = bytes.readInt32BE(8);
  context.traceLowLow = bytes.readInt32BE(12);
  context.spanHigh = bytes.readInt32BE(16);
  context.spanLow = bytes.readInt32BE(20);
  context.parentHigh = bytes.readInt32BE(PARENT);
  context.parentLow = bytes.readInt32BE(PARENT + 4);
  context.flags = bytes.readUInt8(FLAGS);
  context.isRemote = true;
  if (!context.isValid) return undefined;

  const count = bytes.readInt32BE(COUNT);
  if (count < 0 || count > maxima.items) return undefined;
  const items = new BaggageItems(maxima);
  for (let index = 0, at = HEAD_BYTES; index < count; index++) {
    const key = readText(bytes, at);
    const value = key === undefined ? undefined : readText(bytes, key.end);
    if (key === undefined || value === undefined) return undefined;
    if (!items.add(key.text, value.text, value.end - at - 2 * LENGTH_BYTES)) return undefined;
    at = value.end;
  }
  context.baggage = items.record;
  return context;
}

function itemBytesMax(maxima: BaggageMaxima): number {
  return maxima.items * 2 * LENGTH_BYTES + maxima.chars;
}

function readText(bytes: Buffer, at: number): { text: string; end: number } | undefined {
  if (at + LENGTH_BYTES > bytes.length) return undefined;
  const length = bytes.readInt32BE(at);
  const from = at + LENGTH_BYTES;
  if (length < 0 || length > bytes.length - from) return undefined;
  const end = from + length;
  return { text: bytes.toString("utf8", from, end), end };
}

/** A view where there are bytes; of an array so many as a context can have. */
function findBytes(carrier: unknown, bytesMax: number): Buffer | undefined {
  if (carrier instanceof Uint8Array) return viewBytes(carrier);
  if (Array.isArray(carrier)) return Buffer.from(carrier.slice(0, bytesMax) as number[]);
  const held = (carrier as { buffer?: unknown } | null | undefined)?.buffer;
  if (held instanceof Uint8Array) return viewBytes(held);
  if (held instanceof ArrayBuffer) return Buffer.from(held);
  if (Array.isArray(held)) return Buffer.from(held.slice(0, bytesMax) as number[]);
  return undefined;
}

function viewBytes(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Items of baggage over the maxima are left out.
 *
 * @returns false if the carrier takes no bytes, or not so many
 */
export function writeBinary(
  context: SpanContext,
  carrier: unknown,
  maxima: BaggageMaxima,
  onLeftOut: () => void,
): boolean {
  const bytes = printBytes(context, maxima, onLeftOut);
  if (carrier instanceof Uint8Array) {
    if (carrier.length < bytes.length) return false;
    carrier.set(bytes);
  } else if (Array.isArray(carrier)) {
    carrier.splice(0, carrier.length, ...bytes);
  } else if (typeof carrier === "object" && carrier !== null) {
    (carrier as { buffer: unknown }).buffer = bytes;
  } else return false;
  return true;
}

function printBytes(context: SpanContext, maxima: BaggageMaxima, onLeftOut: () => void): Buffer {
  const { texts, complete } = listTexts(context.baggage, maxima);
  if (!complete) onLeftOut();
  let size = HEAD_BYTES;
  for (const text of texts) size += LENGTH_BYTES + text.length;
  const bytes = Buffer.alloc(size);
  bytes.writeInt32BE(context.traceHighHigh, 0);
  bytes.writeInt32BE(context.traceHighLow, 4);
  bytes.writeInt32BE(context.traceLowHigh, 8);
  bytes.writeInt32BE(context.traceLowLow, 12);
  bytes.writeInt32BE(context.spanHigh, 16);
  bytes.writeInt32BE(context.spanLow, 20);
  bytes.writeInt32BE(context.parentHigh, PARENT);
  bytes.writeInt32BE(context.parentLow, PARENT + 4);
  bytes.writeUInt8(context.flags, FLAGS);
  bytes.writeInt32BE(texts.length / 2, COUNT);
  let at = HEAD_BYTES;
  for (const text of texts) {
    at = bytes.writeInt32BE(text.length, at);
    text.copy(bytes, at);
    at += text.length;
  }
  return bytes;
}

/** Key, value, key, value …, as far as there is room. */
function listTexts(
  baggage: Baggage | undefined,
  maxima: BaggageMaxima,
): { texts: Buffer[]; complete: boolean } {
  const room = new BaggageRoom(maxima);
  const texts: Buffer[] = [];
  let complete = true;
  for (const key in baggage) {
    const keyBytes = Buffer.from(key);
    const valueBytes = Buffer.from(baggage[key] ?? "");
    if (key === "" || !room.take(keyBytes.length + valueBytes.length)) complete = false;
    else texts.push(keyBytes, valueBytes);
  }
  return { texts, complete };
}
