// Random span batches for property tests: every column, every type of value, odd text.
//
//   anySpans() ─▶ plain record (shrinks well) ─▶ fillBatch() ─▶ SpanBatch
//
// What is generated is what OTLP can carry: ids that are not zero, times from the epoch on. Resources
// and scopes are used in order and each by a run of rows, as readers make them.
// Not here: bytes of any format, broken input (test/fuzz).

import fc from "fast-check";
import {
  ARRAY,
  type AttributeTable,
  BOOL,
  BYTES,
  DOUBLE,
  EMPTY,
  INT,
  MAP,
  STRING,
} from "../src/model/attribute-table.ts";
import type { Dictionary } from "../src/model/dictionary.ts";
import { printSpans } from "../src/model/print-spans.ts";
import { SpanBatch } from "../src/model/span-batch.ts";

/** A value as `[type, what is stored]`. ARRAY and MAP hold the hex of their encoded messages. */
type Value =
  | readonly [type: typeof EMPTY]
  | readonly [type: typeof STRING, text: string]
  | readonly [type: typeof BOOL, value: boolean]
  | readonly [type: typeof INT, value: bigint]
  | readonly [type: typeof DOUBLE, value: number]
  | readonly [type: typeof BYTES | typeof ARRAY | typeof MAP, hex: string];

type Attributes = readonly (readonly [key: string, value: Value])[];

interface EventSpec {
  readonly us: number;
  readonly restNs: number;
  readonly name: string;
  readonly dropped: number;
  readonly attributes: Attributes;
}

interface LinkSpec {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly traceState: string;
  readonly flags: number;
  readonly dropped: number;
  readonly attributes: Attributes;
}

interface OwnerSpec {
  readonly texts: readonly [string, string, string];
  readonly dropped: number;
  readonly attributes: Attributes;
}

interface SpanSpec {
  readonly newResource: boolean;
  readonly newScope: boolean;
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId: Uint8Array;
  readonly us: number;
  readonly restNs: number;
  readonly durationNs: number;
  readonly texts: readonly [string, string, string];
  readonly kind: number;
  readonly status: number;
  readonly flags: number;
  readonly dropped: readonly [number, number, number];
  readonly attributes: Attributes;
  readonly events: readonly EventSpec[];
  readonly links: readonly LinkSpec[];
}

const text = fc.oneof(
  fc.constantFrom("", "GET /", "http.method", "__proto__", "constructor", "\u0000", "héllo", "🔥"),
  fc.string({ unit: "grapheme", maxLength: 12 }),
);
const key = fc.oneof(fc.constantFrom("a", "http.method", "__proto__", "service.name", ""), text);
const u32 = fc.oneof(fc.constant(0), fc.nat({ max: 300 }), fc.nat({ max: 0xffff_ffff }));

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.constant<Value>([EMPTY]),
  fc.tuple(fc.constant(STRING), text),
  fc.tuple(fc.constant(BOOL), fc.boolean()),
  fc.tuple(fc.constant(INT), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  fc.tuple(fc.constant(DOUBLE), fc.double()),
  fc.tuple(
    fc.constant(BYTES),
    fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString("hex")),
  ),
  fc.tuple(
    fc.constant(ARRAY),
    fc.constantFrom(
      "", // []
      "0a030a0161", // ["a"]
      "0a0210010a021801", // [true, 1]
      "0a1232100a0e0a016b120921000000000000f8bf", // [{"k": -1.5}]
    ),
  ),
  fc.tuple(
    fc.constant(MAP),
    fc.constantFrom(
      "", // {}
      "0a080a016b12030a0176", // {"k": "v"}
      "0a090a016b12042a020a00", // {"k": [null]}
    ),
  ),
);
const attributes: fc.Arbitrary<Attributes> = fc.array(fc.tuple(key, value), { maxLength: 4 });

const id = (bytes: number): fc.Arbitrary<Uint8Array> =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .filter((one) => one.some((byte) => byte !== 0));
/** A start from which the longest duration still ends before 2^53 µs: all times stay exact. */
const START_US_MAX = 8.9e15;
const timeUs = fc.oneof(
  fc.constantFrom(0, 1, 1_700_000_000_000_000, START_US_MAX),
  fc.integer({ min: 0, max: START_US_MAX }),
);
const restNs = fc.nat({ max: 999 });

const event: fc.Arbitrary<EventSpec> = fc.record({
  us: timeUs,
  restNs,
  name: text,
  dropped: u32,
  attributes,
});

const link: fc.Arbitrary<LinkSpec> = fc.record({
  traceId: id(16),
  spanId: id(8),
  traceState: text,
  flags: u32,
  dropped: u32,
  attributes,
});

const owner: fc.Arbitrary<OwnerSpec> = fc.record({
  texts: fc.tuple(text, text, text),
  dropped: u32,
  attributes,
});

const span: fc.Arbitrary<SpanSpec> = fc.record({
  newResource: fc.boolean(),
  newScope: fc.boolean(),
  traceId: id(16),
  spanId: id(8),
  parentSpanId: fc.oneof(fc.constant(new Uint8Array(8)), id(8)),
  us: timeUs,
  restNs,
  durationNs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 53 - 1 })),
  texts: fc.tuple(text, text, text),
  kind: fc.nat({ max: 7 }),
  status: fc.nat({ max: 3 }),
  flags: u32,
  dropped: fc.tuple(u32, u32, u32),
  attributes,
  events: fc.array(event, { maxLength: 3 }),
  links: fc.array(link, { maxLength: 3 }),
});

