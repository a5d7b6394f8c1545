// Each adjuster alone: spans in, the changed form out, as one line a span (see `show`).

import assert from "node:assert/strict";
import { test } from "node:test";
import { START_US, type SpanRecord, makeTrace } from "../../../test/make-trace.ts";
import { ARRAY, BOOL, BYTES, DOUBLE, INT, STRING } from "../../model/attribute-table.ts";
import type { AttributeTable } from "../../model/attribute-table.ts";
import { RowCopier } from "../../model/copy-rows.ts";
import { KIND_CLIENT, KIND_SERVER, type SpanBatch } from "../../model/span-batch.ts";
import { correctClockSkew } from "./correct-clock-skew.ts";
import { dropDuplicates } from "./drop-duplicates.ts";
import { moveLibraryAttributes } from "./move-library-attributes.ts";
import { normalizeAddresses } from "./normalize-addresses.ts";
import { removeEmptyLinks } from "./remove-empty-links.ts";
import { rewriteSpanAttributes } from "./rewrite-attributes.ts";
import { RowWarnings } from "./row-warnings.ts";
import { sortCollections } from "./sort-collections.ts";
import { SpanIdIndex } from "./span-id-index.ts";
import { splitSharedIds } from "./split-shared-ids.ts";

/** `id<parent @start a=1 | event@+us a=1 | link a=1`; starts in µs after START_US. */
function show(batch: SpanBatch): string[] {
  return Array.from({ length: batch.rows }, (_, row) => {
    const id = printId(batch.spanId, row);
    const parent = printId(batch.parentSpanId, row);
    const rest = batch.startRestNs[row] === 0 ? "" : `+${batch.startRestNs[row]}ns`;
    const start = batch.startUs[row]! - START_US;
    const parts = [
      `${id}<${parent} @${start}${rest}` +
        showRange(batch, batch.spanAttributes, batch.attributeStart, row),
    ];
    for (let at = batch.eventStart[row]!; at < batch.eventStart[row + 1]!; at++) {
      const values = showRange(batch, batch.eventAttributes, batch.eventAttributeStart, at);
      const name = batch.dictionary.text(batch.eventName[at]!);
      parts.push(`${name}@${batch.eventUs[at]! - START_US}${values}`);
    }
    for (let at = batch.linkStart[row]!; at < batch.linkStart[row + 1]!; at++) {
      const id = Buffer.from(batch.linkSpanId.subarray(8 * at, 8 * at + 8)).toString("hex");
      const values = showRange(batch, batch.linkAttributes, batch.linkAttributeStart, at);
      parts.push(`link:${Number(`0x${id}`)}${values}`);
    }
    return parts.join(" | ");
  });
}

function printId(ids: Uint8Array, row: number): string {
  return String(Number(`0x${Buffer.from(ids.subarray(8 * row, 8 * row + 8)).toString("hex")}`));
}

function showRange(
  batch: SpanBatch,
  table: AttributeTable,
  starts: Uint32Array,
  owner: number,
): string {
  let text = "";
  for (let at = starts[owner]!; at < starts[owner + 1]!; at++) {
    text += ` ${batch.dictionary.text(table.key[at]!)}=${showValue(batch, table, at)}`;
  }
  return text;
}

function showValue(batch: SpanBatch, table: AttributeTable, at: number): string {
  const word = table.words[2 * at]!;
  if (table.type[at] === STRING) return batch.dictionary.text(word);
  if (table.type[at] === INT) return String(table.bigs[at]!);
  if (table.type[at] === DOUBLE) return `${table.doubles[at]!}d`;
  if (table.type[at] === BOOL) return word === 1 ? "true" : "false";
  const hex = Buffer.from(batch.dictionary.bytes(word)).toString("hex");
  if (table.type[at] === BYTES) return `0x${hex}`;
  assert.equal(table.type[at], ARRAY);
  return `[${hex}]`;
}

function showResources(batch: SpanBatch): string[] {
  return Array.from({ length: batch.resources }, (_, resource) => {
    const starts = Uint32Array.of(
      batch.resourceAttributeStart[resource]!,
      batch.resourceAttributeEnd[resource]!,
    );
    return showRange(batch, batch.resourceAttributes, starts, 0).trim();
  });
}

