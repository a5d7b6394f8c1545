// Properties: what goes in comes out, for every format and carrier; random garbage never throws.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import fc from "fast-check";
import { SpanContext } from "../span-context.ts";
import { type Codec, type Codecs, makeCodecs } from "./codec.ts";
import type { Propagation } from "./header-formats.ts";

const FORMATS: readonly Propagation[] = ["jaeger", "w3c", "b3", "b3-single"];

const CARRIERS: Readonly<Record<string, () => object>> = {
  object: () => ({}),
  Map: () => new Map(),
  Headers: () => new Headers(),
  Metadata: () => new Metadata(),
};

const hex = (digits: number): fc.Arbitrary<string> =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: digits, maxLength: digits })
    .map((list) => list.map((one) => one.toString(16)).join(""))
    .filter((text) => /[1-9a-f]/.test(text));

const trace = fc.oneof(hex(32), hex(16));
const value = fc.string({ unit: "binary", maxLength: 40 });
/** What each carrier of headers gives back: names in lower case. */
const headerKey = fc
  .stringMatching(/^[a-z0-9_.][a-z0-9_.-]{0,10}$/)
  .filter((key) => !key.endsWith("-bin"));
const anyKey = fc.string({ unit: "binary", minLength: 1, maxLength: 20 });
const baggageOf = (key: fc.Arbitrary<string>): fc.Arbitrary<[string, string][]> =>
  fc.uniqueArray(fc.tuple(key, value), { maxLength: 8, selector: ([name]) => name });
const state = fc
  .uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9_*/-]{0,5}$/), { minLength: 1, maxLength: 32 })
  .map((keys) => keys.map((key) => `${key}=${key}`).join(","));

function make(
  ids: [string, string, string | null],
  flags: number,
  baggage: [string, string][],
): SpanContext {
  let context = SpanContext.withStringIds(...ids, flags);
  for (const [key, text] of baggage) context = context.withBaggageItem(key, text);
  return context;
}

function open(propagation: readonly Propagation[]): Codecs {
  const onGarbage = (reason: string): void => assert.fail(`garbage: ${reason}`);
  return makeCodecs({ propagation, onGarbage });
}

/** Lone surrogates cannot cross: they become U+FFFD. */
function wellFormed(baggage: readonly [string, string][]): Record<string, string> {
  return Object.fromEntries(baggage.map(([key, text]) => [key, text.toWellFormed()]));
}

function cross(codec: Codec, context: SpanContext, carrier: object): SpanContext {
  codec.inject(context, carrier);
  const back = codec.extract(carrier);
  assert.ok(back);
  assert.equal(back.isRemote, true);
  return back;
}

/** Of flags: W3C has "sampled" alone, B3 "debug" as well, which implies it. */
const FLAGS: Readonly<Record<Propagation, readonly number[]>> = {
  jaeger: [0, 1, 2, 3, 8, 9, 11, 255],
  w3c: [0, 1],
  b3: [0, 1, 3],
  "b3-single": [0, 1, 3],
};

for (const format of FORMATS) {
  for (const [name, makeCarrier] of Object.entries(CARRIERS)) {
    test(`${format}: extract() of inject() is the same context, carrier ${name}`, () => {
      const codec = open([format]).http_headers;
      const ids = fc.tuple(
        trace,
        hex(16),
        format === "w3c" ? fc.constant(null) : fc.option(hex(16)),
      );
      const flags = fc.constantFrom(...FLAGS[format]);
      const baggage = baggageOf(format === "w3c" ? anyKey : headerKey);
      fc.assert(
        fc.property(ids, flags, baggage, state, (ids, flags, baggage, traceState) => {
          const context = make(ids, flags, baggage);
          if (format === "w3c") context.traceState = traceState;
          const back = cross(codec, context, makeCarrier());
          assert.equal(back.toString(), context.toString());
          assert.deepEqual(
            { ...back.baggage },
            wellFormed(baggage.map(([key, text]) => [key.toWellFormed(), text])),
          );
          assert.equal(back.traceState, context.traceState);
        }),
        { numRuns: 50 },
      );
    });
  }
}

