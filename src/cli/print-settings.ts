// Settings tables as people read them: help of a command, and the list of variables.
//
// Everything is printed from the tables; nothing is said twice.
// Not here: the Markdown pages (print-docs.ts).

import { type Setting, type SettingKind, type Settings, envNameOf } from "../base/settings.ts";

/** What stands for a value in help. */
const VALUE_FORMS: Readonly<Record<SettingKind, string>> = {
  string: "text",
  "host-port": "host:port",
  bool: "",
  count: "number",
  bytes: "bytes",
  float: "number",
  duration: "duration",
  list: "a,b,…",
  tags: "k=v,…",
  headers: "name: value",
  choice: "",
};

/** `--name=form` and its help, one entry per setting, sorted by name. */
export function printFlags(table: Settings): string {
  return sortedSettings(table)
    .map(([name, row]) => `  --${name}${printForm(row)}${printDefault(row)}\n${printHelp(row)}`)
    .join("");
}

/** One line per setting: `VARIABLE  what it means`. */
export function printVariables(table: Settings): string {
  const rows = sortedSettings(table);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, row]) => `${envNameOf(name).padEnd(width)}  ${row.help}\n`).join("");
}

/** The settings that have an effect. */
export function sortedSettings(table: Settings): readonly (readonly [string, Setting<unknown>])[] {
  return Object.entries(table)
    .flatMap(([name, row]) => (row.kind === "ignored" ? [] : [[name, row] as const]))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What may be written for a value. */
export function printForm(row: Setting<unknown>): string {
  if (row.kind === "bool") return "";
  if (row.kind === "choice") return `=${(row.choices ?? []).filter((one) => one !== "").join("|")}`;
  return `=${VALUE_FORMS[row.kind]}`;
}

function printDefault(row: Setting<unknown>): string {
  const isOff = row.defaultText === "" || (row.kind === "bool" && row.defaultText === "false");
  return isOff ? "" : ` (default ${row.defaultText})`;
}

function printHelp(row: Setting<unknown>): string {
  const aliases = (row.aliases ?? []).map(({ name }) => `--${name}`).join(", ");
  const old = aliases === "" ? "" : ` Also understood: ${aliases}.`;
  return wrap(`${row.help}${old}`, "        ", 96);
}

function wrap(text: string, indent: string, columns: number): string {
  const lines: string[] = [];
  let line = indent.trimEnd();
  for (const word of text.split(" ")) {
    const longer = line.trim() === "" ? indent + word : `${line} ${word}`;
    if (longer.length > columns && line.trim() !== "") {
      lines.push(line);
      line = indent + word;
    } else line = longer;
  }
  return [...lines, line].map((one) => `${one}\n`).join("");
}
