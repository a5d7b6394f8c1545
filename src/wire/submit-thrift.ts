// The calls by which agents submit spans, around the spans: where they are, and what is answered.
//
//   submitBatches, submitZipkinBatch    { 1: list<struct> }  ─▶  { 0: list<{ 1: bool ok }> }
//
// Both are bare structs in the binary protocol, as TChannel carries them; there is one answer for
// each batch, or each Zipkin span.
//
// Source: jaeger-idl, thrift/jaeger.thrift and zipkincore.thrift. Trust: thrift-reader.ts.
// Not here: the spans (jaeger-thrift.ts, zipkin-thrift.ts).

import { ThriftBinaryReader } from "./thrift-binary.ts";
import { ThriftBinaryWriter } from "./thrift-binary-writer.ts";
import {
  BINARY,
  BOOL,
  LIST,
  STOP,
  STRUCT,
  fieldKey,
  readListOf,
  refuseThrift,
  skipField,
} from "./thrift-reader.ts";

const ARGUMENT_LIST = fieldKey(1, LIST);
const ARGUMENT_TEXT = fieldKey(1, BINARY);
const RESULT_LIST = fieldKey(0, LIST);
const RESULT_OK = fieldKey(1, BOOL);

const decoder = new TextDecoder();

export interface ArgumentList {
  /** From the list on: what readers of a bare list read. What follows the list is no part of it. */
  readonly list: Uint8Array;
  /** Elements that the list says it has; at most one a byte. */
  readonly count: number;
}

/**
 * The list of structs that is the only argument. Cost: a few bytes are looked at.
 *
 * @throws SpoorError `bad-input`, also without such an argument.
 */
export function findArgumentList(payload: Uint8Array): ArgumentList {
  const thrift = new ThriftBinaryReader(payload, 0);
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === ARGUMENT_LIST) {
      const start = thrift.at;
      const count = readListOf(thrift, STRUCT);
      return { list: payload.subarray(start), count };
    }
    skipField(thrift, field);
  }
  return refuseThrift(payload, thrift.at, "arguments without a list");
}

/** The text that is the only argument. @throws SpoorError `bad-input`. */
export function readArgumentText(payload: Uint8Array): string {
  const thrift = new ThriftBinaryReader(payload, 0);
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field === ARGUMENT_TEXT) {
      thrift.readBinary();
      return decoder.decode(payload.subarray(thrift.start, thrift.end));
    }
    skipField(thrift, field);
  }
  return refuseThrift(payload, thrift.at, "arguments without a text");
}

/** The result `list<{ 1: bool ok }>`: `count` times yes. */
export function writeSubmitResult(count: number): Uint8Array {
  const thrift = new ThriftBinaryWriter();
  thrift.field(0, LIST);
  const mark = thrift.beginList(STRUCT);
  for (let i = 0; i < count; i++) {
    thrift.boolField(1, true);
    thrift.endStruct(0);
  }
  thrift.endList(mark, count);
  thrift.endStruct(0);
  return thrift.take();
}

/** True if a result says no to none. @throws SpoorError `bad-input`. */
export function readSubmitResult(answer: Uint8Array): boolean {
  const thrift = new ThriftBinaryReader(answer, 0);
  let isOk = true;
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    if (field !== RESULT_LIST) {
      skipField(thrift, field);
      continue;
    }
    for (let left = readListOf(thrift, STRUCT); left > 0; left--) {
      for (let own = thrift.nextField(); own !== STOP; own = thrift.nextField()) {
        if (own === RESULT_OK) isOk = thrift.readBool() && isOk;
        else skipField(thrift, own);
      }
    }
  }
  return isOk;
}

/** The result of a method that answers with `struct`, which is written already. */
export function writeStructResult(struct: Uint8Array): Uint8Array {
  const head = [STRUCT, 0, 0];
  const result = new Uint8Array(head.length + struct.length + 1);
  result.set(head);
  result.set(struct, head.length);
  return result; // ends with STOP, 0
}
