// Reads the file of --config-file: YAML, JSON or TOML by its ending.
//
// Source: viper, as Jaeger uses it; its HCL and Java properties are not read.
// Trust: the person who starts the process. Size and YAML aliases are bounded all the same; an error
// names place and problem, never a line of the file, which may hold a password.
// Not here: what the keys mean (base/parse-settings.ts).

import { open } from "node:fs/promises";
import { extname } from "node:path";
import { SpoorError } from "../base/errors.ts";
import type { SettingsFile } from "../base/parse-settings.ts";

/** A thousand times the settings there are. */
const FILE_BYTES_MAX = 4 * 1_048_576;

/** Uses of YAML aliases, each of which may repeat a whole tree. */
const ALIASES_MAX = 100;

type Parse = (text: string) => Promise<unknown>;

const PARSERS: ReadonlyMap<string, Parse> = new Map([
  [".yaml", parseYaml],
  [".yml", parseYaml],
  [".json", parseJson],
  [".toml", parseToml],
]);

/** @throws SpoorError `bad-input`: one line for the person at the console. */
export async function readSettingsFile(path: string): Promise<SettingsFile> {
  const parse = PARSERS.get(extname(path).toLowerCase());
  if (parse === undefined) {
    const endings = [...PARSERS.keys()].join(", ");
    throw new SpoorError(
      "bad-input",
      `config-file ${path}: expected a name that ends in ${endings}`,
    );
  }
  const text = await readText(path);
  try {
    return { path, values: await parse(text) };
  } catch (error) {
    throw refuse(path, firstLine(error));
  }
}

async function readText(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > FILE_BYTES_MAX) throw new Error(`more than ${FILE_BYTES_MAX} bytes`);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.readFile());
    if (text.length > FILE_BYTES_MAX) throw new Error(`more than ${FILE_BYTES_MAX} bytes`);
    return text;
  } catch (error) {
    throw refuse(path, firstLine(error));
  }
}

async function parseYaml(text: string): Promise<unknown> {
  const { parse } = await import("yaml");
  return parse(text, { maxAliasCount: ALIASES_MAX, logLevel: "error" });
}

function parseJson(text: string): Promise<unknown> {
  return text.trim() === "" ? Promise.resolve(undefined) : Promise.resolve(JSON.parse(text));
}

async function parseToml(text: string): Promise<unknown> {
  const { parse } = await import("smol-toml");
  try {
    return parse(text);
  } catch (error) {
    const { line, column } = error as { line?: number; column?: number };
    const place = line === undefined ? "" : ` at line ${line}, column ${column ?? 1}`;
    throw new Error(firstLine(error) + place, { cause: error });
  }
}

/** Parsers quote the text after the first line, JSON.parse after a comma. */
function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.split("\n")[0] ?? "";
  return line.replace(/(?:, "|; please )[^]*?(?= at line|$)/, "").replace(/:$/, "");
}

function refuse(path: string, what: string): SpoorError {
  return new SpoorError("bad-input", `config-file ${path}: ${what}`);
}
