// What all formats have in common: carriers, several at once, names, bounds, garbage.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import { SpanContext } from "../span-context.ts";
import { type Codec, type CodecOptions, makeCodecs } from "./codec.ts";

const TRACE = "80f198ee56343ba864fe8b2a57d3eff7";
const SPAN = "e457b5a2e4d86bd1";
const OTHER = "05e3ac9a4f6e3b90";
const UBER = `${TRACE}:${SPAN}:0:1`;

interface Opened {
  readonly text: Codec;
  readonly http: Codec;
  readonly garbage: string[];
}

function open(options: Partial<CodecOptions> = {}): Opened {
  const garbage: string[] = [];
  const onGarbage = (reason: string): unknown => garbage.push(reason);
  const codecs = makeCodecs({ propagation: ["jaeger"], onGarbage, ...options });
  return { text: codecs.text_map, http: codecs.http_headers, garbage };
}

function makeContext(baggage: Record<string, string> = {}): SpanContext {
  let context = SpanContext.withStringIds(TRACE, SPAN, null, 1);
  for (const [key, value] of Object.entries(baggage)) context = context.withBaggageItem(key, value);
  return context;
}

function show(context: SpanContext | null): unknown {
  if (context === null) return null;
  const { isValid, debugId, traceState, baggage } = context;
  return {
    ...(isValid ? { ids: context.toString() } : {}),
    ...(baggage === undefined ? {} : { baggage: { ...baggage } }),
    ...(debugId === undefined ? {} : { debugId }),
    ...(traceState === undefined ? {} : { traceState }),
  };
}

function makeMetadata(entries: readonly (readonly [string, string])[]): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of entries) metadata.add(name, value);
  return metadata;
}

const ENTRIES = [
  ["uber-trace-id", UBER],
  ["uberctx-user", "a%20b"],
  ["other", "x"],
] as const;

const CARRIERS: Readonly<Record<string, () => object>> = {
  "a plain object": () => Object.fromEntries(ENTRIES),
  "an object without prototype": () =>
    Object.assign(Object.create(null) as object, Object.fromEntries(ENTRIES)),
  "headers with lists": () => Object.fromEntries(ENTRIES.map(([name, value]) => [name, [value]])),
  "names in upper case": () =>
    Object.fromEntries(ENTRIES.map(([name, value]) => [name.toUpperCase(), value])),
  "values that are bytes": () =>
    Object.fromEntries(ENTRIES.map(([name, value]) => [name, Buffer.from(value)])),
  "a Map": () => new Map(ENTRIES),
  "a Map of lists": () => new Map(ENTRIES.map(([name, value]) => [name, [value]])),
  Headers: () => new Headers(Object.fromEntries(ENTRIES)),
  URLSearchParams: () => new URLSearchParams(Object.fromEntries(ENTRIES)),
  "gRPC Metadata": () => makeMetadata(ENTRIES),
};

for (const [name, make] of Object.entries(CARRIERS)) {
  test(`extract() reads ${name}`, () => {
    const { http, garbage } = open();
    const context = http.extract(make());
    const { user, USER } = context?.baggage ?? {};
    assert.equal(context?.toString(), UBER);
    assert.equal(user ?? USER, "a b");
    assert.equal(context.isRemote, true);
    assert.deepEqual(garbage, []);
  });
}

test("extract() asks a carrier that only has get for the names it knows", () => {
  const asked: string[] = [];
  const get = (name: string): string => {
    asked.push(name);
    return name === "traceparent" ? `00-${TRACE}-${SPAN}-01` : "";
  };
  const { http, garbage } = open({ propagation: ["jaeger", "w3c"] });
  assert.equal(http.extract({ get })?.toString(), UBER);
  assert.ok(asked.includes("uber-trace-id") && asked.includes("baggage"));
  assert.deepEqual(garbage, []);
});

test("inject() writes into a plain object, and by set where there is one", () => {
  const { http } = open();
  const expected = { "uber-trace-id": UBER, "uberctx-user": "a%20b" };
  const context = makeContext({ user: "a b" });
  const object = {};
  const map = new Map<string, string>();
  const headers = new Headers();
  const metadata = new Metadata();
  for (const carrier of [object, map, headers, metadata]) http.inject(context, carrier);
  assert.deepEqual(object, expected);
  assert.deepEqual(Object.fromEntries(map), expected);
  assert.deepEqual(Object.fromEntries(headers), expected);
  assert.deepEqual(metadata.getMap(), expected);
});

