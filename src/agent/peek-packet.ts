// What a packet that will not be read held: its service and number of spans, without its spans.
//
//   emitBatch        process.serviceName, then the count in the head of the list of spans
//   emitZipkinBatch  the count in the head of the list; the service stands in each span
//
// Cost: about 2 µs, most of it stepping over the process' tags. A packet may lie: the count is what its
// list's head says, which is never more than its bytes allow.
// Trust: thrift-reader.ts; what cannot be read is no answer.
// Not here: reading (span-joiner.ts).

import { SpoorError } from "../base/errors.ts";
import { readThriftMessage } from "../wire/thrift-message.ts";
import {
  BINARY,
  LIST,
  STOP,
  STRUCT,
  type ThriftReader,
  fieldKey,
  skipField,
} from "../wire/thrift-reader.ts";

const STRUCT_1 = fieldKey(1, STRUCT);
const LIST_1 = fieldKey(1, LIST);
const LIST_2 = fieldKey(2, LIST);
const BINARY_1 = fieldKey(1, BINARY);

/** A span has a trace id, an id and a start, each a field of two bytes at least, and its end. */
const SPAN_BYTES_MIN = 7;

export interface Glimpse {
  /** "" if it is not known. */
  readonly service: string;
  readonly spans: number;
}

const decoder = new TextDecoder();

/** @returns undefined if the packet does not say. */
export function peekPacket(packet: Uint8Array): Glimpse | undefined {
  try {
    const { name, thrift } = readThriftMessage(packet);
    const glimpse = name === "emitZipkinBatch" ? peekZipkin(thrift) : peekJaeger(thrift);
    const spansMax = Math.floor((packet.length - thrift.at) / SPAN_BYTES_MIN);
    return glimpse === undefined || glimpse.spans > spansMax ? undefined : glimpse;
  } catch (error) {
    if (error instanceof SpoorError) return undefined;
    throw error;
  }
}

function peekJaeger(thrift: ThriftReader): Glimpse | undefined {
  thrift.beginStruct();
  if (thrift.nextField() !== STRUCT_1) return undefined;
  thrift.beginStruct();
  let service = "";
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === LIST_2) return { service, spans: thrift.readList() };
    if (field === STRUCT_1) service = peekService(thrift);
    else skipField(thrift, field);
  }
  return undefined;
}

function peekService(thrift: ThriftReader): string {
  let service = "";
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === BINARY_1) {
      thrift.readBinary();
      service = decoder.decode(thrift.bytes.subarray(thrift.start, thrift.end));
    } else skipField(thrift, field);
  }
  thrift.endStruct(outer);
  return service;
}

function peekZipkin(thrift: ThriftReader): Glimpse | undefined {
  thrift.beginStruct();
  return thrift.nextField() === LIST_1 ? { service: "", spans: thrift.readList() } : undefined;
}
