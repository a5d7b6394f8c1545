// Parcels as records: what goes in comes out; what is cut short is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SpoorError } from "../base/errors.ts";
import { readParcelRecord, writeParcelRecord } from "./parcel-record.ts";

const services = fc.array(
  fc.tuple(fc.string({ unit: "grapheme", maxLength: 50 }), fc.nat(1_000_000)),
  { maxLength: 20 },
);

test("readParcelRecord() gives back what writeParcelRecord() wrote", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), services, (payload, spans, list) => {
      const read = readParcelRecord(writeParcelRecord({ payload, spans, services: list }));
      assert.deepEqual(
        { ...read, payload: [...read.payload] },
        { payload: [...payload], spans, services: list },
      );
    }),
  );
});

test("readParcelRecord() refuses every record whose header is cut short", () => {
  const payload = new Uint8Array(0);
  const parcel = { payload, spans: 3, services: [["a", 1] as const, ["bc", 2] as const] };
  const record = writeParcelRecord(parcel);
  for (let length = 0; length < record.length; length++) {
    const cut = record.subarray(0, length);
    assert.throws(() => readParcelRecord(cut), { name: "SpoorError", code: "bad-input" });
  }
});

test("readParcelRecord() reads or refuses a record with any byte changed", () => {
  const payload = Buffer.from("payload");
  const record = writeParcelRecord({ payload, spans: 3, services: [["frontend", 3]] });
  for (let at = 0; at < record.length; at++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const changed = Uint8Array.from(record);
      changed[at]! ^= flip;
      try {
        readParcelRecord(changed);
      } catch (error) {
        assert.ok(error instanceof SpoorError);
      }
    }
  }
});

test("writeParcelRecord() books services beyond its bound under one name", () => {
  const list = Array.from({ length: 1_500 }, (_, index) => [`service-${index}`, 1] as const);
  const parcel = { payload: new Uint8Array(1), spans: 1_500, services: list };
  const read = readParcelRecord(writeParcelRecord(parcel));
  assert.equal(read.services.length, 1_000);
  assert.deepEqual(read.services.at(-1), ["other", 501]);
});
