// Equal resources and scopes are one, different ones are not.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SpanBatch } from "../model/span-batch.ts";
import { ZipkinOwners } from "./zipkin-owners.ts";

test("resource() gives one resource for equal services and pairs, however many come between", () => {
  const pair = fc.tuple(fc.constantFrom("a", "b", "service.name"), fc.constantFrom("", "x", "y"));
  const description = fc.record({
    service: fc.constantFrom("", "s", "t", "x"),
    pairs: fc.uniqueArray(pair, { maxLength: 3, selector: ([key]) => key }),
  });
  fc.assert(
    fc.property(fc.array(description, { maxLength: 60 }), (list) => {
      const batch = new SpanBatch();
      const owners = new ZipkinOwners(batch);
      const text = (value: string): number => batch.dictionary.internText(value);
      const known = new Map<string, number>();
      for (const { service, pairs } of list) {
        owners.begin(text(service));
        for (const [key, value] of pairs) owners.add(text(key), text(value));
        const resource = owners.resource();
        const name = pairs.find(([key]) => key === "service.name")?.[1] ?? service;
        const others = pairs.filter(([key]) => key !== "service.name");
        const identity = JSON.stringify([name, others]);
        assert.equal(resource, known.get(identity) ?? known.size);
        known.set(identity, resource);
        assert.equal(batch.dictionary.text(batch.serviceOf(resource)), name);
      }
      assert.equal(batch.resources, known.size);
    }),
  );
});

test("resource() stays right while its table grows", () => {
  const batch = new SpanBatch();
  const owners = new ZipkinOwners(batch);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 1_000; i++) {
      owners.begin(batch.dictionary.internText(`service ${i}`));
      assert.equal(owners.resource(), i);
    }
  }
});

test("scope() gives one scope for a name and a version", () => {
  const batch = new SpanBatch();
  const owners = new ZipkinOwners(batch);
  const pairs = [[0, 0], [1, 0], [0, 1], [1, 1], [0, 0], [0, 1]] as const; // prettier-ignore
  assert.deepEqual(
    pairs.map(([name, version]) => owners.scope(name, version)),
    [0, 1, 2, 3, 0, 2],
  );
});
