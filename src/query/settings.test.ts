// What the query settings allow.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSettings } from "../base/parse-settings.ts";
import { querySettings } from "./settings.ts";

function basePathOf(path: string): string {
  const argv = [`--query.base-path=${path}`];
  return parseSettings({ table: querySettings, argv, env: {} }).config["query.base-path"];
}

test("query.base-path takes what a proxy's path looks like", () => {
  for (const path of ["/", "/jaeger", "/a/b", "/ä"]) assert.equal(basePathOf(path), path);
});

test("query.base-path refuses what could not be put before a route", () => {
  for (const path of ["", "jaeger", "/jaeger/", "//", "/a?b", "/a#b", "/a b"]) {
    assert.throws(() => basePathOf(path), { code: "bad-input" }, path);
  }
});
