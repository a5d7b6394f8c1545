// What the checks see must be what is there: a pattern that misses an import makes tidy blind.

import assert from "node:assert/strict";
import { test } from "node:test";
import { codeLines, makeSourceFile, packageOf } from "./source-files.ts";

const cases: readonly (readonly [what: string, text: string, specifiers: readonly string[]])[] = [
  ["one line", `import { a } from "../base/a.ts";`, ["../base/a.ts"]],
  ["a type", `import type { A } from "./a.ts";`, ["./a.ts"]],
  ["several lines", `import {\n  a,\n  type B,\n} from "../b.ts";`, ["../b.ts"]],
  ["a namespace", `import * as grpc from "@grpc/grpc-js";`, ["@grpc/grpc-js"]],
  ["a re-export", `export { a } from "./a.ts";\nexport * from "./b.ts";`, ["./a.ts", "./b.ts"]],
  ["a side effect", `import "./a.ts";`, ["./a.ts"]],
  ["a dynamic import", `  const m = await import("./a.ts");`, ["./a.ts"]],
  ["an export of a value", `export const a = 1;\nconst from = "x";`, []],
  ["two statements", `import a from "a";\nimport b from "b";`, ["a", "b"]],
];

for (const [what, text, specifiers] of cases) {
  test(`makeSourceFile() finds ${what}`, () => {
    const file = makeSourceFile("src/wire/x.ts", text);
    assert.deepEqual(
      file.imports.map((one) => one.specifier),
      specifiers,
    );
  });
}

test("makeSourceFile() tells the room and resolves relative imports", () => {
  const file = makeSourceFile("src/store/memory/x.test.ts", `import "../../base/a.ts";`);
  assert.deepEqual([file.room, file.isTest], ["store", true]);
  assert.equal(file.imports[0]?.path, "src/base/a.ts");
});

test("packageOf() keeps the scope and drops the path", () => {
  assert.equal(packageOf("@grpc/grpc-js/build/src/x"), "@grpc/grpc-js");
  assert.equal(packageOf("yaml"), "yaml");
});

test("codeLines() blanks comments and keeps line numbers", () => {
  const text = ["// a", "/**", " * b", " */", "code(); // c", '"http://x"'].join("\n");
  assert.deepEqual(codeLines(text), ["", "", "", "", "code();", '"http://x"']);
});
