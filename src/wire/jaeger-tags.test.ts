// Tags, fields and references of Jaeger as rows of a table: what goes in, what is printed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BOOL, STRING } from "../model/attribute-table.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { JaegerTags } from "./jaeger-tags.ts";

type Value = string | number | boolean;
type Tags = readonly (readonly [key: string, value: Value])[];

/** `isFollowsFrom`, trace id, span id. */
type Reference = readonly [isFollowsFrom: boolean, trace: number, span: number];

const TRACE = 7;

function addTags(batch: SpanBatch, tags: Tags, table = batch.spanAttributes): void {
  for (const [key, value] of tags) {
    const entry = batch.dictionary.internText(key);
    if (typeof value === "string") table.add(entry, STRING, batch.dictionary.internText(value));
    else if (typeof value === "number") table.addSafeInt(entry, value);
    else table.add(entry, BOOL, value ? 1 : 0);
  }
}

function makeRow(tags: JaegerTags, add: () => void, parent = 0): void {
  const { batch } = tags;
  const row = batch.openRow(0, tags.noScope);
  batch.traceId[16 * row + 15] = TRACE;
  batch.spanId[8 * row + 7] = 1;
  batch.parentSpanId[8 * row + 7] = parent;
  add();
  tags.settleSpan(row);
  batch.closeRow();
}

/** The printed row without ids and times. */
function printTags(...rows: readonly Tags[]): string {
  const batch = new SpanBatch();
  batch.openResource();
  const tags = new JaegerTags(batch);
  for (const row of rows) makeRow(tags, () => addTags(batch, row));
  return printSpans(batch)
    .replace(/^resource 0\n(scope 0\n)?/, "")
    .replaceAll(/span 0{31}7:0{15}1 "" start=0us duration=0ns ?/g, "span ")
    .replaceAll(/\n */g, "; ");
}

