// What a store must answer, worked out span by span with no index: slow and obvious.

import {
  ARRAY,
  type AttributeTable,
  BOOL,
  BYTES,
  DOUBLE,
  INT,
  STRING,
} from "../../src/model/attribute-table.ts";
import type { SpanBatch } from "../../src/model/span-batch.ts";
import type { AttributeCondition, Dependency, TraceQuery } from "../../src/model/trace-query.ts";

const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];

/** Hex ids of the traces that `query` must find, in order. */
export function findByForce(batches: readonly SpanBatch[], query: TraceQuery): string[] {
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
    .map(([id]) => id);
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
    query.attributes.every((condition) => tagsOf(batch, row).some((tag) => isTag(tag, condition)))
  );
}

function isTag([key, value]: readonly [string, string], condition: AttributeCondition): boolean {
  return key === condition.key && value === condition.value;
}

/** Every attribute of a span as texts, of every level, and what Jaeger shows as tags. */
function tagsOf(batch: SpanBatch, row: number): (readonly [string, string])[] {
  const text = (entry: number): string => batch.dictionary.text(entry);
  const tags: (readonly [string, string])[] = [];
  const add = (table: AttributeTable, start: number, end: number): void => {
    for (let at = start; at < end; at++) tags.push([text(table.key[at]!), print(batch, table, at)]);
  };
  add(batch.spanAttributes, batch.attributeStart[row]!, batch.attributeStart[row + 1]!);
  for (let event = batch.eventStart[row]!; event < batch.eventStart[row + 1]!; event++) {
    const start = batch.eventAttributeStart[event]!;
    add(batch.eventAttributes, start, batch.eventAttributeStart[event + 1]!);
    if (batch.eventName[event] !== 0) tags.push(["event", text(batch.eventName[event]!)]);
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
  tags.push(
    ["error", status === "ERROR" ? "true" : ""],
    ["span.kind", KINDS[batch.kind[row]!]!],
    ["otel.status_code", status],
    ["otel.status_description", text(batch.statusMessage[row]!)],
    ["w3c.tracestate", text(batch.traceState[row]!)],
    ["otel.scope.name", text(batch.scopeName[scope]!)],
    ["otel.scope.version", text(batch.scopeVersion[scope]!)],
  );
  return tags;
}

function print(batch: SpanBatch, table: AttributeTable, at: number): string {
  const word = table.words[2 * at]!;
  switch (table.type[at]) {
    case STRING:
      return batch.dictionary.text(word);
    case BOOL:
      return word === 1 ? "true" : "false";
    case INT:
      return String(table.bigs[at]);
    case DOUBLE:
      return String(table.doubles[at]);
    case BYTES:
      return Buffer.from(batch.dictionary.bytes(word)).toString("base64");
    case ARRAY:
      return '["a"]'; // The only array of the corpus.
    default:
      return "";
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