test("text_map: keys and values are any text", () => {
  // Keys that become one in lower case stay two: only the prefix is compared so.
  const codec = open(["jaeger"]).text_map;
  fc.assert(
    fc.property(trace, hex(16), baggageOf(anyKey), (trace, span, baggage) => {
      const context = make([trace, span, null], 1, baggage);
      const back = cross(codec, context, {});
      assert.equal(back.toString(), context.toString());
      assert.deepEqual({ ...back.baggage }, Object.fromEntries(baggage));
    }),
  );
});

test("binary: extract() of inject() is the same context", () => {
  const codec = open([]).binary;
  const ids = fc.tuple(trace, hex(16), fc.option(hex(16)));
  const flags = fc.integer({ min: 0, max: 255 });
  fc.assert(
    fc.property(ids, flags, baggageOf(headerKey), (ids, flags, baggage) => {
      const context = make(ids, flags, baggage);
      const back = cross(codec, context, {});
      assert.equal(back.toString(), context.toString());
      assert.deepEqual({ ...back.baggage }, wellFormed(baggage));
    }),
  );
});

test("all formats at once: ids, baggage and tracestate cross", () => {
  const codec = open(FORMATS).http_headers;
  fc.assert(
    fc.property(trace, hex(16), baggageOf(headerKey), state, (trace, span, baggage, traceState) => {
      const context = make([trace, span, null], 1, baggage);
      context.traceState = traceState;
      const back = cross(codec, context, {});
      assert.equal(back.toString(), context.toString());
      assert.deepEqual({ ...back.baggage }, wellFormed(baggage));
      assert.equal(back.traceState, traceState);
    }),
    { numRuns: 50 },
  );
});

const NAMES = [
  "uber-trace-id",
  "uberctx-x",
  "uberctx-",
  "jaeger-debug-id",
  "jaeger-baggage",
  "traceparent",
  "tracestate",
  "baggage",
  "b3",
  "x-b3-traceid",
  "x-b3-spanid",
  "x-b3-parentspanid",
  "x-b3-sampled",
  "x-b3-flags",
  "__proto__",
];

const piece = fc.constantFrom(
  ...Array.from("0123456789abcdefABCDEF:-;,=%+ .@\t\0é\uD800"),
  "00",
  "ff",
  "%C3",
);
const garbageText = fc.oneof(
  fc.constant(`00-${"12".repeat(16)}-${"34".repeat(8)}-01`),
  fc.string({ unit: "binary" }),
  fc.array(piece, { maxLength: 80 }).map((list) => list.join("")),
  fc
    .tuple(hex(32), hex(16), fc.constantFrom(":", "-", "%3A"), fc.string({ maxLength: 5 }))
    .map(([trace, span, mark, rest]) => [trace, span, rest, "1"].join(mark)),
);

test("extract() and inject() of random garbage never throw, and give a bounded context", () => {
  const reasons = new Set<string>();
  const onGarbage = (reason: string): unknown => reasons.add(reason);
  const codecs = makeCodecs({ propagation: FORMATS, onGarbage });
  const anything = fc.oneof(garbageText, fc.array(garbageText, { maxLength: 3 }), fc.anything());
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...NAMES), anything)), (entries) => {
      for (const carrier of [Object.fromEntries(entries), new Map(entries), entries]) {
        for (const codec of Object.values(codecs) as Codec[]) {
          const context = codec.extract(carrier);
          if (context === null) continue;
          assert.ok(context.isValid || (context.baggage ?? context.debugId ?? context.isRemote));
          assert.ok(Object.keys(context.baggage ?? {}).length <= 64);
          codec.inject(context, {});
        }
      }
    }),
    { numRuns: 500 },
  );
  for (const reason of ["uber-trace-id", "traceparent", "b3", "x-b3", "baggage"]) {
    assert.ok(reasons.has(reason), reason);
  }
});

test("extract() of random bytes never throws", () => {
  const codec = makeCodecs({ propagation: [], onGarbage: () => undefined }).binary;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      const context = codec.extract(bytes);
      assert.ok(context === null || context.isValid);
    }),
    { numRuns: 500 },
  );
});
