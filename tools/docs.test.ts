// The pages that are printed from tables say what the tables say. `npm run docs` prints them again.
//
// Not here: the pages that people write.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { printConfigurationPage, printMetricsPage } from "../src/cli/print-docs.ts";
import { root } from "./source-files.ts";

const pages: readonly (readonly [path: string, print: () => string | Promise<string>])[] = [
  ["docs/configuration.md", printConfigurationPage],
  ["docs/metrics.md", printMetricsPage],
];

for (const [path, print] of pages) {
  test(`${path} is what the program prints today`, async () => {
    const written = existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "";
    assert.ok(written === (await print()), `${path} is stale: run "npm run docs"`);
  });
}
