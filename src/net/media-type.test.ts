// What a Content-Type says, as clients write it.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpRequest } from "./http-route.ts";
import { mediaTypeOf } from "./media-type.ts";

test("mediaTypeOf() gives the type without parameters, in lower case", () => {
  const cases = [
    [undefined, ""],
    ["application/json", "application/json"],
    ["Application/X-Protobuf ; q=1", "application/x-protobuf"],
    [["text/plain", "text/html"], "text/plain"],
  ] as const;
  for (const [header, expected] of cases) {
    const headers = header === undefined ? {} : { "content-type": header };
    assert.equal(mediaTypeOf({ headers } as unknown as HttpRequest), expected);
  }
});
