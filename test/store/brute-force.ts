// What a store must answer, worked out span by span with no index: slow and obvious.

import {
  ARRAY,
  type AttributeTable,
  BOOL,
  BYTES,
  DOUBLE,
  INT,
  MAP,
  STRING,
} from "../../src/model/attribute-table.ts";
import type { SpanBatch } from "../../src/model/span-batch.ts";
import type { AttributeCondition, Dependency, TraceQuery } from "../../src/model/trace-query.ts";
import { NESTED_VALUES } from "./corpus.ts";

const KINDS = ["", "internal", "server", "client", "producer", "consumer"];

/** A trace that a search must find, and the start of its newest matching span. */
export interface FoundTrace {
  /** Hex. */
  readonly id: string;
  readonly startUs: number;
}

/** The traces that `query` must find, in order; its cursor is not looked at. */
export function searchByForce(batches: readonly SpanBatch[], query: TraceQuery): FoundTrace[] {
  const newest = new Map<string, number>();
  for (const batch of batches) {
    for (let row = 0; row < batch.rows; row++) {
      if (!meets(batch, row, query)) continue;
      const id = traceIdText(batch, row);
      newest.set(id, Math.max(newest.get(id) ?? -Infinity, batch.startUs[row]!));
    }
  }
  return [...newest]
    .sort((one, two) => two[1] - one[1] || (one[0] < two[0] ? -1 : 1))
    .slice(0, query.limit)
    .map(([id, startUs]) => ({ id, startUs }));
}

/** Hex ids of the traces that `query` must find, in order. */
export function findByForce(batches: readonly SpanBatch[], query: TraceQuery): string[] {
  return searchByForce(batches, query).map(({ id }) => id);
}

export function traceIdText(batch: SpanBatch, row: number): string {
  return Buffer.from(batch.traceId.subarray(16 * row, 16 * row + 16)).toString("hex");
}

function spanIdText(ids: Uint8Array, row: number): string {
  return Buffer.from(ids.subarray(8 * row, 8 * row + 8)).toString("hex");
}

export function serviceText(batch: SpanBatch, row: number): string {
  return batch.dictionary.text(batch.serviceOf(batch.resource[row]!));
}

function meets(batch: SpanBatch, row: number, query: TraceQuery): boolean {
  const startUs = batch.startUs[row]!;
  const durationNs = batch.durationNs[row]!;
  return (
    startUs >= query.startUsMin &&
    startUs <= query.startUsMax &&
    (query.service === undefined || serviceText(batch, row) === query.service) &&
    (query.operation === undefined ||
      batch.dictionary.text(batch.name[row]!) === query.operation) &&
    (query.kind === undefined || batch.kind[row] === query.kind) &&
    (query.durationNsMin === undefined || durationNs >= query.durationNsMin) &&
    (query.durationNsMax === undefined || durationNs <= query.durationNsMax) &&
    query.attributes.every((condition) => meetsCondition(batch, row, condition))
  );
}

function meetsCondition(batch: SpanBatch, row: number, condition: AttributeCondition): boolean {
  const own = valuesOf(batch, row, condition);
  if (condition.operator === "absent") return own.length === 0;
  return own.some((value) => isMet(value, condition));
}

/** A value as text; numbers are there for INT (bigint), for DOUBLE, and for texts that read as one. */
export interface Value {
  readonly text: string;
  readonly number?: bigint | number | undefined;
  readonly isText?: boolean;
}

function isMet(value: Value, { operator = "=", value: operand, key }: AttributeCondition): boolean {
  switch (operator) {
    case "=":
      return isEqual(value, operandOf(key, value, operand));
    case "!=":
      return !isEqual(value, operandOf(key, value, operand));
    case "~":
      return new RegExp(`^(?:${operand})$`, "u").test(value.text);
    case "!~":
      return !new RegExp(`^(?:${operand})$`, "u").test(value.text);
    case "exists":
      return true;
    case "absent":
      throw new Error("not a question to one value");
    default: {
      const read = operandOf(key, value, operand);
      const number = readNumber(read);
      let order: number;
      if (number === undefined) order = orderTexts(value.text, read);
      else if (value.number === undefined) return false;
      else order = orderNumbers(value.number, number, read);
      if (operator === "<") return order < 0;
      if (operator === "<=") return order <= 0;
      return operator === ">" ? order > 0 : order >= 0;
    }
  }
}

