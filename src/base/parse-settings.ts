// Which value a setting gets: flag > environment > file > default, and where it came from.
//
//   argv ─ read ─▶ spelled name → texts ┐
//   env  ─ look up each known name ─────┼▶ first that is set ─▶ parser of its kind ─▶ config
//   file ─ flatten to dotted keys ──────┘        └▶ source and warnings
//
// Source: Jaeger v1 (pflag and viper): the same names, order and spellings; an empty variable counts
// as not set. Stricter than Jaeger: an unknown file key ends the start too.
// Trust: the person who starts the process; every mistake is one SpoorError line that says what is
// wrong, where it stands and what is allowed. Other programs' variables are never looked at.
// Not here: reading the file's bytes, YAML and TOML (cli), what values mean (the roles).

import { SpoorError } from "./errors.ts";
import type { HostPort } from "./host-port.ts";
import { findNearestName } from "./nearest-name.ts";
import { parseStructure, parseText, scalarText } from "./setting-values.ts";
import type { Alias, ConfigOf, IgnoredSetting, Setting, Settings } from "./settings.ts";
import { envNameOf } from "./settings.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export type Source =
  | { readonly from: "default" }
  | { readonly from: "flag"; readonly name: string }
  | { readonly from: "environment"; readonly name: string }
  | { readonly from: "file"; readonly path: string; readonly key: string };

export interface SettingsInput<T extends Settings> {
  readonly table: T;
  /** Whose table it is, for the one who has to read its help: "collector". */
  readonly command?: string;
  /** Flags only: the command has been taken off. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly file?: SettingsFile | undefined;
  /**
   * Settings of other roles. One file may serve several roles, so their keys are stepped over; as a
   * flag such a name is a mistake.
   */
  readonly elsewhere?: Settings | undefined;
}

export interface SettingsFile {
  readonly path: string;
  /** The parsed document: objects, lists and scalars. */
  readonly values: unknown;
}

export interface ParsedSettings<T extends Settings> {
  readonly config: ConfigOf<T>;
  /** By the setting's name (not by the alias that was written). */
  readonly sources: ReadonlyMap<string, Source>;
  /** One line each: names that are old, and names that have no effect. */
  readonly warnings: readonly string[];
}

/** The setting whose value replaces an empty host. */
const LISTEN_HOST = "listen.host";

/** Doors without a `listen.host` in their table stay on loopback: nothing is authenticated. */
const LOOPBACK = "127.0.0.1";

/** A settings file is written by people; ten times what the largest known one holds. */
const FILE_KEYS_MAX = 2_000;
const FILE_DEPTH_MAX = 16;

/** How much of a wrong text is shown again. */
const SHOWN_CHARS_MAX = 100;

interface Given {
  readonly value: unknown;
  readonly source: Source;
}

type Row = Setting<unknown>;

/**
 * Config of a role from its table and everything that may set it.
 *
 * @throws SpoorError `bad-input`: one line for the person at the console.
 */
export function parseSettings<T extends Settings>(input: SettingsInput<T>): ParsedSettings<T> {
  const names = indexNames(input.table);
  const given = [
    readArguments(input, names),
    readEnvironment(input.env, names),
    input.file === undefined ? new Map<string, Given>() : readFile(input, input.file, names),
  ];
  const values = Object.create(null) as Record<string, unknown>;
  const sources = new Map<string, Source>();
  // A set: two spellings may share a variable.
  const warnings = new Set<string>();
  for (const [name, row] of Object.entries(input.table)) {
    const found = findGiven(name, row, given);
    if (row.kind === "ignored") {
      if (found !== undefined) warnings.add(printIgnored(row, found.given.source));
      continue;
    }
    if (found?.alias?.deprecated === true) {
      warnings.add(`${printSource(found.given.source)} is an old name; use ${name}`);
    }
    values[name] = found === undefined ? row.default : parseGiven(name, row, found, input.env);
    sources.set(name, found?.given.source ?? { from: "default" });
  }
  finishHostPorts(input.table, values);
  // The loop above has put a value of the row's type under each name of the table.
  return { config: values as ConfigOf<T>, sources, warnings: [...warnings] };
}

