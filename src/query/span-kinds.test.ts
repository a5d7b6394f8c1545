// Names of kinds, there and back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseKind, printKind } from "./span-kinds.ts";

test("printKind() names the kinds of OTLP, parseKind() reads them back", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6, 255].map(printKind), [
    "",
    "internal",
    "server",
    "client",
    "producer",
    "consumer",
    "",
    "",
  ]);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((kind) => parseKind(printKind(kind))),
    [1, 2, 3, 4, 5],
  );
  for (const name of ["", "Server", "unspecified"]) assert.equal(parseKind(name), undefined);
});