function isEqual(value: Value, operand: string): boolean {
  if (value.text === operand) return true;
  const number = readNumber(operand);
  if (value.isText === true || number === undefined || value.number === undefined) return false;
  if (Number.isNaN(value.number) && Number.isNaN(number)) return true;
  return orderNumbers(value.number, number, operand) === 0;
}

/** The column `duration` has the text of a number and no type; its operand may have a unit. */
function operandOf(key: string, value: Value, operand: string): string {
  if (key !== "duration" || value.isText !== undefined) return operand;
  const found = /^(\d+)(us|ms|s)$/.exec(operand);
  if (found === null) return operand;
  return String(
    Number(found[1]) * { us: 1, ms: 1_000, s: 1_000_000 }[found[2] as "us" | "ms" | "s"],
  );
}

/** A whole number of 64 bits, any other number, or undefined. */
function readNumber(text: string): bigint | number | undefined {
  if (text === "NaN") return NaN;
  if (["Inf", "+Inf", "-Inf"].includes(text)) return text.startsWith("-") ? -Infinity : Infinity;
  const number = Number(text);
  const isOdd = text === "" || text.length > 64 || /[\sxXoObB]/.test(text);
  if (isOdd || Number.isNaN(number)) return undefined;
  if (!/^[-+]?\d+$/.test(text)) return number;
  const whole = text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text.replace("+", ""));
  return whole === BigInt.asIntN(64, whole) ? whole : number;
}

/** Doubles are compared with the operand as a double, whole numbers with the whole one. */
function orderNumbers(value: bigint | number, operand: bigint | number, text: string): number {
  if (typeof value === "number") return subtract(value, Number(text.replace(/Inf$/, "Infinity")));
  if (typeof operand === "bigint") return value < operand ? -1 : value > operand ? 1 : 0;
  if (!Number.isFinite(operand)) return subtract(0, operand);
  const floor = BigInt(Math.floor(operand));
  if (value === floor) return Number.isInteger(operand) ? 0 : -1;
  return value < floor ? -1 : 1;
}

function subtract(one: number, two: number): number {
  return one === two ? 0 : one - two;
}

function orderTexts(one: string, two: string): number {
  const left = Array.from(one, (char) => char.codePointAt(0)!);
  const right = Array.from(two, (char) => char.codePointAt(0)!);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] !== right[i]) return left[i]! - right[i]!;
  }
  return left.length - right.length;
}