const spans: readonly (readonly [what: string, tags: Tags, printed: string])[] = [
  ["a span without tags", [], "span "],
  ["a kind", [["span.kind", "server"]], "span kind=server"],
  ["every kind", [["span.kind", "internal"]], "span kind=internal"],
  ["a kind nobody knows", [["span.kind", "broker"]], 'span ; span.kind="broker"'],
  ["a kind in capitals", [["span.kind", "SERVER"]], 'span ; span.kind="SERVER"'],
  ["a kind that is no text", [["span.kind", 2]], "span ; span.kind=2"],
  [
    "two kinds",
    [
      ["span.kind", "client"],
      ["span.kind", "server"],
    ],
    'span kind=server; span.kind="client"',
  ],
  ["the word server elsewhere", [["server", "span.kind"]], 'span ; server="span.kind"'],
  ["error = true", [["error", true]], "span status=error"],
  ["error = false", [["error", false]], "span ; error=false"],
  ["error as text", [["error", "true"]], 'span ; error="true"'],
  [
    "error as truth and as text",
    [
      ["error", true],
      ["error", "boom"],
    ],
    'span status=error; error="boom"',
  ],
  [
    "error with a description",
    [
      ["a", "b"],
      ["error", true],
      ["otel.status_description", "boom"],
      ["c", "d"],
    ],
    'span status=error statusMessage="boom"; a="b"; c="d"',
  ],
  [
    "error with the HTTP message",
    [
      ["error", true],
      ["http.status_message", "Teapot"],
    ],
    'span status=error statusMessage="Teapot"; http.status_message="Teapot"',
  ],
  [
    "error against otel.status_code",
    [
      ["otel.status_code", "OK"],
      ["error", true],
    ],
    "span status=error",
  ],
  ["otel.status_code OK", [["otel.status_code", "OK"]], "span status=ok"],
  [
    "otel.status_code in small letters, with a description",
    [
      ["otel.status_description", "boom"],
      ["otel.status_code", "error"],
    ],
    'span status=error statusMessage="boom"',
  ],
  ["otel.status_code UNSET", [["otel.status_code", "Unset"]], "span "],
  ["another otel.status_code", [["otel.status_code", "2"]], 'span ; otel.status_code="2"'],
  ["a lone description", [["otel.status_description", "x"]], 'span ; otel.status_description="x"'],
  ["HTTP 200", [["http.status_code", 200]], "span ; http.status_code=200"],
  ["HTTP 404", [["http.status_code", 404]], "span status=error; http.status_code=404"],
  [
    "HTTP 404 of a server",
    [
      ["http.status_code", 404],
      ["span.kind", "server"],
    ],
    "span kind=server; http.status_code=404",
  ],
  [
    "HTTP 404 of a client",
    [
      ["http.status_code", 404],
      ["span.kind", "client"],
    ],
    "span kind=client status=error; http.status_code=404",
  ],
  [
    "HTTP 503 as text, with its message",
    [
      ["http.status_code", "503"],
      ["http.status_message", "busy"],
    ],
    'span status=error statusMessage="busy"; http.status_code="503"; http.status_message="busy"',
  ],
  [
    "HTTP 500 by its new name",
    [["http.response.status_code", 500]],
    "span status=error; http.response.status_code=500",
  ],
  ["HTTP status that is none", [["http.status_code", "n/a"]], 'span ; http.status_code="n/a"'],
  [
    "HTTP 500 that is OK",
    [
      ["http.status_code", 500],
      ["otel.status_code", "OK"],
    ],
    "span status=ok; http.status_code=500",
  ],
  ["a trace state", [["w3c.tracestate", "a=b"]], 'span traceState="a=b"'],
  ["an empty trace state", [["w3c.tracestate", ""]], 'span ; w3c.tracestate=""'],
  ["a span that Jaeger has shown", [["@jaeger@format", "proto"]], "span origin=jaeger-proto"],
  ["one in an old format", [["@jaeger@format", "jaeger"]], "span origin=jaeger-thrift"],
  ["one in another format", [["@jaeger@format", "otlp"]], 'span ; @jaeger@format="otlp"'],
  ["a version without a scope", [["otel.scope.version", "1"]], 'span ; otel.scope.version="1"'],
];

for (const [what, tags, printed] of spans) {
  test(`settleSpan() reads ${what}`, () => {
    assert.equal(printTags(tags), printed);
  });
}

test("settleSpan() makes one scope of each name and version, under old and new keys", () => {
  const printed = printTags(
    [
      ["otel.scope.name", "http"],
      ["otel.scope.version", "1"],
    ],
    [
      ["otel.library.name", "http"],
      ["otel.library.version", "1"],
    ],
    [
      ["otel.library.name", "http"],
      ["otel.scope.name", "http"],
      ["otel.scope.version", "1"],
      ["otel.library.version", "1"],
      ["x", 1],
    ],
    [["otel.scope.name", "http"]],
    [
      ["otel.scope.name", "http"],
      ["otel.library.name", "other"],
    ],
    [],
  );
  assert.equal(
    printed,
    'scope 0 name="http" version="1"; span ; span ; span ; x=1; ' +
      'scope 1 name="http"; span scope=1; span ; otel.library.name="other"; scope 2; span scope=2',
  );
});

