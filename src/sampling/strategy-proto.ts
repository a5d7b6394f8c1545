// A strategy as protobuf: api_v2.SamplingStrategyResponse, and the question for it.
//
//   SamplingStrategyParameters { 1 serviceName }
//   SamplingStrategyResponse   { 1 strategyType, 2 probabilisticSampling { 1 samplingRate },
//     3 rateLimitingSampling { 1 maxTracesPerSecond }, 4 operationSampling {
//       1 defaultSamplingProbability, 2 defaultLowerBoundTracesPerSecond,
//       3 perOperationStrategies { 1 operation, 2 probabilisticSampling }*,
//       4 defaultUpperBoundTracesPerSecond } }
//
// Zeros are left out, as proto3 has it. Source: jaeger-idl, proto/api_v2/sampling.proto.
// Trust: what is read comes from a peer; the reader checks lengths and depth, makeStrategy the numbers.

import { FIXED64, LENGTH, ProtobufReader, VARINT, fieldTag } from "../wire/protobuf-reader.ts";
import { ProtobufWriter } from "../wire/protobuf-writer.ts";
import {
  type OperationStrategies,
  type OperationStrategy,
  type Strategy,
  checkOperations,
  makeStrategy,
} from "./strategies.ts";

const TYPE = fieldTag(1, VARINT);
const PROBABILISTIC = fieldTag(2, LENGTH);
const RATE_LIMITING = fieldTag(3, LENGTH);
const OPERATIONS = fieldTag(4, LENGTH);
const RATE = fieldTag(1, FIXED64);
const TRACES = fieldTag(1, VARINT);
const LOWER_BOUND = fieldTag(2, FIXED64);
const PER_OPERATION = fieldTag(3, LENGTH);
const UPPER_BOUND = fieldTag(4, FIXED64);
const NAME = fieldTag(1, LENGTH);
const OPERATION_RATE = fieldTag(2, LENGTH);

const decoder = new TextDecoder();

/** SamplingStrategyParameters: the question of `service`. */
export function writeStrategyQuestion(service: string): Uint8Array {
  const writer = new ProtobufWriter();
  if (service !== "") writer.writeText(NAME, service);
  return writer.take();
}

/** @returns the service's name. @throws SpoorError `bad-input` */
export function readStrategyQuestion(payload: Uint8Array): string {
  const reader = new ProtobufReader();
  reader.begin(payload);
  let service = "";
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === NAME) service = readText(reader);
    else reader.skip(tag);
  }
  return service;
}

export function writeStrategyProto(strategy: Strategy): Uint8Array {
  const { samplingRate, maxTracesPerSecond, operations } = strategy;
  const writer = new ProtobufWriter();
  if (strategy.type === "rateLimiting") writeInteger(writer, TYPE, 1);
  if (samplingRate !== undefined) writeRate(writer, PROBABILISTIC, samplingRate);
  if (maxTracesPerSecond !== undefined) {
    const mark = writer.open(RATE_LIMITING);
    writeInteger(writer, TRACES, maxTracesPerSecond);
    writer.close(mark);
  }
  if (operations !== undefined) {
    const mark = writer.open(OPERATIONS);
    writeDouble(writer, RATE, operations.defaultSamplingProbability);
    writeDouble(writer, LOWER_BOUND, operations.defaultLowerBoundTracesPerSecond);
    for (const one of operations.perOperation) {
      const inner = writer.open(PER_OPERATION);
      if (one.operation !== "") writer.writeText(NAME, one.operation);
      writeRate(writer, OPERATION_RATE, one.samplingRate);
      writer.close(inner);
    }
    writeDouble(writer, UPPER_BOUND, operations.defaultUpperBoundTracesPerSecond);
    writer.close(mark);
  }
  return writer.take();
}

function writeRate(writer: ProtobufWriter, tag: number, rate: number): void {
  const mark = writer.open(tag);
  writeDouble(writer, RATE, rate);
  writer.close(mark);
}

function writeDouble(writer: ProtobufWriter, tag: number, value: number): void {
  if (value === 0) return;
  writer.writeVarint(tag);
  writer.writeDouble(value);
}

function writeInteger(writer: ProtobufWriter, tag: number, value: number): void {
  if (value === 0) return;
  writer.writeVarint(tag);
  writer.writeVarint(value);
}

/** @throws SpoorError `bad-input` if it is no strategy, or says nothing that holds. */
export function readStrategyProto(payload: Uint8Array): Strategy {
  const reader = new ProtobufReader();
  reader.begin(payload);
  let type = 0;
  let samplingRate: number | undefined;
  let maxTracesPerSecond: number | undefined;
  let operations: OperationStrategies | undefined;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === TYPE) type = reader.readUint32();
    else if (tag === PROBABILISTIC) samplingRate = readRate(reader);
    else if (tag === RATE_LIMITING) maxTracesPerSecond = readTraces(reader);
    else if (tag === OPERATIONS) operations = readOperations(reader);
    else reader.skip(tag);
  }
  return makeStrategy({ type, samplingRate, maxTracesPerSecond, operations });
}

function readOperations(reader: ProtobufReader): OperationStrategies {
  const outer = reader.enter();
  let defaultSamplingProbability = 0;
  let defaultLowerBoundTracesPerSecond = 0;
  let defaultUpperBoundTracesPerSecond = 0;
  const perOperation: OperationStrategy[] = [];
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === RATE) defaultSamplingProbability = reader.readDouble();
    else if (tag === LOWER_BOUND) defaultLowerBoundTracesPerSecond = reader.readDouble();
    else if (tag === UPPER_BOUND) defaultUpperBoundTracesPerSecond = reader.readDouble();
    else if (tag === PER_OPERATION) {
      checkOperations(perOperation.length + 1);
      perOperation.push(readOperation(reader));
    } else reader.skip(tag);
  }
  reader.leave(outer);
  return {
    defaultSamplingProbability,
    defaultLowerBoundTracesPerSecond,
    defaultUpperBoundTracesPerSecond,
    perOperation,
  };
}

function readOperation(reader: ProtobufReader): OperationStrategy {
  const outer = reader.enter();
  let operation = "";
  let samplingRate = 0;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === NAME) operation = readText(reader);
    else if (tag === OPERATION_RATE) samplingRate = readRate(reader);
    else reader.skip(tag);
  }
  reader.leave(outer);
  return { operation, samplingRate };
}

function readRate(reader: ProtobufReader): number {
  const outer = reader.enter();
  let rate = 0;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === RATE) rate = reader.readDouble();
    else reader.skip(tag);
  }
  reader.leave(outer);
  return rate;
}

function readTraces(reader: ProtobufReader): number {
  const outer = reader.enter();
  let traces = 0;
  for (let tag = reader.nextTag(); tag !== 0; tag = reader.nextTag()) {
    if (tag === TRACES) traces = reader.readUint32() | 0;
    else reader.skip(tag);
  }
  reader.leave(outer);
  return traces;
}

function readText(reader: ProtobufReader): string {
  const end = reader.readEnd();
  const text = decoder.decode(reader.bytes.subarray(reader.at, end));
  reader.at = end;
  return text;
}