/** Every value that a span has for the key, of every level, and what Jaeger shows as tags. */
export function valuesOf(batch: SpanBatch, row: number, condition: AttributeCondition): Value[] {
  const text = (entry: number): string => batch.dictionary.text(entry);
  const values: Value[] = [];
  const add = (table: AttributeTable, start: number, end: number): void => {
    for (let at = start; at < end; at++) {
      if (text(table.key[at]!) === condition.key) values.push(valueOf(batch, table, at));
    }
  };
  const addColumn = (keys: readonly string[], shown: string): void => {
    if (keys.includes(condition.key) && shown !== "") values.push(textValue(shown));
  };
  add(batch.spanAttributes, batch.attributeStart[row]!, batch.attributeStart[row + 1]!);
  for (let event = batch.eventStart[row]!; event < batch.eventStart[row + 1]!; event++) {
    const start = batch.eventAttributeStart[event]!;
    add(batch.eventAttributes, start, batch.eventAttributeStart[event + 1]!);
    addColumn(["event"], text(batch.eventName[event]!));
  }
  for (let link = batch.linkStart[row]!; link < batch.linkStart[row + 1]!; link++) {
    add(batch.linkAttributes, batch.linkAttributeStart[link]!, batch.linkAttributeStart[link + 1]!);
  }
  const resource = batch.resource[row]!;
  const end = batch.resourceAttributeEnd[resource]!;
  add(batch.resourceAttributes, batch.resourceAttributeStart[resource]!, end);
  const scope = batch.scope[row]!;
  add(batch.scopeAttributes, batch.scopeAttributeStart[scope]!, batch.scopeAttributeEnd[scope]!);
  const status = ["", "OK", "ERROR"][batch.statusCode[row]!]!;
  if (condition.key === "error" && status === "ERROR") values.push({ text: "true" });
  addColumn(["span.kind"], KINDS[batch.kind[row]!]!);
  addColumn(["otel.status_code"], status);
  addColumn(["otel.status_description"], text(batch.statusMessage[row]!));
  addColumn(["w3c.tracestate"], text(batch.traceState[row]!));
  addColumn(["otel.scope.name", "otel.library.name"], text(batch.scopeName[scope]!));
  addColumn(["otel.scope.version", "otel.library.version"], text(batch.scopeVersion[scope]!));
  if (condition.operator === undefined) return values;
  if (condition.key === "span.name") values.push(textValue(text(batch.name[row]!)));
  if (condition.key === "duration") {
    const us = batch.durationNs[row]! / 1_000;
    values.push({ text: String(us), number: us });
  }
  return values;
}

function textValue(text: string): Value {
  return { text, number: readNumber(text), isText: true };
}

function valueOf(batch: SpanBatch, table: AttributeTable, at: number): Value {
  const word = table.words[2 * at]!;
  const isText = false;
  switch (table.type[at]) {
    case STRING:
      return textValue(batch.dictionary.text(word));
    case BOOL:
      return { text: word === 1 ? "true" : "false", isText };
    case INT:
      return { text: String(table.bigs[at]), number: table.bigs[at]!, isText };
    case DOUBLE: {
      const number = table.doubles[at]!;
      return { text: Object.is(number, -0) ? "-0" : String(number), number, isText };
    }
    case BYTES:
      return { text: Buffer.from(batch.dictionary.bytes(word)).toString("base64"), isText };
    case ARRAY:
    case MAP: {
      const hex = Buffer.from(batch.dictionary.bytes(word)).toString("hex");
      const known = NESTED_VALUES.find(
        ({ type, hex: own }) => type === table.type[at] && own === hex,
      );
      if (known === undefined) throw new Error("a list or map that the corpus does not have");
      return { text: known.text, isText };
    }
    default:
      return { text: "", isText };
  }
}

/** Calls between services, as `dependencies` must count them. */
export function dependenciesByForce(batches: readonly SpanBatch[]): Dependency[] {
  const services = new Map<string, string>();
  const each = (visit: (batch: SpanBatch, row: number) => void): void => {
    for (const batch of batches) for (let row = 0; row < batch.rows; row++) visit(batch, row);
  };
  each((batch, row) => {
    const id = traceIdText(batch, row) + spanIdText(batch.spanId, row);
    services.set(id, serviceText(batch, row));
  });
  const counts = new Map<string, number>();
  each((batch, row) => {
    const parent = services.get(traceIdText(batch, row) + spanIdText(batch.parentSpanId, row));
    const child = serviceText(batch, row);
    if (parent === undefined || parent === child) return;
    const key = JSON.stringify([parent, child]);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  });
  return [...counts]
    .map(([key, callCount]) => {
      const [parent, child] = JSON.parse(key) as [string, string];
      return { parent, child, callCount };
    })
    .sort((one, two) => order(one.parent, two.parent) || order(one.child, two.child));
}

function order(one: string, two: string): number {
  return one < two ? -1 : one > two ? 1 : 0;
}
