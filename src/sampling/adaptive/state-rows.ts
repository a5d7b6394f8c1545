// Rows of the sampling state as JSON, for the engines that keep it in files.
//
//   a result:   [service, operation, probability, traces a second]
//   throughput: [service, operation, count, ["0.001000", …]]
//
// Trust: whoever may write where the files are: every value is checked.
// Not here: the files (file-state.ts, shared-state.ts).

import { SpoorError } from "../../base/errors.ts";
import type { OperationResult, Throughput } from "./sampling-state.ts";

/** What JSON.stringify shall be given. */
export function resultRows(rows: readonly OperationResult[]): readonly unknown[] {
  return rows.map(({ service, operation, probability, tracesPerSecond }) => [
    service,
    operation,
    probability,
    tracesPerSecond,
  ]);
}

/** What JSON.stringify shall be given. */
export function throughputRows(rows: readonly Throughput[]): readonly unknown[] {
  return rows.map((row) => [row.service, row.operation, row.count, row.probabilities]);
}

/** The object of a file of version 1. @throws SpoorError `bad-input`, as all of these. */
export function parseContent(text: string): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw damaged("no JSON");
  }
  if (typeof content !== "object" || content === null) throw damaged("no object");
  const object = content as Readonly<Record<string, unknown>>;
  if (object["version"] !== 1) throw damaged("another version than 1");
  return object;
}

export function readResultRows(value: unknown): readonly OperationResult[] {
  return rowsOf(value, 4).map(([service, operation, probability, tracesPerSecond]) => ({
    service: textOf(service),
    operation: textOf(operation),
    probability: numberOf(probability, 1),
    tracesPerSecond: numberOf(tracesPerSecond, Infinity),
  }));
}

export function readThroughputRows(value: unknown): readonly Throughput[] {
  return rowsOf(value, 4).map(([service, operation, count, probabilities]) => {
    if (!Array.isArray(probabilities)) throw damaged("no list of probabilities");
    return {
      service: textOf(service),
      operation: textOf(operation),
      count: numberOf(count, Infinity),
      probabilities: probabilities.map(textOf),
    };
  });
}

/** A list of lists of `length` values. */
export function rowsOf(value: unknown, length: number): readonly (readonly unknown[])[] {
  const isRow = (row: unknown): boolean => Array.isArray(row) && row.length === length;
  if (!Array.isArray(value) || !value.every(isRow)) throw damaged(`no rows of ${length} values`);
  return value as readonly (readonly unknown[])[];
}

/** Within 0 and `max`. */
export function numberOf(value: unknown, max: number): number {
  if (typeof value !== "number" || !(value >= 0 && value <= max)) throw damaged("no such number");
  return value;
}

export function damaged(what: string): SpoorError {
  return new SpoorError("bad-input", `sampling state: ${what}`);
}

/** What the disk threw, as the state says it. */
export function unavailable(error: unknown): SpoorError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SpoorError("unavailable", `sampling state: ${reason}`, {}, error);
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw damaged("no text where a name belongs");
  return value;
}
