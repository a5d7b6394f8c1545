// Every kind of carrier, written and read by its own rules.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import { readCarrier, writeHeader } from "./carrier.ts";

function read(carrier: unknown, known: readonly string[] = []): [string, string][] | undefined {
  const headers: [string, string][] = [];
  const isCarrier = readCarrier(carrier, known, (name, value) => headers.push([name, value]));
  return isCarrier ? headers : undefined;
}

test("readCarrier() shows what writeHeader() wrote", () => {
  const list = { get: (name: string) => list.kept.get(name), kept: new Map<string, string>() };
  const getSet = { ...list, set: (name: string, value: string) => list.kept.set(name, value) };
  for (const carrier of [
    {},
    new Map(),
    new Headers(),
    new URLSearchParams(),
    new Metadata(),
    getSet,
  ]) {
    writeHeader(carrier, "a", "1");
    writeHeader(carrier, "b", "2");
    writeHeader(carrier, "a", "3");
    const expected = [
      ["a", "3"],
      ["b", "2"],
    ];
    assert.deepEqual(read(carrier, ["a", "b"]), expected);
  }
});

test("readCarrier() shows each value of a list, and bytes as text", () => {
  const metadata = new Metadata();
  metadata.add("a", "1");
  metadata.add("a", "2");
  metadata.add("b-bin", Buffer.from("3"));
  const expected = [
    ["a", "1"],
    ["a", "2"],
    ["b-bin", "3"],
  ];
  assert.deepEqual(read(metadata), expected);
  assert.deepEqual(read({ a: ["1", "2"], "b-bin": Buffer.from("3"), c: 4, d: null }), expected);
});

test("readCarrier() does not show what is inherited, nor what is no entry", () => {
  assert.deepEqual(read(Object.create({ inherited: "1" })), []);
  const odd = Object.assign([["a", "1"], "text", [1, "2"], ["b"], null], { get: () => undefined });
  assert.deepEqual(read(odd), [["a", "1"]]);
});

test("readCarrier() looks at 2,000 headers, however many there are", () => {
  const many = Array.from({ length: 2_500 }, (_, at): [string, string] => [`x-${at}`, "1"]);
  const values = Array.from({ length: 2_500 }, (_, at) => String(at));
  assert.equal(read(Object.fromEntries(many))?.length, 2_000);
  assert.equal(read(new Map(many))?.length, 2_000);
  assert.equal(read({ a: values })?.length, 2_000);
});

test("what is no carrier is refused", () => {
  for (const carrier of [undefined, null, 1, "text", (): void => undefined]) {
    assert.equal(read(carrier), undefined);
    assert.throws(() => writeHeader(carrier, "a", "1"), TypeError);
  }
});
