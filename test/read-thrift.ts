// Reads any Thrift value into the tree that test/thrift-writer.ts writes: what was read is written again
// byte for byte, or with a change in it.
//
// Not here: what the fields mean.

import assert from "node:assert/strict";
import {
  BINARY,
  BOOL,
  BYTE,
  DOUBLE,
  I16,
  I32,
  I64,
  LIST,
  STOP,
  STRUCT,
  type ThriftReader,
} from "../src/wire/thrift-reader.ts";
import type { ThriftField, ThriftValue } from "./thrift-writer.ts";

/** The struct before which `thrift` stands. */
export function readStruct(thrift: ThriftReader): ThriftValue {
  const fields: ThriftField[] = [];
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) {
    fields.push([field >> 8, readValue(thrift, field & 0xff)]);
  }
  thrift.endStruct(outer);
  return { type: STRUCT, fields };
}

function readValue(thrift: ThriftReader, type: number): ThriftValue {
  switch (type) {
    case BOOL:
      return { type, value: thrift.readBool() };
    case BYTE:
      return { type, value: thrift.readByte() };
    case I16:
      return { type, value: thrift.readI16() };
    case I32:
      return { type, value: thrift.readI32() };
    case I64: {
      thrift.readI64();
      return { type, value: (BigInt(thrift.high) << 32n) | BigInt(thrift.low >>> 0) };
    }
    case DOUBLE:
      return { type, value: thrift.readDouble() };
    case BINARY:
      thrift.readBinary();
      return { type, value: thrift.bytes.slice(thrift.start, thrift.end) };
    case STRUCT:
      return readStruct(thrift);
    case LIST: {
      const count = thrift.readList();
      const { elementType } = thrift;
      const values = Array.from({ length: count }, () => readValue(thrift, elementType));
      return { type, elementType, values };
    }
    default:
      throw new assert.AssertionError({ message: `type ${type} is not in jaeger.thrift` });
  }
}
