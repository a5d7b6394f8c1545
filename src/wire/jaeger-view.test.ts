// What the view shows of a batch, tag by tag.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BOOL, INT, STRING } from "../model/attribute-table.ts";
import { KIND_CONSUMER, ORIGIN_JAEGER_PROTO, STATUS_OK, SpanBatch } from "../model/span-batch.ts";
import { COLUMN_KEYS, CONSTANT_TAGS, JaegerView, isZero } from "./jaeger-view.ts";

/** What a view shows, one line a tag. */
function record(batch: SpanBatch, visit: (view: JaegerView, lines: string[]) => void): string[] {
  const lines: string[] = [];
  visit(new JaegerView(batch), lines);
  return lines;
}

function visitor(batch: SpanBatch, lines: string[]) {
  const { dictionary } = batch;
  return {
    attribute: (table: typeof batch.spanAttributes, at: number) =>
      lines.push(`${dictionary.text(table.key[at]!)} type ${table.type[at]!}`),
    column: (column: number, value: number) =>
      lines.push(`${COLUMN_KEYS[column]!} = ${dictionary.text(value)}`),
    constant: ({ key, value }: { key: string; value: string | true }) =>
      lines.push(`${key} is ${value}`),
  };
}

test("CONSTANT_TAGS are counted by their index", () => {
  assert.deepEqual(
    CONSTANT_TAGS.map(({ index }) => index),
    [...CONSTANT_TAGS.keys()],
  );
});

test("visitTags() shows columns and attributes in Jaeger's order", () => {
  const batch = new SpanBatch();
  const text = (value: string): number => batch.dictionary.internText(value);
  const scope = batch.openScope();
  batch.scopeVersion[scope] = text("2");
  const row = batch.openRow(batch.openResource(), scope);
  batch.kind[row] = KIND_CONSUMER;
  batch.statusCode[row] = STATUS_OK;
  batch.statusMessage[row] = text("fine");
  batch.traceState[row] = text("a=b");
  batch.origin[row] = ORIGIN_JAEGER_PROTO;
  batch.spanAttributes.add(text("b"), STRING, text("x"));
  batch.spanAttributes.add(text("@jaeger@warnings"), STRING, text("w"));
  batch.spanAttributes.add(text("a"), BOOL, 1);
  batch.closeRow();
  const lines = record(batch, (view, out) => view.visitTags(row, visitor(batch, out)));
  assert.deepEqual(lines, [
    "otel.scope.version = 2",
    `b type ${STRING}`,
    `a type ${BOOL}`,
    "span.kind is consumer",
    "otel.status_code is OK",
    "otel.status_description = fine",
    "w3c.tracestate = a=b",
    "@jaeger@format is proto",
  ]);
  assert.deepEqual(new JaegerView(batch).warnings(row), ["w"]);
});

test("serviceName() is the first string of that name, and visitProcessTags() shows all others", () => {
  const batch = new SpanBatch();
  const text = (value: string): number => batch.dictionary.internText(value);
  const table = batch.resourceAttributes;
  const named = batch.openResource();
  table.add(text("service.name"), INT, 1);
  table.add(text("service.name"), STRING, text("shop"));
  table.add(text("service.name"), STRING, text("other"));
  batch.closeResource(named);
  const nameless = batch.openResource();
  table.add(text("x"), BOOL, 1);
  batch.closeResource(nameless);
  const empty = batch.openResource();
  const view = new JaegerView(batch);
  assert.deepEqual(
    [named, nameless, empty].map((resource) => view.serviceName(resource)),
    [text("shop"), 0, -1],
  );
  const lines = record(batch, (one, out) => one.visitProcessTags(named, visitor(batch, out)));
  assert.deepEqual(lines, [`service.name type ${INT}`, `service.name type ${STRING}`]);
});

test("isZero() looks at the given bytes only", () => {
  const bytes = Uint8Array.of(1, 0, 0, 1);
  assert.deepEqual(
    [isZero(bytes, 1, 2), isZero(bytes, 0, 2), isZero(bytes, 1, 3)],
    [true, false, false],
  );
});
