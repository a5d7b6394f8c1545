// Words and flags of a command that takes both: `spoor verify ./data --repair`.
//
// A flag's value may follow it as a word of its own only if the flag takes one: the table tells.
// Not here: what flags mean (base/parse-settings.ts).

import { SpoorError } from "../base/errors.ts";
import type { Settings } from "../base/settings.ts";

export interface CommandWords {
  /** What is no flag and no flag's value. */
  readonly words: readonly string[];
  readonly flags: readonly string[];
}

export function splitWords(argv: readonly string[], table: Settings): CommandWords {
  const words: string[] = [];
  const flags: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    // A lone dash is standard input or output.
    if (!word.startsWith("-") || word === "-") {
      words.push(word);
      continue;
    }
    flags.push(word);
    const row = table[word.replace(/^--?/, "")];
    const takesWord = row !== undefined && row.kind !== "ignored" && row.kind !== "bool";
    if (takesWord && index + 1 < argv.length) flags.push(argv[++index]!);
  }
  return { words, flags };
}

/** The words that a command needs, by name. @throws SpoorError `bad-input` if there are others. */
export function nameWords(
  command: string,
  words: readonly string[],
  names: readonly string[],
): readonly string[] {
  if (words.length === names.length) return words;
  const usage = `spoor ${command} ${names.join(" ")} [--name=value …]`;
  throw new SpoorError("bad-input", `${words.length} words; expected ${usage}`);
}
