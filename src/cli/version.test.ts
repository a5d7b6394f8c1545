// Where the version is found.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { readVersion } from "./version.ts";

const root = mkdtempSync(join(tmpdir(), "spoor-version-"));
after(() => rmSync(root, { recursive: true }));

function versionIn(files: Readonly<Record<string, string>>): ReturnType<typeof readVersion> {
  const base = mkdtempSync(join(root, "case-"));
  mkdirSync(join(base, "src/cli"), { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(base, path), text);
  return readVersion(pathToFileURL(join(base, "src/cli/version.js")).href);
}

test("readVersion() reads this clone's own package.json", () => {
  assert.match(readVersion(import.meta.url).version, /^\d+\.\d+\.\d+/);
});

test("readVersion() reads what a published package says one folder up", () => {
  const published = '{"name":"spoor","version":"1.2.3","gitHead":"abc","buildDate":"2026-01-01"}';
  assert.deepEqual(versionIn({ "src/package.json": published, "package.json": "{}" }), {
    version: "1.2.3",
    commit: "abc",
    buildDate: "2026-01-01",
  });
});

test("readVersion() takes no other program's version, and does without", () => {
  const unknown = { version: "unknown", commit: "", buildDate: "" };
  assert.deepEqual(versionIn({ "package.json": '{"name":"other","version":"9"}' }), unknown);
  assert.deepEqual(versionIn({ "package.json": "{", "src/package.json": "[]" }), unknown);
  assert.deepEqual(versionIn({}), unknown);
});
