// Words and flags of a command, told apart.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Settings, setting } from "../base/settings.ts";
import { nameWords, splitWords } from "./command-words.ts";

const table = {
  repair: setting("bool", false, { help: "" }),
  service: setting("string", "", { help: "" }),
} satisfies Settings;

const cases: readonly (readonly [argv: string, words: string, flags: string])[] = [
  ["", "", ""],
  ["a b", "a b", ""],
  ["a --repair b", "a b", "--repair"],
  ["--service cart a", "a", "--service cart"],
  ["-service cart a -", "a -", "-service cart"],
  ["--service=cart a", "a", "--service=cart"],
  ["--unknown a", "a", "--unknown"],
  ["a --service", "a", "--service"],
];
for (const [argv, words, flags] of cases) {
  test(`splitWords() splits "${argv}"`, () => {
    const list = argv.split(" ").filter((word) => word !== "");
    const split = splitWords(list, table);
    assert.deepEqual([split.words.join(" "), split.flags.join(" ")], [words, flags]);
  });
}

test("nameWords() refuses too few and too many words", () => {
  assert.deepEqual(nameWords("verify", ["a"], ["DIR"]), ["a"]);
  for (const words of [[], ["a", "b"]]) {
    assert.throws(() => nameWords("verify", words, ["DIR"]), {
      code: "bad-input",
      message: `${words.length} words; expected spoor verify DIR [--name=value …]`,
    });
  }
});
