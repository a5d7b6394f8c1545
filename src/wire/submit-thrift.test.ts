// What stands around submitted spans: the list in the arguments, and the answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { i32, list, struct, text, writeBinary } from "../../test/thrift-writer.ts";
import {
  findArgumentList,
  readArgumentText,
  readSubmitResult,
  writeStructResult,
  writeSubmitResult,
} from "./submit-thrift.ts";
import { I32, STRUCT } from "./thrift-reader.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const two = [struct([1, text("a")]), struct()];

test("findArgumentList() finds the list wherever it stands, and what it holds", () => {
  const bare = hex(writeBinary(list(STRUCT, two)));
  const alone = findArgumentList(writeBinary(struct([1, list(STRUCT, two)])));
  assert.deepEqual([hex(alone.list), alone.count], [`${bare}00`, 2]);
  const last = findArgumentList(writeBinary(struct([9, text("x")], [1, list(STRUCT, two)])));
  assert.deepEqual([hex(last.list), last.count], [`${bare}00`, 2]);
});

test("findArgumentList() refuses every prefix that ends before the list, and other arguments", () => {
  const whole = writeBinary(struct([1, list(STRUCT, two)]));
  for (let end = 0; end < 8; end++) {
    assert.throws(() => findArgumentList(whole.subarray(0, end)), { code: "bad-input" });
  }
  for (const other of [struct(), struct([1, text("a")]), struct([1, list(I32, [i32(1)])])]) {
    assert.throws(() => findArgumentList(writeBinary(other)), { code: "bad-input" });
  }
});

test("findArgumentList() refuses a list that says more than there are bytes", () => {
  const bytes = Uint8Array.of(15, 0, 1, 12, 0x7f, 0xff, 0xff, 0xff, 0);
  assert.throws(() => findArgumentList(bytes), { code: "bad-input", message: /bytes remain/ });
});

test("readArgumentText() reads the text, behind what it does not know", () => {
  assert.equal(readArgumentText(writeBinary(struct([2, i32(1)], [1, text("größe")]))), "größe");
  for (const other of [struct(), struct([1, i32(1)])]) {
    assert.throws(() => readArgumentText(writeBinary(other)), { code: "bad-input" });
  }
});

test("writeSubmitResult() says yes as often as it is told", () => {
  assert.equal(hex(writeSubmitResult(0)), "0f00000c0000000000");
  assert.equal(hex(writeSubmitResult(2)), "0f00000c000000020200010100020001010000");
  assert.equal(writeSubmitResult(100_000).length, 9 + 5 * 100_000);
});

test("readSubmitResult() hears a single no, and refuses an answer that is cut off", () => {
  const yes = writeSubmitResult(2);
  assert.equal(readSubmitResult(yes), true);
  assert.equal(readSubmitResult(writeSubmitResult(0)), true);
  const no = yes.slice();
  no[16] = 0; // the second ok
  assert.equal(readSubmitResult(no), false);
  for (let end = 0; end < yes.length; end++) {
    assert.throws(() => readSubmitResult(yes.subarray(0, end)), { code: "bad-input" });
  }
});

test("writeStructResult() is the struct as field 0", () => {
  const inner = writeBinary(struct([1, text("a")]));
  assert.equal(hex(writeStructResult(inner)), `0c0000${hex(inner)}00`);
});
