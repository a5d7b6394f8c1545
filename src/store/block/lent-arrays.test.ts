// Arrays that are used again: they hold zeros, and nobody shares one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { makeLender, withLent } from "./lent-arrays.ts";

test("withLent() gives zeros, of the same memory if it is long enough", () => {
  const lender = makeLender((length) => new Uint16Array(length));
  const first = withLent(lender, 4, (zeros) => zeros.fill(7));
  const second = withLent(lender, 3, (zeros) => {
    assert.deepEqual([...zeros.subarray(0, 3)], [0, 0, 0]);
    return zeros;
  });
  assert.equal(second, first);
  withLent(lender, 5, (zeros) => assert.deepEqual([...zeros], [0, 0, 0, 0, 0]));
});

test("withLent() gives a use within a use memory of its own, also after a failure", () => {
  const lender = makeLender((length) => new Uint16Array(length));
  withLent(lender, 2, (outer) => {
    withLent(lender, 2, (inner) => assert.notEqual(inner, outer));
  });
  const broken = (): never => {
    throw new Error("broken");
  };
  assert.throws(() => withLent(lender, 2, broken), /broken/);
  withLent(lender, 2, (zeros) => assert.deepEqual([...zeros], [0, 0]));
});

test("withLent() does not keep what is very long", () => {
  const lender = makeLender((length) => new Uint16Array(length));
  withLent(lender, 1 << 20, () => undefined);
  assert.equal(lender.spare, undefined);
});
