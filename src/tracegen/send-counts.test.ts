// What was sent is what was accepted, refused or never answered for.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ACCEPTED, REASONS, UNACKNOWLEDGED, type Verdict, refused } from "./carriers/carrier.ts";
import { type Report, SendCounts, printReport, sumRefused } from "./send-counts.ts";

const anyVerdict: fc.Arbitrary<Verdict> = fc.oneof(
  fc.constantFrom(ACCEPTED, UNACKNOWLEDGED),
  fc.constantFrom(...REASONS).map((reason) => refused(reason, "no")),
  fc.nat({ max: 300 }).map((spans): Verdict => {
    return { is: "refused", reason: "partial", spans, message: "" };
  }),
);

test("SendCounts keeps sent = accepted + unacknowledged + refused, whatever is answered", () => {
  const anyPayload = fc.tuple(fc.constantFrom("a", "b"), fc.nat({ max: 200 }), anyVerdict);
  fc.assert(
    fc.property(fc.array(anyPayload), (payloads) => {
      const counts = new SendCounts(["a", "b"]);
      for (const [service, spans, verdict] of payloads) counts.add(service, spans, 10, verdict);
      const { spans, services, bytes } = counts.figures();
      assert.equal(bytes, 10 * payloads.length);
      for (const one of [spans, ...services]) {
        assert.equal(one.sent, one.accepted + one.unacknowledged + sumRefused(one));
        assert.ok(one.accepted >= 0);
      }
      assert.equal(
        spans.sent,
        services.reduce((sum, one) => sum + one.sent, 0),
      );
    }),
  );
});

test("printReport() says it in lines for people", () => {
  const counts = new SendCounts(["shop-00", "shop-01"]);
  counts.add("shop-00", 7, 700, ACCEPTED);
  counts.add("shop-01", 5, 500, refused("overloaded", "HTTP status 429"));
  counts.add("shop-01", 4, 400, { is: "refused", reason: "partial", spans: 1, message: "no id" });
  const report: Report = {
    protocol: "otlp-http",
    target: "127.0.0.1:4318",
    seconds: 2,
    traces: 2,
    rate: { asked: 10, reached: 4.25, isKept: false },
    ...counts.figures(),
  };
  assert.equal(
    printReport(report),
    `otlp-http to 127.0.0.1:4318: 2 traces in 2.00 s, 16 spans in 3 payloads of 1600 bytes
  4.3 traces/s of 10 asked for: the rate was not kept
  sent 16, accepted 10, refused 6 (overloaded 5, partial 1)
  first refusal: HTTP status 429
  shop-00  sent 7, accepted 7, refused 0
  shop-01  sent 9, accepted 3, refused 6 (overloaded 5, partial 1)
`,
  );
});
