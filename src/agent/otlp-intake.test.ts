// Requests by OTLP without sockets: joined, and answered together.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTrace } from "../../test/make-trace.ts";
import { SpoorError } from "../base/errors.ts";
import { readOtlpTraces } from "../wire/otlp-proto.ts";
import { writeOtlpProto } from "../wire/write-otlp-proto.ts";
import { AgentLedger, findImbalances } from "./ledger.ts";
import { OtlpIntake } from "./otlp-intake.ts";
import type { Parcel } from "./parcel.ts";
import { ParcelSender } from "./parcel-sender.ts";

function openRig(send: (parcel: Parcel) => Promise<void>, batchBytesMax = 1e6) {
  const ledger = new AgentLedger();
  const onBug = (error: unknown): never => assert.fail(String(error));
  const sink = { format: "jaeger-proto", send } as const;
  const sender = new ParcelSender({ ledger, sink, onParcel: () => {}, onBug });
  const intake = new OtlpIntake({
    books: [ledger.open("otlp-grpc")],
    ledger,
    sender,
    hasTaker: () => true,
    format: "jaeger-proto",
    tags: new Map([["zone", "b"]]),
    inFlightBytesMax: 1e6,
    batchBytesMax,
    batchAgeMs: 1e6,
    onBug,
  });
  return { ledger, intake, take: intake.open(0, readOtlpTraces) };
}

/** So many spans have a request of their own. */
const requestOf = (service: string, from: number): Uint8Array =>
  writeOtlpProto([
    makeTrace(...Array.from({ length: 40 }, (_, index) => ({ id: from + index, service }))),
  ]);

test("OtlpIntake answers all whose requests were joined, when the last parcel has arrived", async () => {
  const parcels: Parcel[] = [];
  const { ledger, intake, take } = openRig((parcel) => {
    parcels.push(parcel);
    return Promise.resolve();
  });
  const answers = [take(requestOf("one", 1)), take(requestOf("two", 100))];
  answers.push(take(requestOf("one", 200)));
  intake.finish();
  for (const answer of await Promise.all(answers)) assert.equal(answer.spans, 0);
  assert.deepEqual(
    parcels.map(({ spans, services }) => [spans, services]),
    [
      [80, [["one", 80]]],
      [40, [["two", 40]]],
    ],
  );
  await assert.rejects(take(requestOf("one", 300)), { code: "unavailable" });
  assert.deepEqual(findImbalances(ledger.figures()), []);
});

test("OtlpIntake says to all whose requests were joined that a part has not arrived", async () => {
  const { ledger, intake, take } = openRig(({ services }) =>
    services[0]?.[0] === "two"
      ? Promise.reject(new SpoorError("overloaded", "no room"))
      : Promise.resolve(),
  );
  const answers = [take(requestOf("one", 1)), take(requestOf("two", 100))];
  const all = answers.map((answer) => assert.rejects(answer, { code: "overloaded" }));
  intake.finish();
  await Promise.all(all);
  const { spans } = ledger.figures().total;
  assert.deepEqual([spans.forwarded, spans.dropped.overloaded], [40, 40]);
  assert.deepEqual(findImbalances(ledger.figures()), []);
});

test("OtlpIntake waits for no others when a batch is full", async () => {
  const { take } = openRig(() => Promise.resolve(), 1);
  assert.equal((await take(requestOf("one", 1))).spans, 0);
});