/** `flag --x`, `environment variable X`, `key x in file.yaml`, `default`. */
export function printSource(source: Source): string {
  switch (source.from) {
    case "flag":
      return `flag --${source.name}`;
    case "environment":
      return `environment variable ${source.name}`;
    case "file":
      return `key ${source.key} in ${source.path}`;
    default:
      return "default";
  }
}

/** Every spelling that a table understands → its row. */
function indexNames(table: Settings): ReadonlyMap<string, Row | IgnoredSetting> {
  const rows = new Map<string, Row | IgnoredSetting>();
  for (const [name, row] of Object.entries(table)) {
    rows.set(name, row);
    for (const alias of aliasesOf(row)) rows.set(alias.name, row);
  }
  return rows;
}

function aliasesOf(row: Row | IgnoredSetting): readonly Alias[] {
  return row.kind === "ignored" ? [] : (row.aliases ?? []);
}

/** Within one source the setting's own name goes before its aliases. */
function findGiven(
  name: string,
  row: Row | IgnoredSetting,
  given: readonly ReadonlyMap<string, Given>[],
): { given: Given; alias?: Alias } | undefined {
  for (const bySpelling of given) {
    const own = bySpelling.get(name);
    if (own !== undefined) return { given: own };
    for (const alias of aliasesOf(row)) {
      const old = bySpelling.get(alias.name);
      const isZero =
        alias.as !== "same" && old !== undefined && /^\s*0*\s*$/.test(String(old.value));
      if (old !== undefined && !isZero) return { given: old, alias };
    }
  }
  return undefined;
}

function readArguments(
  input: SettingsInput<Settings>,
  names: ReadonlyMap<string, Row | IgnoredSetting>,
): ReadonlyMap<string, Given> {
  const { argv } = input;
  const given = new Map<string, Given>();
  for (let index = 0; index < argv.length; index++) {
    const found = /^--?([^=-][^=]*)(?:=([^]*))?$/.exec(argv[index] ?? "");
    if (found === null) throw refuseArgument(argv, index);
    const name = found[1] ?? "";
    const row = names.get(name);
    if (row === undefined)
      throw refuseName(`unknown flag --${cut(name)}`, "--", name, input, names);
    const isSwitch = row.kind === "ignored" ? !row.takesValue : row.kind === "bool";
    let text = found[2] ?? (isSwitch ? "true" : argv[++index]);
    if (text === undefined) throw new SpoorError("bad-input", `flag --${name} needs a value`);
    const before = given.get(name);
    if (before !== undefined && (row.kind === "list" || row.kind === "tags")) {
      text = `${String(before.value)},${text}`;
    } else if (before !== undefined && row.kind === "headers") {
      text = `${String(before.value)}\n${text}`;
    }
    given.set(name, { value: text, source: { from: "flag", name } });
  }
  return given;
}

function refuseArgument(argv: readonly string[], index: number): SpoorError {
  const before = argv[index - 1];
  const hint =
    before?.startsWith("-") === true && !before.includes("=")
      ? `; a value of ${cut(before)} is written ${cut(before)}=${cut(argv[index] ?? "")}`
      : "; flags are written --name=value";
  return new SpoorError("bad-input", `unexpected argument ${shown(argv[index])}${hint}`);
}