/** Batches of up to `rowsMax` rows. */
export function anySpans(rowsMax = 6): fc.Arbitrary<SpanBatch> {
  return fc
    .record({
      resource: owner,
      scope: owner,
      spans: fc.array(fc.tuple(span, owner, owner), { maxLength: rowsMax }),
    })
    .map(({ resource, scope, spans }) => {
      const batch = new SpanBatch();
      let ownResource = addResource(batch, resource);
      let ownScope = addScope(batch, scope);
      for (const [spec, nextResource, nextScope] of spans) {
        if (spec.newResource) ownResource = addResource(batch, nextResource);
        if (spec.newResource || spec.newScope) ownScope = addScope(batch, nextScope);
        addSpan(batch, ownResource, ownScope, spec);
      }
      // What a failing property shows of it.
      return Object.defineProperty(batch, fc.toStringMethod, { value: () => printSpans(batch) });
    });
}

function addResource(batch: SpanBatch, spec: OwnerSpec): number {
  const resource = batch.openResource();
  batch.resourceSchemaUrl[resource] = batch.dictionary.internText(spec.texts[0]);
  batch.resourceDropped[resource] = spec.dropped;
  addAttributes(batch.resourceAttributes, batch.dictionary, spec.attributes);
  batch.closeResource(resource);
  return resource;
}

function addScope(batch: SpanBatch, spec: OwnerSpec): number {
  const scope = batch.openScope();
  batch.scopeName[scope] = batch.dictionary.internText(spec.texts[0]);
  batch.scopeVersion[scope] = batch.dictionary.internText(spec.texts[1]);
  batch.scopeSchemaUrl[scope] = batch.dictionary.internText(spec.texts[2]);
  batch.scopeDropped[scope] = spec.dropped;
  addAttributes(batch.scopeAttributes, batch.dictionary, spec.attributes);
  batch.closeScope(scope);
  return scope;
}

function addSpan(batch: SpanBatch, resource: number, scope: number, spec: SpanSpec): void {
  const dictionary = batch.dictionary;
  const row = batch.openRow(resource, scope);
  batch.traceId.set(spec.traceId, 16 * row);
  batch.spanId.set(spec.spanId, 8 * row);
  batch.parentSpanId.set(spec.parentSpanId, 8 * row);
  batch.startUs[row] = spec.us;
  batch.startRestNs[row] = spec.restNs;
  batch.durationNs[row] = spec.durationNs;
  batch.name[row] = dictionary.internText(spec.texts[0]);
  batch.statusMessage[row] = dictionary.internText(spec.texts[1]);
  batch.traceState[row] = dictionary.internText(spec.texts[2]);
  batch.kind[row] = spec.kind;
  batch.statusCode[row] = spec.status;
  batch.flags[row] = spec.flags;
  batch.droppedAttributes[row] = spec.dropped[0];
  batch.droppedEvents[row] = spec.dropped[1];
  batch.droppedLinks[row] = spec.dropped[2];
  addAttributes(batch.spanAttributes, dictionary, spec.attributes);
  for (const one of spec.events) addEvent(batch, one);
  for (const one of spec.links) addLink(batch, one);
  batch.closeRow();
}

function addEvent(batch: SpanBatch, spec: EventSpec): void {
  const own = batch.openEvent();
  batch.eventUs[own] = spec.us;
  batch.eventRestNs[own] = spec.restNs;
  batch.eventName[own] = batch.dictionary.internText(spec.name);
  batch.eventDropped[own] = spec.dropped;
  addAttributes(batch.eventAttributes, batch.dictionary, spec.attributes);
  batch.closeEvent();
}

function addLink(batch: SpanBatch, spec: LinkSpec): void {
  const own = batch.openLink();
  batch.linkTraceId.set(spec.traceId, 16 * own);
  batch.linkSpanId.set(spec.spanId, 8 * own);
  batch.linkTraceState[own] = batch.dictionary.internText(spec.traceState);
  batch.linkFlags[own] = spec.flags;
  batch.linkDropped[own] = spec.dropped;
  addAttributes(batch.linkAttributes, batch.dictionary, spec.attributes);
  batch.closeLink();
}

function addAttributes(table: AttributeTable, dictionary: Dictionary, list: Attributes): void {
  for (const [name, one] of list) {
    const own = dictionary.internText(name);
    switch (one[0]) {
      case EMPTY:
        table.add(own, EMPTY, 0);
        break;
      case STRING:
        table.add(own, STRING, dictionary.internText(one[1]));
        break;
      case BOOL:
        table.add(own, BOOL, one[1] ? 1 : 0);
        break;
      case INT:
        table.add(own, INT, 0);
        table.bigs[table.count - 1] = one[1];
        break;
      case DOUBLE:
        table.addDouble(own, one[1]);
        break;
      default: {
        const bytes = Buffer.from(one[1], "hex");
        table.add(own, one[0], dictionary.intern(bytes, 0, bytes.length));
      }
    }
  }
}
