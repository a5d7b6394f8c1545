// The printed pages are those in docs/.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { printConfigurationPage, printMetricsPage } from "./print-docs.ts";
import { allInOneSettings } from "./roles.ts";

function readPage(name: string): string {
  return readFileSync(new URL(`../../docs/${name}.md`, import.meta.url), "utf8");
}

test("docs/configuration.md is what `spoor docs` prints", () => {
  assert.equal(readPage("configuration"), printConfigurationPage());
});

test("docs/metrics.md is what `spoor docs metrics` prints", async () => {
  assert.equal(readPage("metrics"), await printMetricsPage());
});

test("printConfigurationPage() names every spelling of every setting", () => {
  const page = printConfigurationPage();
  for (const [name, row] of Object.entries(allInOneSettings)) {
    const aliases = "aliases" in row ? (row.aliases ?? []) : [];
    for (const spelling of [name, ...aliases.map((alias) => alias.name)]) {
      assert.ok(page.includes(`| \`${spelling}\` |`), spelling);
    }
  }
});