function readEnvironment(
  env: Environment,
  names: ReadonlyMap<string, Row | IgnoredSetting>,
): ReadonlyMap<string, Given> {
  const given = new Map<string, Given>();
  for (const [name, row] of names) {
    const variable = envNameOf(name);
    const value = env[variable];
    if (value === undefined) continue;
    // As in Jaeger, empty is "not set"; but an empty address is how a door is switched off.
    if (value === "" && row.kind !== "host-port") continue;
    // Kubernetes sets QUERY_PORT=tcp://10.0.0.1:80 for a Service of the name "query".
    if (/^(tcp|udp|sctp):\/\//.test(value) && variable.endsWith("_PORT")) continue;
    given.set(name, { value, source: { from: "environment", name: variable } });
  }
  return given;
}

function readFile(
  input: SettingsInput<Settings>,
  file: SettingsFile,
  names: ReadonlyMap<string, Row | IgnoredSetting>,
): ReadonlyMap<string, Given> {
  const others = indexNames(input.elsewhere ?? {});
  const lowerCase = new Map([...names.keys()].map((name) => [name.toLowerCase(), name]));
  const lowerCaseElsewhere = new Set([...others.keys()].map((name) => name.toLowerCase()));
  const given = new Map<string, Given>();
  let keys = 0;

  const read = (value: unknown, key: string, depth: number): void => {
    if (++keys > FILE_KEYS_MAX || depth > FILE_DEPTH_MAX) {
      const limits = `${FILE_KEYS_MAX} keys and ${FILE_DEPTH_MAX} levels`;
      throw new SpoorError("bad-input", `${file.path} holds more than ${limits}`);
    }
    if (value === null || value === undefined) return;
    const name = lowerCase.get(key.toLowerCase());
    const row = name === undefined ? undefined : names.get(name);
    const isLeaf = !isGroup(value) || row?.kind === "tags" || row?.kind === "headers";
    if (!isLeaf) {
      const prefix = key === "" ? "" : `${key}.`;
      for (const [part, item] of Object.entries(value)) read(item, prefix + part, depth + 1);
      return;
    }
    if (name === undefined) {
      if (key === "") throw new SpoorError("bad-input", `${file.path}: expected keys with values`);
      if (lowerCaseElsewhere.has(key.toLowerCase())) return;
      throw refuseName(`unknown key ${cut(key)} in ${file.path}`, "", key, input, names);
    }
    if (given.has(name)) {
      throw new SpoorError("bad-input", `key ${key} stands twice in ${file.path}`);
    }
    given.set(name, { value, source: { from: "file", path: file.path, key } });
  };

  read(file.values, "", 0);
  return given;
}

function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  return !Array.isArray(value) && !(value instanceof Date);
}

function parseGiven(
  name: string,
  row: Row,
  found: { given: Given; alias?: Alias },
  env: Environment,
): unknown {
  const { value, source } = found.given;
  const findVariable = (variable: string): string | undefined => env[variable];
  let allowed: string | undefined;
  try {
    const parsed =
      isGroup(value) || Array.isArray(value)
        ? parseStructure(row, value, findVariable)
        : parseText(row, unaliased(scalarText(value), found.alias), findVariable);
    allowed = row.check?.(parsed);
    if (allowed === undefined) return parsed;
  } catch (error) {
    if (!(error instanceof SpoorError)) throw error;
    allowed = error.message;
  }
  const what = `bad value ${shown(value)} of ${name} (${printSource(source)})`;
  throw new SpoorError("bad-input", `${what}: expected ${allowed}`);
}

/** The text under an old name → the text that the setting itself would take. */
function unaliased(text: string, alias: Alias | undefined): string {
  const trimmed = text.trim();
  if (alias === undefined || alias.as === "same") return text;
  if (alias.as === "mib") return /^\d+$/.test(trimmed) ? `${trimmed}MiB` : text;
  return /^\d+$/.test(trimmed) ? `:${trimmed}` : text;
}

/** Doors that a switch turns off, and hosts that were left empty. */
function finishHostPorts(table: Settings, values: Record<string, unknown>): void {
  const host = values[LISTEN_HOST];
  for (const [name, row] of Object.entries(table)) {
    if (row.kind !== "host-port") continue;
    const address = values[name] as HostPort | undefined;
    if (row.onlyIf !== undefined && values[row.onlyIf] === false) values[name] = undefined;
    else if (address?.host === "") {
      values[name] = { host: typeof host === "string" ? host : LOOPBACK, port: address.port };
    }
  }
}

function refuseName(
  what: string,
  dashes: string,
  name: string,
  input: SettingsInput<Settings>,
  names: ReadonlyMap<string, Row | IgnoredSetting>,
): SpoorError {
  const help = input.command === undefined ? "--help" : `spoor ${input.command} --help`;
  const nearest = findNearestName(name, names.keys());
  let hint = nearest === undefined ? "" : `; the nearest known is ${dashes}${nearest}`;
  if (indexNames(input.elsewhere ?? {}).has(name)) hint = ": it belongs to another command";
  return new SpoorError("bad-input", `${what}${hint}; ${help} lists all`);
}

function printIgnored(row: IgnoredSetting, source: Source): string {
  return `${printSource(source)} has no effect: ${row.because}`;
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return JSON.stringify(cut(text ?? ""));
}

function cut(text: string): string {
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
}