const indexOf = (batch: SpanBatch): SpanIdIndex => new SpanIdIndex(batch.spanId, batch.rows);

const client = (id: number, parent = 0): SpanRecord => ({ id, parent, kind: KIND_CLIENT });
const server = (id: number, parent = 0): SpanRecord => ({ id, parent, kind: KIND_SERVER });

const splits: readonly (readonly [string, SpanRecord[], string[]])[] = [
  ["nothing without a shared id", [client(7), server(8, 7)], ["7<0", "8<7"]],
  [
    "the server's half and its children",
    [client(7, 3), server(7, 3), { id: 9, parent: 7 }],
    ["7<3", "1<7", "9<1"],
  ],
  ["only what a client shares", [server(7), server(7), { id: 7 }], ["7<0", "7<0", "7<0"]],
  ["around ids in use", [client(1), server(1), { id: 2, parent: 1 }], ["1<0", "3<1", "2<3"]],
  ["two servers under one client", [client(7), server(7), server(7)], ["7<0", "1<7", "2<7"]],
  ["a server before its client", [server(7, 3), client(7, 3)], ["1<7", "7<3"]],
  ["a span that is its own parent", [client(7, 7), server(7, 7)], ["7<1", "1<7"]],
];
for (const [what, spans, expected] of splits) {
  test(`splitSharedIds() splits ${what}`, () => {
    const batch = makeTrace(...spans);
    splitSharedIds(batch);
    assert.deepEqual(
      show(batch).map((line) => line.split(" ")[0]),
      expected,
    );
  });
}

test("sortCollections() sorts attributes by the bytes of their keys, equal keys in order", () => {
  const batch = makeTrace({
    id: 1,
    resource: { zone: "z", host: "h" },
    attributes: { b: "1", "": "0", é: "4", B: "2", aa: "3", a: "5" },
    events: [{ us: START_US, attributes: { y: "1", x: "2" } }],
    links: [{ spanId: "0000000000000009", attributes: { n: "1", m: "2" } }],
  });
  batch.spanAttributes.key[1] = batch.dictionary.internText("b"); // now "b" is there twice
  sortCollections(batch);
  assert.deepEqual(show(batch), ["1<0 @0 B=2 a=5 aa=3 b=1 b=0 é=4 | @0 x=2 y=1 | link:9 m=2 n=1"]);
  assert.deepEqual(showResources(batch), ["host=h service.name=shop zone=z"]);
});

test("sortCollections() sorts a row with hundreds of attributes", () => {
  const keys = Array.from(
    { length: 300 },
    (_, i) => `k${String((i * 7919) % 300).padStart(3, "0")}`,
  );
  const batch = makeTrace({ id: 1, attributes: Object.fromEntries(keys.map((key) => [key, key])) });
  sortCollections(batch);
  assert.equal(
    show(batch)[0],
    `1<0 @0 ${keys
      .sort()
      .map((key) => `${key}=${key}`)
      .join(" ")}`,
  );
});

test("sortCollections() sorts events by time, with their attributes", () => {
  const batch = makeTrace(
    { id: 1, events: [{ us: START_US, name: "only", attributes: { z: "1" } }] },
    {
      id: 2,
      events: [
        { us: START_US + 9, name: "c", attributes: { c: "1", a: "2" } },
        { us: START_US + 2, name: "a" },
        { us: START_US + 5, name: "b", attributes: { b: "1" } },
        { us: START_US + 2, name: "a2", attributes: { q: "1" } },
      ],
    },
    { id: 3, events: [{ us: START_US, name: "last", attributes: { l: "1" } }] },
  );
  sortCollections(batch);
  assert.deepEqual(show(batch), [
    "1<0 @0 | only@0 z=1",
    "2<0 @0 | a@2 | a2@2 q=1 | b@5 b=1 | c@9 a=2 c=1",
    "3<0 @0 | last@0 l=1",
  ]);
});

