// A strategy as a bare struct in Thrift's binary protocol, as TChannel carries it.
//
//   SamplingStrategyResponse        1 strategyType i32 (0 probabilistic, 1 rate limiting)
//     2 ProbabilisticSamplingStrategy? { 1 samplingRate double }
//     3 RateLimitingSamplingStrategy?  { 1 maxTracesPerSecond i16 }
//     4 PerOperationSamplingStrategies? { 1 defaultSamplingProbability double
//         2 defaultLowerBoundTracesPerSecond double
//         3 list of { 1 operation string, 2 ProbabilisticSamplingStrategy }
//         4 defaultUpperBoundTracesPerSecond double? }
//
// Source: jaeger-idl, thrift/sampling.thrift. Trust: what is read comes from a peer; the reader checks
// lengths and depth, types are part of a field's key, makeStrategy checks the numbers.
// Not here: calls and their envelopes.

import { SpoorError } from "../base/errors.ts";
import { ThriftBinaryReader } from "../wire/thrift-binary.ts";
import {
  BINARY,
  DOUBLE,
  I16,
  I32,
  LIST,
  STOP,
  STRUCT,
  type ThriftReader,
  fieldKey,
  readListOf,
  skipField,
} from "../wire/thrift-reader.ts";
import {
  type OperationStrategies,
  type OperationStrategy,
  type Strategy,
  checkOperations,
  makeStrategy,
} from "./strategies.ts";

const I16_MAX = 32_767;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Limits above 32,767 traces a second are written as that: the field has no room for more. */
export function writeStrategyThrift(strategy: Strategy): Uint8Array {
  const { samplingRate, maxTracesPerSecond, operations } = strategy;
  const out = new ThriftPieces();
  out.field(I32, 1).i32(strategy.type === "rateLimiting" ? 1 : 0);
  if (samplingRate !== undefined) out.field(STRUCT, 2).rate(samplingRate);
  if (maxTracesPerSecond !== undefined) {
    const whole = Math.min(I16_MAX, Math.max(0, Math.trunc(maxTracesPerSecond)));
    out.field(STRUCT, 3).field(I16, 1).i16(whole).stop();
  }
  if (operations !== undefined) {
    const { perOperation } = operations;
    out.field(STRUCT, 4);
    out.field(DOUBLE, 1).double(operations.defaultSamplingProbability);
    out.field(DOUBLE, 2).double(operations.defaultLowerBoundTracesPerSecond);
    out.field(LIST, 3).byte(STRUCT).i32(perOperation.length);
    for (const one of perOperation) {
      out.field(BINARY, 1).text(one.operation).field(STRUCT, 2).rate(one.samplingRate).stop();
    }
    out.field(DOUBLE, 4).double(operations.defaultUpperBoundTracesPerSecond);
    out.stop();
  }
  return out.stop().take();
}

/** Just what the struct above needs. */
class ThriftPieces {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  field(type: number, id: number): this {
    return this.byte(type).i16(id);
  }

  byte(value: number): this {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
    return this;
  }

  stop(): this {
    return this.byte(STOP);
  }

  i16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setInt16(at, value);
    return this;
  }

  i32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setInt32(at, value);
    return this;
  }

  double(value: number): this {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value);
    return this;
  }

  text(value: string): this {
    const bytes = encoder.encode(value);
    this.i32(bytes.length);
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** A ProbabilisticSamplingStrategy. */
  rate(value: number): this {
    return this.field(DOUBLE, 1).double(value).stop();
  }

  take(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  #reserve(bytes: number): number {
    const at = this.#at;
    this.#at = at + bytes;
    if (this.#at > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#at);
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}

const TYPE = fieldKey(1, I32);
const PROBABILISTIC = fieldKey(2, STRUCT);
const RATE_LIMITING = fieldKey(3, STRUCT);
const OPERATIONS = fieldKey(4, STRUCT);
const RATE = fieldKey(1, DOUBLE);
const TRACES = fieldKey(1, I16);
const DEFAULT_RATE = fieldKey(1, DOUBLE);
const LOWER_BOUND = fieldKey(2, DOUBLE);
const PER_OPERATION = fieldKey(3, LIST);
const UPPER_BOUND = fieldKey(4, DOUBLE);
const OPERATION = fieldKey(1, BINARY);
const OPERATION_RATE = fieldKey(2, STRUCT);

/** Reads a bare struct. @throws SpoorError `bad-input` if it is none, or says nothing that holds. */
export function readStrategyThrift(payload: Uint8Array): Strategy {
  const thrift = new ThriftBinaryReader(payload, 0);
  let type = 0;
  let samplingRate: number | undefined;
  let maxTracesPerSecond: number | undefined;
  let operations: OperationStrategies | undefined;
  readFields(thrift, (field) => {
    if (field === TYPE) type = thrift.readI32();
    else if (field === PROBABILISTIC) samplingRate = readRate(thrift);
    else if (field === RATE_LIMITING) maxTracesPerSecond = readTraces(thrift);
    else if (field === OPERATIONS) operations = readOperations(thrift);
    else skipField(thrift, field);
  });
  if (thrift.at !== payload.length) {
    throw new SpoorError("bad-input", "thrift: bytes behind the strategy", { offset: thrift.at });
  }
  return makeStrategy({ type, samplingRate, maxTracesPerSecond, operations });
}

function readOperations(thrift: ThriftReader): OperationStrategies {
  let defaultSamplingProbability = 0;
  let defaultLowerBoundTracesPerSecond = 0;
  let defaultUpperBoundTracesPerSecond = 0;
  const perOperation: OperationStrategy[] = [];
  readFields(thrift, (field) => {
    if (field === DEFAULT_RATE) defaultSamplingProbability = thrift.readDouble();
    else if (field === LOWER_BOUND) defaultLowerBoundTracesPerSecond = thrift.readDouble();
    else if (field === UPPER_BOUND) defaultUpperBoundTracesPerSecond = thrift.readDouble();
    else if (field === PER_OPERATION) {
      const count = readListOf(thrift, STRUCT);
      checkOperations(perOperation.length + count);
      for (let i = 0; i < count; i++) perOperation.push(readOperation(thrift));
    } else skipField(thrift, field);
  });
  return {
    defaultSamplingProbability,
    defaultLowerBoundTracesPerSecond,
    defaultUpperBoundTracesPerSecond,
    perOperation,
  };
}

function readOperation(thrift: ThriftReader): OperationStrategy {
  let operation = "";
  let samplingRate = 0;
  readFields(thrift, (field) => {
    if (field === OPERATION) {
      thrift.readBinary();
      operation = decoder.decode(thrift.bytes.subarray(thrift.start, thrift.end));
    } else if (field === OPERATION_RATE) samplingRate = readRate(thrift);
    else skipField(thrift, field);
  });
  return { operation, samplingRate };
}

function readRate(thrift: ThriftReader): number {
  let rate = 0;
  readFields(thrift, (field) => {
    if (field === RATE) rate = thrift.readDouble();
    else skipField(thrift, field);
  });
  return rate;
}

function readTraces(thrift: ThriftReader): number {
  let traces = 0;
  readFields(thrift, (field) => {
    if (field === TRACES) traces = thrift.readI16();
    else skipField(thrift, field);
  });
  return traces;
}

/** Every field of a struct. */
function readFields(thrift: ThriftReader, take: (field: number) => void): void {
  const outer = thrift.beginStruct();
  for (let field = thrift.nextField(); field !== STOP; field = thrift.nextField()) take(field);
  thrift.endStruct(outer);
}
