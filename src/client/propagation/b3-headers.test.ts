// Tables after openzipkin/b3-propagation.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NoopReporter } from "../reporter.ts";
import { ConstSampler } from "../samplers/const-sampler.ts";
import { Tracer } from "../tracer.ts";
import { makeCodecs } from "./codec.ts";

const TRACE = "80f198ee56343ba864fe8b2a57d3eff7";
const SPAN = "e457b5a2e4d86bd1";
const PARENT = "05e3ac9a4f6e3b90";

function extract(carrier: object): { text: string | undefined; garbage: string[] } {
  const garbage: string[] = [];
  const codecs = makeCodecs({ propagation: ["b3"], onGarbage: (reason) => garbage.push(reason) });
  const context = codecs.http_headers.extract(carrier);
  if (context === null) return { text: undefined, garbage };
  const text = context.isValid
    ? context.toString()
    : `flags ${context.flags}, ${context.isRemote ? "decided" : "undecided"}`;
  return { text, garbage };
}

const multi = (trace: string, span: string, more: object = {}): object => ({
  "X-B3-TraceId": trace,
  "X-B3-SpanId": span,
  ...more,
});

const TABLE: readonly (readonly [object, string | undefined, (readonly string[])?])[] = [
  [{ b3: `${TRACE}-${SPAN}-1-${PARENT}` }, `${TRACE}:${SPAN}:${PARENT}:1`],
  [{ b3: `${TRACE}-${SPAN}-0` }, `${TRACE}:${SPAN}:0:0`],
  [{ b3: `${TRACE}-${SPAN}-d` }, `${TRACE}:${SPAN}:0:3`],
  [{ b3: `${TRACE}-${SPAN}` }, `${TRACE}:${SPAN}:0:0`],
  [{ B3: `${SPAN}-${SPAN}-1` }, `${SPAN}:${SPAN}:0:1`],
  [{ b3: "7-8-1" }, "0000000000000007:0000000000000008:0:1"],
  [{ b3: "0" }, "flags 0, decided"],
  [{ b3: "1" }, "flags 1, decided"],
  [{ b3: "d" }, "flags 3, decided"],
  [{ b3: "" }, undefined],
  [{ b3: "x" }, undefined, ["b3"]],
  [{ b3: "-" }, undefined, ["b3"]],
  [{ b3: `${TRACE}-${SPAN}-2` }, undefined, ["b3"]],
  [{ b3: `${TRACE}-${SPAN}-` }, undefined, ["b3"]],
  [{ b3: `${TRACE}-${SPAN}-1-${PARENT}-1` }, undefined, ["b3"]],
  [{ b3: `0${TRACE}-${SPAN}-1` }, undefined, ["b3"]],
  [{ b3: `${TRACE}-0${SPAN}-1` }, undefined, ["b3"]],
  [{ b3: `${TRACE}-0-1` }, undefined, ["b3"]],
  [{ b3: `0-${SPAN}-1` }, undefined, ["b3"]],
  [{ b3: `${TRACE}-${SPAN}-1-xyz` }, `${TRACE}:${SPAN}:0:1`],
  [multi(TRACE, SPAN, { "X-B3-Sampled": "1" }), `${TRACE}:${SPAN}:0:1`],
  [multi(TRACE, SPAN, { "X-B3-Sampled": "0" }), `${TRACE}:${SPAN}:0:0`],
  [multi(TRACE, SPAN, { "X-B3-Sampled": "true" }), `${TRACE}:${SPAN}:0:1`],
  [multi(TRACE, SPAN, { "X-B3-Sampled": "False" }), `${TRACE}:${SPAN}:0:0`],
  [multi(TRACE, SPAN, { "X-B3-Sampled": "maybe" }), `${TRACE}:${SPAN}:0:0`],
  [multi(TRACE, SPAN, { "X-B3-Flags": "1" }), `${TRACE}:${SPAN}:0:3`],
  [multi(TRACE, SPAN, { "X-B3-Flags": "1", "X-B3-Sampled": "0" }), `${TRACE}:${SPAN}:0:3`],
  [multi(TRACE, SPAN, { "X-B3-Flags": "0", "X-B3-Sampled": "1" }), `${TRACE}:${SPAN}:0:1`],
  [multi(TRACE, SPAN, { "X-B3-ParentSpanId": PARENT }), `${TRACE}:${SPAN}:${PARENT}:0`],
  [multi(TRACE.toUpperCase(), SPAN), `${TRACE}:${SPAN}:0:0`],
  [{ "X-B3-Sampled": "0" }, "flags 0, decided"],
  [{ "X-B3-Sampled": "1" }, "flags 1, decided"],
  [{ "X-B3-Flags": "1" }, "flags 3, decided"],
  [{ "X-B3-Flags": "0" }, undefined],
  [{ "X-B3-Sampled": "maybe" }, undefined, ["x-b3"]],
  [{ "X-B3-ParentSpanId": PARENT }, undefined],
  [{ "X-B3-TraceId": TRACE }, undefined, ["x-b3"]],
  [{ "X-B3-SpanId": SPAN }, undefined, ["x-b3"]],
  [multi("xyz", SPAN), undefined, ["x-b3"]],
  // One header goes before the many, unless it is garbage.
  [{ ...multi(TRACE, PARENT), b3: `${TRACE}-${SPAN}-1` }, `${TRACE}:${SPAN}:0:1`],
  [{ ...multi(TRACE, PARENT), b3: "garbage" }, `${TRACE}:${PARENT}:0:0`, ["b3"]],
];

