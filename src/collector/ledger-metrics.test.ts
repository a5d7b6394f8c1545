// The scraped text follows the books.

import assert from "node:assert/strict";
import { test } from "node:test";
import { printMetrics } from "../base/metrics-text.ts";
import { MetricsRegistry } from "../base/metrics.ts";
import { showAccount } from "./ledger-metrics.ts";
import { Account } from "./ledger.ts";
import { collectorMetrics } from "./metrics.ts";

test("showAccount() shows every column of the books, zeros too", () => {
  const registry = new MetricsRegistry();
  const metrics = registry.register(collectorMetrics);
  const account = new Account("zipkin", "zipkin-proto");
  showAccount(account, metrics);
  const valuesOf = (what: string): string[] =>
    printMetrics(registry)
      .split("\n")
      .filter((line) => line.startsWith(`spoor_collector_${what}_`))
      .map((line) =>
        line
          .replace(`spoor_collector_${what}_`, "")
          .replace('door="zipkin",format="zipkin-proto"', ""),
      );
  assert.equal(valuesOf("spans").length, 12);
  assert.ok(valuesOf("spans").every((line) => line.endsWith(" 0")));
  account.spans.receive(10);
  account.spans.store(4);
  account.spans.refuse(3, "overloaded");
  account.spans.drop(1, "bug");
  account.refuseRequest("too-large");
  assert.deepEqual(
    valuesOf("spans").filter((line) => !line.endsWith(" 0")),
    [
      "received_total{} 10",
      "stored_total{} 4",
      'refused_total{,reason="overloaded"} 3',
      'dropped_total{,reason="bug"} 1',
      "in_flight{} 2",
    ],
  );
  assert.deepEqual(
    valuesOf("requests").filter((line) => !line.endsWith(" 0")),
    ["received_total{} 1", 'refused_total{,reason="too-large"} 1'],
  );
});
