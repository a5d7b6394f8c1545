// What the sanitizers make of each kind of wrong batch, as printed text.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anySpans } from "../../test/any-spans.ts";
import { ARRAY, type AttributeTable, BYTES, INT, STRING } from "../model/attribute-table.ts";
import { printSpans } from "../model/print-spans.ts";
import { SpanBatch } from "../model/span-batch.ts";
import { makeSanitizer } from "./sanitize.ts";

const sanitize = makeSanitizer(new Map());

/** A batch of one sound span of service "shop" for `change` to spoil. */
function batchOf(change: (batch: SpanBatch, row: number) => void, service = "shop"): SpanBatch {
  const batch = new SpanBatch();
  const resource = batch.openResource();
  addText(batch, batch.resourceAttributes, "service.name", service);
  batch.closeResource(resource);
  addSpan(batch, resource, change);
  return batch;
}

function addSpan(
  batch: SpanBatch,
  resource: number,
  change: (batch: SpanBatch, row: number) => void,
): void {
  const scope = batch.openScope();
  const row = batch.openRow(resource, scope);
  batch.traceId[16 * row + 15] = 1;
  batch.spanId[8 * row + 7] = row + 2;
  batch.startUs[row] = 1_700_000_000_000_000;
  batch.durationNs[row] = 5;
  batch.name[row] = batch.dictionary.internText("op");
  change(batch, row);
  batch.closeRow();
}

function addText(batch: SpanBatch, table: AttributeTable, key: string, value: string): void {
  table.add(intern(batch, key), STRING, intern(batch, value));
}

/** Text with one character a byte. */
function intern(batch: SpanBatch, text: string): number {
  const bytes = Buffer.from(text, "latin1");
  return batch.dictionary.intern(bytes, 0, bytes.length);
}

/** The printed batch without what every batch here has. */
function printed(batch: SpanBatch): string {
  return printSpans(batch)
    .replaceAll(/ 0{31}1:(?:0{15})?/g, " 1:")
    .replaceAll("start=1700000000000000us ", "");
}

const SHOP = 'resource 0\n  service.name="shop"\nscope 0\n';

