// The envelope, where no route shows it in full.

import assert from "node:assert/strict";
import { test } from "node:test";
import { answerError, printGoJson } from "./http-answers.ts";

test("printGoJson() escapes what HTML or JavaScript could take for more than text", () => {
  assert.equal(
    printGoJson({ a: "<b>&\u2028\u2029é" }),
    '{"a":"\\u003cb\\u003e\\u0026\\u2028\\u2029é"}',
  );
});

test("answerError() is Jaeger's envelope, a line of plain text", () => {
  assert.deepEqual(answerError(404, "trace not found"), {
    status: 404,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "X-Content-Type-Options": "nosniff",
    },
    body: '{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}\n',
  });
});