const full: SpanRecord = {
  id: 5,
  parent: 4,
  scope: "http",
  attributes: { a: 1n, b: 2.5, c: true },
  events: [{ us: START_US, name: "e", attributes: { x: "1" } }],
  links: [{ traceId: "01".repeat(16), spanId: "02".repeat(8), attributes: { y: "2" } }],
};
const differences: readonly (readonly [string, Partial<SpanRecord>])[] = [
  ["parent", { parent: 3 }],
  ["service", { service: "other" }],
  ["scope", { scope: "grpc" }],
  ["name", { name: "x" }],
  ["start", { startUs: START_US + 1 }],
  ["nanoseconds", { startRestNs: 1 }],
  ["duration", { durationNs: 7 }],
  ["kind", { kind: KIND_SERVER }],
  ["status", { status: 2 }],
  ["flags", { flags: 1 }],
  ["an attribute's value", { attributes: { a: 2n, b: 2.5, c: true } }],
  ["an attribute's type", { attributes: { a: 1n, b: 2.5, c: 1n } }],
  ["an attribute more", { attributes: { a: 1n, b: 2.5, c: true, d: "1" } }],
  ["an event's time", { events: [{ us: 1, name: "e", attributes: { x: "1" } }] }],
  ["an event's attribute", { events: [{ us: START_US, name: "e", attributes: { x: "2" } }] }],
  ["an event less", { events: [] }],
  [
    "a link's span",
    { links: [{ traceId: "01".repeat(16), spanId: "03".repeat(8), attributes: { y: "2" } }] },
  ],
  ["a link less", { links: [] }],
  ["the trace", { traceId: "ff".repeat(16) }],
];
for (const [what, difference] of differences) {
  test(`dropDuplicates() keeps a span that differs in ${what}`, () => {
    const batch = makeTrace(full, { ...full, ...difference });
    assert.equal(dropDuplicates(batch, indexOf(batch)), batch);
  });
}

test("dropDuplicates() keeps the first of equal spans, whichever resource they came with", () => {
  const batch = makeTrace(full, { id: 6, parent: 5 });
  const again = makeTrace({ ...full, service: "between" }, full, full, { id: 7 });
  const both = makeTrace();
  for (const part of [batch, again]) appendAll(part, both);
  assert.equal(both.resources, 3);
  const kept = dropDuplicates(both, indexOf(both));
  assert.deepEqual(
    show(kept).map((line) => line.split(" ")[0]),
    ["5<4", "6<5", "5<4", "7<0"],
  );
});

function appendAll(from: SpanBatch, to: SpanBatch): void {
  const copier = new RowCopier(from, to);
  for (let row = 0; row < from.rows; row++) copier.copyRow(row);
}

test("normalizeAddresses() prints numbers, and leaves text and other keys alone", () => {
  const batch = makeTrace(
    {
      id: 1,
      resource: { a: 42n, ip: 0x01020304n, "peer.ipv4": "something" },
      attributes: { a: 42n, ip: 0x02020304n, "peer.ipv4": "else" },
    },
    { id: 2, attributes: { ip: 0x04020304, "peer.ipv4": -1n } },
  );
  normalizeAddresses(batch);
  assert.deepEqual(show(batch), [
    "1<0 @0 a=42 ip=2.2.3.4 peer.ipv4=else",
    "2<0 @0 ip=4.2.3.4 peer.ipv4=255.255.255.255",
  ]);
  assert.equal(showResources(batch)[0], "service.name=shop a=42 ip=1.2.3.4 peer.ipv4=something");
});

test("moveLibraryAttributes() moves what a resource lacks or says too, and warns of the rest", () => {
  const warnings = new RowWarnings();
  const batch = makeTrace(
    { id: 1, attributes: { "telemetry.sdk.name": "otel", a: "1", "telemetry.sdk.language": "go" } },
    { id: 2, attributes: { "telemetry.sdk.name": "otel", "telemetry.sdk.language": "js" } },
    { id: 3, service: "b", attributes: { "telemetry.distro.version": 2n } },
    { id: 4, service: "b", attributes: { "telemetry.distro.version": 2n } },
  );
  const moved = moveLibraryAttributes(batch, warnings);
  warnings.write(batch, moved);
  assert.deepEqual(show(batch).map(withoutWarnings), [
    "1<0 @0 a=1",
    "2<0 @0 telemetry.sdk.language=js",
    "3<0 @0",
    "4<0 @0 telemetry.distro.version=2",
  ]);
  assert.deepEqual(showResources(batch), [
    "service.name=shop telemetry.sdk.name=otel telemetry.sdk.language=go",
    "service.name=b telemetry.distro.version=2",
  ]);
  const conflict = "conflicting values between Span and Resource for attribute";
  assert.deepEqual(
    [1, 3].map((row) => warnings.of(row)),
    [[`${conflict} telemetry.sdk.language`], [`${conflict} telemetry.distro.version`]],
  );
  assert.deepEqual([warnings.of(0), warnings.of(2)], [[], []]);
});