const cases: readonly {
  readonly what: string;
  readonly batch: SpanBatch;
  readonly printed: string;
}[] = [
  {
    what: "leaves a sound span alone",
    batch: batchOf(() => {}),
    printed: `${SHOP}span 1:2 "op" duration=5ns`,
  },
  {
    what: "names a service whose name is missing",
    batch: (() => {
      const batch = new SpanBatch();
      addSpan(batch, batch.openResource(), () => {});
      return batch;
    })(),
    printed: `${SHOP.replace("shop", "missing-service-name")}span 1:2 "op" duration=5ns`,
  },
  {
    what: "names a service whose name is empty",
    batch: batchOf(() => {}, ""),
    printed: `${SHOP.replace("shop", "empty-service-name")}span 1:2 "op" duration=5ns`,
  },
  {
    what: "names a service whose name is a number",
    batch: batchOf((batch) => batch.resourceAttributes.replace(0, INT, 7)),
    printed: `${SHOP.replace("shop", "service-name-wrong-type")}span 1:2 "op" duration=5ns`,
  },
  {
    what: "names a service whose name is no UTF-8, and keeps the bytes",
    batch: batchOf(() => {}, "sh\xffp"),
    printed:
      'resource 0\n  service.name="invalid-service-name"\n  invalid-service-name=hex(7368ff70)\n' +
      'scope 0\nspan 1:2 "op" duration=5ns',
  },
  {
    what: "names a span without a name",
    batch: batchOf((batch, row) => (batch.name[row] = 0)),
    printed: `${SHOP}span 1:2 "empty-span-name" duration=5ns`,
  },
  {
    what: "leaves a duration of zero alone",
    batch: batchOf((batch, row) => (batch.durationNs[row] = 0)),
    printed: `${SHOP}span 1:2 "op" duration=0ns`,
  },
  {
    what: "replaces a span name that is no UTF-8, and keeps the bytes",
    batch: batchOf((batch, row) => (batch.name[row] = intern(batch, "\xc3("))),
    printed: `${SHOP}span 1:2 "invalid-span-name" duration=5ns\n  invalid-span-name=hex(c328)`,
  },
  {
    what: "replaces a status message and clears a trace state",
    batch: batchOf((batch, row) => {
      batch.statusMessage[row] = intern(batch, "\xfe");
      batch.traceState[row] = intern(batch, "\xff");
    }),
    printed:
      `${SHOP}span 1:2 "op" duration=5ns statusMessage="invalid-status-message"\n` +
      "  invalid-trace-state=hex(ff)\n  invalid-status-message=hex(fe)",
  },
  {
    what: "turns bad values into bytes, and puts bad keys with their values into new ones",
    batch: batchOf((batch) => {
      const table = batch.spanAttributes;
      addText(batch, table, "plain", "\xff");
      addText(batch, table, "\xff", "value");
      table.addSafeInt(intern(batch, "\xfe"), -99);
      table.add(intern(batch, "binary"), BYTES, intern(batch, "\xff"));
    }),
    printed:
      `${SHOP}span 1:2 "op" duration=5ns\n  plain=hex(ff)\n` +
      `  invalid-tag-key-1=hex(ff3a${Buffer.from("value").toString("hex")})\n` +
      `  invalid-tag-key-2=hex(fe3a${Buffer.from("-99").toString("hex")})\n  binary=hex(ff)`,
  },
  {
    what: "turns an array with bad text into bytes, and leaves one with bad-looking numbers",
    batch: batchOf((batch) => {
      const table = batch.spanAttributes;
      const number = "\x0a\x09\x21\x00\x00\x00\x00\x00\x00\xf8\xbf";
      table.add(intern(batch, "text"), ARRAY, intern(batch, "\x0a\x03\x0a\x01\xff"));
      table.add(intern(batch, "number"), ARRAY, intern(batch, number));
    }),
    printed:
      `${SHOP}span 1:2 "op" duration=5ns\n  text=hex(0a030a01ff)\n` +
      "  number=array(0a0921000000000000f8bf)",
  },
  {
    what: "repairs events and links, each with its own",
    batch: batchOf((batch) => {
      const event = batch.openEvent();
      batch.eventName[event] = intern(batch, "\xff");
      addText(batch, batch.eventAttributes, "\xfe", "v");
      batch.closeEvent();
      const link = batch.openLink();
      batch.linkTraceState[link] = intern(batch, "\xfd");
      batch.closeLink();
    }),
    printed:
      `${SHOP}span 1:2 "op" duration=5ns\n  event 0us "invalid-event-name"\n` +
      "    invalid-tag-key-1=hex(fe3a76)\n    invalid-event-name=hex(ff)\n" +
      `  link ${"0".repeat(32)}:${"0".repeat(16)}\n    invalid-trace-state=hex(fd)`,
  },
  {
    what: "repairs scope and schema URLs",
    batch: batchOf((batch) => {
      batch.scopeName[0] = intern(batch, "\xff");
      batch.scopeVersion[0] = intern(batch, "\xfe");
      batch.scopeSchemaUrl[0] = intern(batch, "\xfd");
      batch.resourceSchemaUrl[0] = intern(batch, "\xfc");
    }),
    printed:
      'resource 0\n  service.name="shop"\n  invalid-schema-url=hex(fc)\n' +
      'scope 0 name="invalid-scope-name" version="invalid-scope-version"\n' +
      "  invalid-schema-url=hex(fd)\n  invalid-scope-name=hex(ff)\n" +
      '  invalid-scope-version=hex(fe)\nspan 1:2 "op" duration=5ns',
  },
];

for (const { what, batch, printed: expected } of cases) {
  test(`sanitize() ${what}`, () => {
    const result = sanitize(batch);
    assert.equal(printed(result.batch), expected);
    assert.equal(result.batch, batch);
    assert.equal(result.invalidIds, 0);
  });
}

/** The elements of the warnings of row 0, as their text. */
function warningsOf(batch: SpanBatch): string[] {
  const table = batch.spanAttributes;
  const key = batch.dictionary.findText("@jaeger@warnings");
  const at = table.find(key, 0, table.count);
  assert.equal(table.type[at], ARRAY);
  const text = batch.dictionary.text(table.words[2 * at]!);
  // Each element is `0a size 0a size text`; the texts here have no control character.
  return text.split(/\n[^\n]{1,2}\n[^\n]/).flatMap((one) => (one === "" ? [] : [one]));
}

const negative =
  "Negative duration detected, sanitizing end timestamp. " +
  "Original end timestamp: 2023-11-14 22:13:19.9999985 +0000 UTC, " +
  "adjusted to: 2023-11-14 22:13:20.000000251 +0000 UTC";

function makeNegative(batch: SpanBatch, row: number): void {
  batch.startRestNs[row] = 250;
  batch.durationNs[row] = -1_750;
}

test("sanitize() makes a negative duration 1 ns and says so", () => {
  const { batch } = sanitize(batchOf(makeNegative));
  assert.equal(batch.durationNs[0], 1);
  assert.ok(warningsOf(batch).join().endsWith(negative), warningsOf(batch).join());
});

const before: readonly (readonly [what: string, type: number, value: string])[] = [
  ["an array of warnings", ARRAY, "\x0a\x05\x0a\x03old"],
  ["a text", STRING, "old"],
];