test("text_map leaves baggage as it is, http_headers encodes it", () => {
  const { text, http } = open();
  const context = makeContext({ "a key": "50% é", user: "1+1 %41" });
  const plain = {};
  text.inject(context, plain);
  assert.deepEqual(plain, {
    "uber-trace-id": UBER,
    "uberctx-a key": "50% é",
    "uberctx-user": "1+1 %41",
  });
  assert.deepEqual(show(text.extract(plain)), {
    ids: UBER,
    baggage: { "a key": "50% é", user: "1+1 %41" },
  });
  const headers = {};
  http.inject(context, headers); // what is no name of a header stays here
  assert.deepEqual(headers, { "uber-trace-id": UBER, "uberctx-user": "1%2B1%20%2541" });
});

const HTTP_VALUES: readonly (readonly [string, string])[] = [
  ["plain", "plain"],
  ["a%20b", "a b"],
  ["a+b", "a b"], // as Go and Java write a space
  ["a%2Bb", "a+b"],
  ["100%", "100%"],
  ["%zz+1", "%zz+1"],
  ["%C3%28", "%C3%28"],
  ["", ""],
];

for (const [value, decoded] of HTTP_VALUES) {
  test(`http_headers reads baggage ${JSON.stringify(value)}`, () => {
    const { http } = open();
    assert.deepEqual(show(http.extract({ "uberctx-k": value })), { baggage: { k: decoded } });
  });
}

test("names are those of the configuration, in any case", () => {
  const names = { contextKey: "My-Trace", baggagePrefix: "My-Ctx-" };
  const { http, garbage } = open(names);
  const carrier = {};
  http.inject(makeContext({ user: "1" }), carrier);
  assert.deepEqual(carrier, { "my-trace": UBER, "my-ctx-user": "1" });
  assert.deepEqual(show(http.extract({ "MY-TRACE": UBER, "uberctx-x": "1", "my-ctx-y": "2" })), {
    ids: UBER,
    baggage: { y: "2" },
  });
  assert.equal(http.extract({ "uber-trace-id": UBER }), null);
  assert.deepEqual(garbage, []);
});

const UBER_TABLE: readonly (readonly [string, string | undefined])[] = [
  [UBER, UBER],
  [` ${UBER} `, UBER],
  [encodeURIComponent(UBER), UBER],
  [`${TRACE}:${SPAN}:${OTHER}:b`, `${TRACE}:${SPAN}:${OTHER}:b`],
  [`${TRACE}:${SPAN}:0000000000000000:0`, `${TRACE}:${SPAN}:0:0`],
  ["7:8:0:1", "0000000000000007:0000000000000008:0:1"],
  ["ABC:DEF:0:1", "0000000000000abc:0000000000000def:0:1"],
  [`100000000000000ab:${SPAN}:0:1`, `000000000000000100000000000000ab:${SPAN}:0:1`],
  ["x", undefined],
  [":::", undefined],
  [`${TRACE}:${SPAN}:0`, undefined],
  [`${TRACE}:${SPAN}:0:1:1`, undefined],
  [`${TRACE}:${SPAN}::1`, undefined],
  [`${TRACE}:${SPAN}:0:`, undefined],
  [`${TRACE}:${SPAN}:0:x`, undefined],
  [`${TRACE}:${SPAN}:0:-1`, undefined],
  [`0:${SPAN}:0:1`, undefined],
  [`${TRACE}:0:0:1`, undefined],
  [`${TRACE}0:${SPAN}:0:1`, undefined],
  [`${TRACE}:${SPAN}0:0:1`, undefined],
  [`${TRACE}:${SPAN}:x:1`, undefined],
  [`0x7:${SPAN}:0:1`, undefined],
  [`${UBER},${TRACE}:${OTHER}:0:1`, undefined],
  ["1".repeat(1_000), undefined],
  [":".repeat(1_000), undefined],
];

for (const [header, ids] of UBER_TABLE) {
  test(`extract() of uber-trace-id ${JSON.stringify(header.slice(0, 90))}`, () => {
    const { http, garbage } = open();
    assert.equal(http.extract({ "uber-trace-id": header })?.toString(), ids);
    assert.deepEqual(garbage, ids === undefined ? ["uber-trace-id"] : []);
  });
}

test("a header that is there twice is garbage, unless it is a list or says the same", () => {
  const { http, garbage } = open({ propagation: ["jaeger", "w3c"] });
  const other = `${TRACE}:${OTHER}:0:1`;
  assert.equal(http.extract({ "uber-trace-id": [UBER, UBER] })?.toString(), UBER);
  assert.equal(http.extract({ "uber-trace-id": [UBER, other] }), null);
  assert.deepEqual(garbage, ["uber-trace-id"]);
  const lists = makeMetadata([
    ["traceparent", `00-${TRACE}-${SPAN}-01`],
    ["tracestate", "a=1"],
    ["tracestate", "b=2"],
    ["baggage", "x=1"],
    ["baggage", "y=2"],
  ]);
  assert.deepEqual(show(http.extract(lists)), {
    ids: UBER,
    baggage: { x: "1", y: "2" },
    traceState: "a=1,b=2",
  });
});