const withoutWarnings = (line: string): string => line.replace(/ @jaeger@warnings=\[\w*\]/, "");

test("removeEmptyLinks() closes the gaps, and warns once a link", () => {
  const warnings = new RowWarnings();
  const traceId = "01".repeat(16);
  const link = (id: number, empty = false): object => ({
    ...(empty ? {} : { traceId }),
    spanId: id.toString(16).padStart(16, "0"),
    attributes: { n: String(id) },
  });
  const batch = makeTrace(
    { id: 1, links: [link(1), link(2, true), link(3, true), link(4)] },
    { id: 2, links: [link(5, true)] },
    { id: 3, links: [link(6)] },
    { id: 4 },
  );
  removeEmptyLinks(batch, warnings);
  assert.deepEqual(show(batch), [
    "1<0 @0 | link:1 n=1 | link:4 n=4",
    "2<0 @0",
    "3<0 @0 | link:6 n=6",
    "4<0 @0",
  ]);
  const text = "Invalid span link removed";
  assert.deepEqual(
    [0, 1, 2, 3].map((row) => warnings.of(row)),
    [[text, text], [text], [], []],
  );
});

test("RowWarnings.write() adds to warnings that a span came with", () => {
  const batch = makeTrace({ id: 1, attributes: { "@jaeger@warnings": "", z: "1" } }, { id: 2 });
  const early = Uint8Array.of(0x0a, 3, 0x0a, 1, 0x61); // ["a"]
  batch.spanAttributes.replace(0, ARRAY, batch.dictionary.intern(early, 0, early.length));
  const warnings = new RowWarnings();
  warnings.add(0, "b");
  warnings.add(1, "c".repeat(200));
  warnings.write(batch, undefined);
  assert.deepEqual(show(batch), [
    "1<0 @0 @jaeger@warnings=[0a030a01610a030a0162] z=1",
    `2<0 @0 @jaeger@warnings=[0acb010ac801${"63".repeat(200)}]`,
  ]);
});

test("rewriteSpanAttributes() leaves out what is marked and adds behind each row", () => {
  const batch = makeTrace(
    { id: 1, attributes: { a: "1", b: "2" } },
    { id: 2 },
    { id: 3, attributes: { c: "3" } },
  );
  const key = batch.dictionary.internText("more");
  const entries = Uint32Array.of(0, ...["x", "y"].map((text) => batch.dictionary.internText(text)));
  rewriteSpanAttributes(batch, Uint8Array.of(1, 0, 1), { key, type: STRING, entries });
  assert.deepEqual(show(batch), ["1<0 @0 b=2", "2<0 @0 more=x", "3<0 @0 more=y"]);
});

const MS = 1_000_000;
const at = (
  id: number,
  parent: number,
  host: string,
  ms: number,
  lastedMs: number,
): SpanRecord => ({
  id,
  parent,
  resource: host === "" ? {} : { "host.name": host },
  startUs: START_US + ms * 1_000,
  durationNs: lastedMs * MS,
  events: [{ us: START_US + ms * 1_000, name: "e" }],
});
const disabled = "clock skew adjustment disabled; not applying calculated delta of";
const adjusted = "This span's timestamps were adjusted by";