for (const [what, type, value] of before) {
  test(`sanitize() adds its warning to ${what} that is there`, () => {
    const { batch } = sanitize(
      batchOf((batch, row) => {
        makeNegative(batch, row);
        batch.spanAttributes.add(intern(batch, "@jaeger@warnings"), type, intern(batch, value));
      }),
    );
    assert.equal(batch.spanAttributes.count, 1);
    const warnings = warningsOf(batch);
    assert.equal(warnings.length, 2);
    assert.equal(warnings[0], "old");
    assert.ok(warnings[1]?.endsWith(negative));
  });
}

test("sanitize() gives each span its own warning", () => {
  const batch = batchOf(() => {});
  addSpan(batch, 0, makeNegative);
  addSpan(batch, 0, (batch) => addText(batch, batch.spanAttributes, "after", "x"));
  sanitize(batch);
  assert.deepEqual([...batch.attributeStart.subarray(0, 4)], [0, 0, 1, 2]);
  const keys = [0, 1].map((at) => batch.dictionary.text(batch.spanAttributes.key[at]!));
  assert.deepEqual(keys, ["@jaeger@warnings", "after"]);
});

test("sanitize() takes out spans without trace id or span id and keeps the others whole", () => {
  const batch = batchOf((batch) => addText(batch, batch.spanAttributes, "a", "first"));
  addSpan(batch, 0, (batch, row) => batch.traceId.fill(0, 16 * row, 16 * row + 16));
  addSpan(batch, 0, (batch, row) => batch.spanId.fill(0, 8 * row, 8 * row + 8));
  addSpan(batch, 0, (batch, row) => {
    batch.spanId.fill(0, 8 * row, 8 * row + 8).fill(1, 8 * row, 8 * row + 1);
    addText(batch, batch.spanAttributes, "a", "last");
  });
  const { batch: kept, invalidIds } = sanitize(batch);
  assert.equal(invalidIds, 2);
  assert.equal(
    printed(kept),
    `${SHOP}span 1:2 "op" duration=5ns\n  a="first"\n` +
      'scope 1\nspan 1:0100000000000000 "op" duration=5ns scope=1\n  a="last"',
  );
});

test("sanitize() adds the collector's tags to each resource once, sorted", () => {
  const batch = batchOf(() => {});
  const second = batch.openResource();
  addText(batch, batch.resourceAttributes, "service.name", "cart");
  addText(batch, batch.resourceAttributes, "zone", "a");
  addText(batch, batch.resourceAttributes, "cluster", "other");
  batch.closeResource(second);
  addSpan(batch, second, () => {});
  const withTags = makeSanitizer(
    new Map([
      ["zone", "a"],
      ["cluster", "blue"],
    ]),
  );
  assert.equal(
    printed(withTags(batch).batch)
      .split("\n")
      .filter((line) => /^ |^res/.test(line))
      .join("\n"),
    'resource 0\n  service.name="shop"\n  cluster="blue"\n  zone="a"\n' +
      'resource 1\n  service.name="cart"\n  zone="a"\n  cluster="other"\n  cluster="blue"',
  );
});

test("sanitize() leaves nothing for a second time, and no text that is not UTF-8", () => {
  const spoils = fc.array(fc.tuple(fc.nat(11), fc.nat(), fc.constantFrom("\xff", "\xc3", "a\xe2")));
  const property = fc.property(anySpans(), spoils, (batch, list) => {
    for (const [place, at, text] of list) spoil(batch, place, at, intern(batch, text));
    const once = sanitize(batch).batch;
    const text = printSpans(once);
    assert.doesNotMatch(
      text.replaceAll(/"(?:[^"\\]|\\.)*"/g, (quoted) => escaped(quoted)),
      /BAD/,
    );
    const again = sanitize(once);
    assert.equal(again.invalidIds, 0);
    assert.equal(printSpans(again.batch), text);
  });
  fc.assert(property, { numRuns: 300 });
});

/** The printed form writes `\xNN` for what is not UTF-8 and for nothing else. */
function escaped(quoted: string): string {
  return /(?:^|[^\\])(?:\\\\)*\\x/.test(quoted) ? "BAD" : "";
}

function spoil(batch: SpanBatch, place: number, at: number, entry: number): void {
  const tables = [
    batch.spanAttributes,
    batch.eventAttributes,
    batch.linkAttributes,
    batch.resourceAttributes,
    batch.scopeAttributes,
  ];
  const table = tables[place % 5]!;
  if (place < 5 && table.count > 0) table.replace(at % table.count, STRING, entry);
  else if (place < 10 && table.count > 0) table.key[at % table.count] = entry;
  else if (place === 10 && batch.rows > 0) batch.name[at % batch.rows] = entry;
  else if (batch.rows > 0) batch.durationNs[at % batch.rows] = -1 - at;
}