const references: readonly (readonly [
  what: string,
  parent: number,
  references: readonly Reference[],
  printed: string,
])[] = [
  ["none", 0, [], ""],
  ["the parent", 0, [[false, TRACE, 2]], "< 2"],
  ["the parent, named by the format too", 2, [[false, TRACE, 2]], "< 2"],
  [
    "the parent twice",
    0,
    [
      [false, TRACE, 2],
      [false, TRACE, 2],
    ],
    "< 2",
  ],
  [
    "two parents",
    0,
    [
      [false, TRACE, 2],
      [false, TRACE, 3],
    ],
    "< 2; 7:3 child_of",
  ],
  ["another parent than the format's", 9, [[false, TRACE, 2]], "< 9; 7:2 child_of"],
  ["a cause", 0, [[true, TRACE, 2]], "< 2; 7:2 follows_from"],
  [
    "a cause before the parent",
    0,
    [
      [true, TRACE, 2],
      [false, TRACE, 3],
    ],
    "< 3; 7:2 follows_from",
  ],
  ["a cause that is the parent", 2, [[true, TRACE, 2]], "< 2; 7:2 follows_from"],
  ["a span elsewhere", 0, [[false, 8, 2]], "8:2 child_of"],
  [
    "an equal span id elsewhere",
    0,
    [
      [false, 8, 2],
      [false, TRACE, 2],
    ],
    "< 2; 8:2 child_of",
  ],
  [
    "links after the parent",
    0,
    [
      [false, TRACE, 2],
      [true, 8, 3],
      [true, 9, 4],
    ],
    "< 2; 8:3 follows_from; 9:4 follows_from",
  ],
];

for (const [what, parent, refs, printed] of references) {
  test(`settleSpan() reads references: ${what}`, () => {
    const batch = new SpanBatch();
    batch.openResource();
    const tags = new JaegerTags(batch);
    const add = (): void => {
      for (const [isFollowsFrom, trace, span] of refs) {
        const link = batch.openLink();
        batch.linkTraceId[16 * link + 15] = trace;
        batch.linkSpanId[8 * link + 7] = span;
        tags.closeReference(batch.rows, isFollowsFrom);
      }
    };
    makeRow(tags, add, parent);
    makeRow(tags, add, parent); // the second row must not see the first one's
    const short = printSpans(batch)
      .split("\n")
      .slice(2)
      .join("\n")
      .replaceAll(/0{15,31}(?=[0-9])/g, "")
      .replaceAll(/span 7:1 (< \d)? ?"" start=0us duration=0ns/g, "span $1")
      .replaceAll(/\n {2}link /g, "; ")
      .replaceAll(/\n {4}opentracing.ref_type="([a-z_]+)"/g, " $1")
      .replaceAll(/span (; )?/g, "");
    assert.equal(short, `${printed}\n${printed}`);
  });
}

const logs: readonly (readonly [what: string, fields: Tags, printed: string])[] = [
  ["no field", [], '""'],
  ["its name", [["event", "retry"]], '"retry"'],
  [
    "its name among others",
    [
      ["n", 1],
      ["event", "retry"],
      ["m", 2],
    ],
    '"retry"; n=1; m=2',
  ],
  ["an empty name", [["event", ""]], '""; event=""'],
  ["a name that is no text", [["event", 1]], '""; event=1'],
  [
    "two names",
    [
      ["event", "a"],
      ["event", "b"],
    ],
    '""; event="a"; event="b"',
  ],
];

for (const [what, fields, printed] of logs) {
  test(`settleEvent() reads ${what}`, () => {
    const batch = new SpanBatch();
    batch.openResource();
    const tags = new JaegerTags(batch);
    makeRow(tags, () => {
      for (let i = 0; i < 2; i++) {
        const event = batch.openEvent();
        addTags(batch, fields, batch.eventAttributes);
        tags.settleEvent(event);
        batch.closeEvent();
      }
    });
    const short = printSpans(batch).split("\n  event 0us ").slice(1);
    assert.deepEqual(
      short.map((one) => one.replaceAll(/\n */g, "; ")),
      [printed, printed],
    );
  });
}

test("JaegerTags finds its keys in a dictionary that is full already", () => {
  const batch = new SpanBatch();
  for (let i = 0; i < 1000; i++) batch.dictionary.internText(`entry ${i}`);
  batch.openResource();
  const tags = new JaegerTags(batch);
  makeRow(tags, () =>
    addTags(batch, [
      ["span.kind", "client"],
      ["late", "x"],
    ]),
  );
  assert.match(printSpans(batch), /kind=client\n {2}late="x"$/);
});