for (const [carrier, text, garbage = []] of TABLE) {
  test(`b3: extract() of ${JSON.stringify(carrier)}`, () => {
    assert.deepEqual(extract(carrier), { text, garbage });
  });
}

for (const [flags, sampled, single] of [
  [0, { "x-b3-sampled": "0" }, "0"],
  [1, { "x-b3-sampled": "1" }, "1"],
  [3, { "x-b3-flags": "1" }, "d"],
] as const) {
  test(`b3: inject() with flags ${flags}, many headers or one`, () => {
    const codecs = makeCodecs({
      propagation: ["b3", "b3-single"],
      onGarbage: (reason) => assert.fail(reason),
    });
    const context = codecs.text_map.extract({ b3: `${TRACE}-${SPAN}-1-${PARENT}` });
    assert.ok(context);
    context.flags = flags;
    const carrier = {};
    codecs.text_map.inject(context, carrier);
    assert.deepEqual(carrier, {
      "x-b3-traceid": TRACE,
      "x-b3-spanid": SPAN,
      "x-b3-parentspanid": PARENT,
      ...sampled,
      b3: `${TRACE}-${SPAN}-${single}-${PARENT}`,
    });
  });
}

for (const [decision, flags] of [
  ["0", 0],
  ["1", 1],
  ["d", 3],
] as const) {
  test(`b3: ${decision} alone decides for the trace that starts, whatever the sampler says`, async () => {
    const onGarbage = (reason: string): void => assert.fail(reason);
    const codecs = { ...makeCodecs({ propagation: ["b3"], onGarbage }) };
    const sampler = new ConstSampler(decision === "0");
    const tracer = new Tracer("test", new NoopReporter(), sampler, { codecs });
    for (const headers of [{ b3: decision }, { b3: decision, "uberctx-user": "1" }]) {
      const childOf = tracer.extract("http_headers", headers);
      const context = tracer.startSpan("root", { childOf }).context();
      assert.equal(context.isValid, true);
      assert.equal(context.flags, flags);
    }
    const childOf = tracer.extract("http_headers", { "uberctx-user": "1" });
    const undecided = tracer.startSpan("root", { childOf });
    assert.equal(undecided.context().isSampled(), decision === "0");
    assert.equal(undecided.getBaggageItem("user"), "1");
    await tracer.close();
  });
}
