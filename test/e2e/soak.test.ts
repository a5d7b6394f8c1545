// The soak in its short form: tiny files, dropped all the time, for some seconds. That memory stays flat is for
// the long form to say (test/soak.ts); that it runs, drops, answers and keeps its books, this one.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { runProgram } from "./run-program.ts";

const SOAK = join(import.meta.dirname, "../soak.ts");
const MS_MAX = 120_000;

test("a store that is full drops the oldest and goes on", async (t) => {
  const args = [SOAK, "--tiny", "--seconds=8", "--rate=10000"];
  const text = await runProgram(process.execPath, args, { msMax: MS_MAX });
  t.diagnostic(text.trimEnd().split("\n").at(-1)!);
  assert.match(text, /nothing grew, and the books balance/);
});