// Starts are ms after the root's; the root lasts 100 ms on host a.
const skews: readonly (readonly [
  what: string,
  maxMs: number,
  spans: readonly SpanRecord[],
  startsMs: readonly number[],
  warnings: readonly string[],
])[] = [
  ["leaves a child that fits", 1e6, [at(2, 1, "b", 10, 20)], [10], [""]],
  ["centres a child that is early", 1e6, [at(2, 1, "b", -10, 20)], [40], [`${adjusted} 50ms`]],
  ["centres a child that ends late", 1e6, [at(2, 1, "b", 90, 20)], [40], [`${adjusted} -50ms`]],
  [
    "moves a longer child to its parent's start",
    1e6,
    [at(2, 1, "b", -10, 200)],
    [0],
    [`${adjusted} 10ms`],
  ],
  ["leaves a longer child that starts late", 1e6, [at(2, 1, "b", 10, 200)], [10], [""]],
  ["leaves a child on the same host", 1e6, [at(2, 1, "a", -10, 20)], [-10], [""]],
  ["compares without a host", 1e6, [at(2, 1, "", -10, 20)], [40], [`${adjusted} 50ms`]],
  [
    "moves a whole host alike",
    1e6,
    [at(2, 1, "b", -10, 20), at(3, 2, "b", -5, 30)],
    [40, 45],
    [`${adjusted} 50ms`, `${adjusted} 50ms`],
  ],
  ["warns when it is off", 0, [at(2, 1, "b", -10, 20)], [-10], [`${disabled} 50ms`]],
  [
    "keeps to the maximum",
    49,
    [at(2, 1, "b", -10, 20)],
    [-10],
    ["max clock skew adjustment delta of 49ms exceeded; not applying calculated delta of 50ms"],
  ],
  ["moves by exactly the maximum", 50, [at(2, 1, "b", -10, 20)], [40], [`${adjusted} 50ms`]],
  [
    "takes a span without its parent for a root",
    1e6,
    [at(2, 0xabc, "b", -10, 20)],
    [-10],
    ["invalid parent span IDs=0000000000000abc; skipping clock skew adjustment"],
  ],
  [
    "leaves out the second span of an id",
    1e6,
    [at(2, 1, "a", 0, 1), at(2, 1, "b", -10, 20)],
    [0, -10],
    ["", "duplicate span IDs; skipping clock skew adjustment"],
  ],
  [
    "leaves circles alone",
    1e6,
    [at(2, 3, "b", -10, 1), at(3, 2, "c", -90, 1)],
    [-10, -90],
    ["", ""],
  ],
  ["leaves a span that is its own parent", 1e6, [at(2, 2, "b", -10, 1)], [-10], [""]],
];
for (const [what, maxMs, spans, startsMs, expected] of skews) {
  test(`correctClockSkew() ${what}`, () => {
    const batch = makeTrace(at(1, 0, "a", 0, 100), ...spans);
    const warnings = new RowWarnings();
    correctClockSkew(batch, indexOf(batch), maxMs * MS, warnings);
    for (const [index, ms] of startsMs.entries()) {
      const row = index + 1;
      assert.equal(batch.startUs[row], START_US + ms * 1_000);
      assert.equal(batch.eventUs[row], START_US + ms * 1_000);
      assert.deepEqual(warnings.of(row), expected[index] === "" ? [] : [expected[index]]);
    }
  });
}

test("correctClockSkew() is exact to the nanosecond", () => {
  const host = { resource: { ip: "1.1.1.1" } };
  const batch = makeTrace(
    { id: 1, startRestNs: 7, durationNs: 1_000, resource: { ip: "2.2.2.2" } },
    { id: 2, parent: 1, startUs: START_US - 1, startRestNs: 999, durationNs: 333, ...host },
  );
  const warnings = new RowWarnings();
  correctClockSkew(batch, indexOf(batch), 1e9, warnings);
  // 8 ns too early, then half of 1000 - 333 ns, cut off: 333.
  assert.deepEqual(warnings.of(1), [`${adjusted} 341ns`]);
  assert.equal(show(batch)[1], "2<1 @0+340ns");
});

const hostKeys = ["ip", "host.id", "host.ip", "host.name"];
for (const key of hostKeys) {
  test(`correctClockSkew() knows a host by ${key}`, () => {
    const child = { ...at(2, 1, "", -10, 20), resource: { [key]: "x" } };
    const batch = makeTrace({ ...at(1, 0, "", 0, 100), resource: { [key]: "x" } }, child);
    const warnings = new RowWarnings();
    correctClockSkew(batch, indexOf(batch), 0, warnings);
    assert.deepEqual(warnings.of(1), []);
  });
}