test("jaeger-debug-id and jaeger-baggage are read without a trace", () => {
  for (const propagation of ["jaeger", "w3c", "b3"] as const) {
    const { http, garbage } = open({ propagation: [propagation] });
    const context = http.extract({ "jaeger-debug-id": "why%20slow" });
    assert.deepEqual(show(context), { debugId: "why slow" });
    assert.equal(context?.isDebugIDContainerOnly(), true);
    assert.deepEqual(show(http.extract({ "jaeger-baggage": "k1=v1, k2 = v2,k3=v%203" })), {
      baggage: { k1: "v1", "k2 ": " v2", k3: "v 3" },
    });
    assert.deepEqual(garbage, []);
    const carrier = {};
    if (context !== null) http.inject(context, carrier);
    assert.deepEqual(carrier, { "jaeger-debug-id": "why%20slow" });
  }
});

test("a debug id means nothing beside a trace; jaeger-baggage adds to it", () => {
  const { http } = open();
  const headers = {
    "uber-trace-id": UBER,
    "jaeger-debug-id": "x",
    "jaeger-baggage": "a=1,b=2",
    "uberctx-a": "0",
  };
  assert.deepEqual(show(http.extract(headers)), { ids: UBER, baggage: { a: "0", b: "2" } });
});

test("several formats: inject() writes all", () => {
  const { http } = open({ propagation: ["jaeger", "w3c", "b3", "b3-single", "w3c"] });
  const context = makeContext({ user: "a b" });
  context.traceState = "vendor=1";
  const carrier = {};
  http.inject(context, carrier);
  assert.deepEqual(carrier, {
    "uber-trace-id": UBER,
    "uberctx-user": "a%20b",
    traceparent: `00-${TRACE}-${SPAN}-01`,
    tracestate: "vendor=1",
    baggage: "user=a%20b",
    "x-b3-traceid": TRACE,
    "x-b3-spanid": SPAN,
    "x-b3-sampled": "1",
    b3: `${TRACE}-${SPAN}-1`,
  });
});

const SEVERAL: readonly (readonly [string, object, unknown, readonly string[]])[] = [
  [
    "the first in the configured order gives ids and baggage",
    {
      traceparent: `00-${TRACE}-${OTHER}-01`,
      baggage: "a=w3c",
      "uber-trace-id": UBER,
      "uberctx-a": "jaeger",
    },
    { ids: UBER, baggage: { a: "jaeger" } },
    [],
  ],
  [
    "one that is garbage is counted, the next is asked",
    { "uber-trace-id": "x", traceparent: `00-${TRACE}-${SPAN}-01`, b3: `${TRACE}-${OTHER}-1` },
    { ids: UBER },
    ["uber-trace-id"],
  ],
  [
    "all garbage",
    { "uber-trace-id": "x", traceparent: "y", b3: "z" },
    null,
    ["uber-trace-id", "traceparent", "b3"],
  ],
  [
    "baggage of another format than the ids",
    { "uber-trace-id": UBER, baggage: "a=w3c" },
    { ids: UBER, baggage: { a: "w3c" } },
    [],
  ],
  [
    "tracestate of the same trace is kept",
    { "uber-trace-id": UBER, traceparent: `00-${TRACE}-${OTHER}-01`, tracestate: "a=1" },
    { ids: UBER, traceState: "a=1" },
    [],
  ],
  [
    "tracestate of another trace is not",
    {
      "uber-trace-id": UBER,
      traceparent: `00-${TRACE.slice(1)}0-${OTHER}-01`,
      tracestate: "a=1",
    },
    { ids: UBER },
    [],
  ],
  ["tracestate without a parent means nothing", { tracestate: "a=1" }, null, []],
  [
    "ids of a later format go before a decision without ids",
    { b3: "0", "uber-trace-id": UBER },
    { ids: UBER },
    [],
  ],
  [
    "bad tracestate does not cost the ids",
    { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: "A" },
    { ids: UBER },
    ["tracestate"],
  ],
];

for (const [name, carrier, expected, reasons] of SEVERAL) {
  test(`several formats: ${name}`, () => {
    const { http, garbage } = open({ propagation: ["jaeger", "w3c", "b3"] });
    assert.deepEqual(show(http.extract(carrier)), expected);
    assert.deepEqual(garbage, reasons);
  });
}

test("only the formats that are configured are read", () => {
  const { http } = open({ propagation: ["w3c"] });
  assert.equal(http.extract({ "uber-trace-id": UBER, "uberctx-a": "1", b3: "1" }), null);
  assert.equal(
    open().http.extract({ traceparent: `00-${TRACE}-${SPAN}-01`, baggage: "a=1" }),
    null,
  );
});

test("an invalid context leaves its ids out", () => {
  const { http, garbage } = open({ propagation: ["jaeger", "w3c", "b3"] });
  const carrier = {};
  http.inject(new SpanContext().withBaggageItem("a", "1"), carrier);
  assert.deepEqual(carrier, { baggage: "a=1", "uberctx-a": "1" });
  assert.deepEqual(garbage, []);
});

test("baggage is bounded, in and out, and what is left out is counted", () => {
  const { http, garbage } = open({ maxima: { items: 2, chars: 20 } });
  const many = { "uberctx-a": "1", "uberctx-b": "2", "uberctx-c": "3" };
  assert.deepEqual(show(http.extract(many)), { baggage: { a: "1", b: "2" } });
  assert.deepEqual(show(http.extract({ "uberctx-a": "x".repeat(20), "uberctx-b": "2" })), {
    baggage: { b: "2" },
  });
  const carrier = {};
  http.inject(makeContext({ a: "1", b: "x".repeat(20), c: "3", d: "4" }), carrier);
  assert.deepEqual(carrier, { "uber-trace-id": UBER, "uberctx-a": "1", "uberctx-c": "3" });
  assert.deepEqual(garbage, ["baggage", "baggage", "baggage", "baggage"]);
});

test("long headers are garbage, and many headers are not looked at", () => {
  const { http, garbage } = open({ propagation: ["w3c"] });
  const long = "x".repeat(20_000);
  assert.equal(
    http.extract({ baggage: `a=${long}`, traceparent: long, "jaeger-debug-id": long }),
    null,
  );
  assert.equal(http.extract({ "jaeger-debug-id": "x".repeat(1_025) }), null);
  const reasons = ["baggage", "traceparent", "jaeger-debug-id", "jaeger-debug-id"];
  assert.deepEqual(garbage, reasons);
  const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`x-${at}`, "1"]));
  assert.equal(http.extract({ ...many, traceparent: `00-${TRACE}-${SPAN}-01` }), null);
});

test("keys like __proto__ are keys like others", () => {
  const { http } = open({ propagation: ["jaeger", "w3c"] });
  const carrier = JSON.parse(`{"uberctx-__proto__":"1","__proto__":"2","uberctx-constructor":"3"}`);
  const context = http.extract(carrier);
  assert.equal(Object.getPrototypeOf(context?.baggage), null);
  assert.deepEqual(Object.keys(context?.baggage ?? {}), ["__proto__", "constructor"]);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  const back: Record<string, string> = {};
  http.inject(makeContext().withBaggageItem("__proto__", "x"), back);
  assert.deepEqual(Object.keys(back), [
    "uber-trace-id",
    "traceparent",
    "baggage",
    "uberctx-__proto__",
  ]);
  assert.equal(Object.getPrototypeOf(back), Object.prototype);
});

const NO_CARRIERS: readonly (readonly [string, unknown])[] = [
  ["undefined", undefined],
  ["null", null],
  ["a text", UBER],
  ["a number", 1],
  [
    "a getter that throws",
    {
      get "uber-trace-id"(): string {
        throw new Error("no");
      },
    },
  ],
  [
    "a get that throws",
    {
      get(): string {
        throw new Error("no");
      },
    },
  ],
];

for (const [name, carrier] of NO_CARRIERS) {
  test(`extract() of ${name} is nothing, and counted`, () => {
    const { http, garbage } = open();
    assert.equal(http.extract(carrier), null);
    assert.deepEqual(garbage, ["carrier"]);
  });
}

test("inject() into what takes nothing is counted", () => {
  const { http, garbage } = open();
  for (const carrier of [undefined, null, "text", Object.freeze({})]) {
    http.inject(makeContext({ a: "1" }), carrier);
  }
  assert.deepEqual(garbage, ["carrier", "carrier", "carrier", "carrier"]);
});

test("inject() loses only the items of baggage that a carrier refuses", () => {
  const { http, garbage } = open();
  const metadata = new Metadata();
  http.inject(makeContext({ "a+b": "1", "c-bin": "2", d: "3" }), metadata);
  assert.deepEqual(metadata.getMap(), { "uber-trace-id": UBER, "uberctx-d": "3" });
  assert.deepEqual(garbage, ["baggage", "baggage"]);
});

test("values that are no text are not looked at", () => {
  const { http, garbage } = open();
  const carrier = { "uber-trace-id": 7, "uberctx-a": null, "uberctx-b": {}, "uberctx-c": [1, "2"] };
  assert.deepEqual(show(http.extract(carrier)), { baggage: { c: "2" } });
  assert.deepEqual(garbage, []);
});
