// The commands: which one is asked for, its settings, its help, and how a wrong start ends.
//
//   spoor [command] [--name=value …]     no command: all-in-one
//
// Every mistake of who starts the process is one line on standard error and exit code 1.
// Not here: what a role opens (open-role.ts), reading of settings (base/parse-settings.ts).

import { SpoorError, printError } from "../base/errors.ts";
import { findNearestName } from "../base/nearest-name.ts";
import type { Environment } from "../base/parse-settings.ts";
import type { Settings } from "../base/settings.ts";
import { exportSettings } from "./export.ts";
import { importSettings } from "./import.ts";
import { demoSettings } from "./demo-settings.ts";
import { printFlags, printVariables } from "./print-settings.ts";
import { type RoleName, allInOneSettings, isRoleName, roles } from "./roles.ts";
import type { ProcessHandle } from "./supervisor.ts";
import { tracegenSettings } from "../tracegen/settings.ts";
import { verifySettings } from "./verify.ts";
import { readVersion } from "./version.ts";

/** What a command may touch of the world. */
export interface Shell {
  /** Without the program's name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly process: ProcessHandle & {
    readonly stdout: ByteOutput;
    readonly stdin?: AsyncIterable<Uint8Array>;
    readonly stderr: Output & { readonly isTTY?: boolean | undefined };
    readonly execPath: string;
    readonly argv: readonly string[];
  };
}

interface Output {
  write(text: string): unknown;
}

/** Standard output: false means that it is full, until `drain`. */
export interface ByteOutput {
  write(bytes: string | Uint8Array): unknown;
  once?(event: "drain", listener: () => void): unknown;
}

export interface RoleStart {
  readonly role: RoleName;
  readonly argv: readonly string[];
  readonly env: Environment;
}

/** Plays a role until it is told to end. */
export type PlayRole = (start: RoleStart, process: ProcessHandle) => Promise<void>;

/** Roles are loaded when one is played: help needs none of what they stand on. */
const loadAndPlay: PlayRole = async (start, process) => {
  const { playRole } = await import("./play-role.ts");
  await playRole(start, process);
};

interface Command {
  readonly help: string;
  /** What may be given as `--name=value`. */
  readonly table?: Settings;
  /** What it takes besides: `DIR`. */
  readonly words?: string;
  /** A number is the exit code; without one it is 0. */
  run(shell: Shell, argv: readonly string[], playRole: PlayRole): unknown;
}

const commands: Readonly<Record<string, Command>> = {
  ...Object.fromEntries(
    Object.entries(roles).map(([name, { help, table }]) => [
      name,
      { help, table, run: makeRoleRun(name) },
    ]),
  ),
  demo: {
    help: "Small services that send traces to look at; starts a Spoor if none runs.",
    table: demoSettings,
    async run({ env, process }, argv) {
      const { playDemo } = await import("./play-demo.ts");
      await playDemo(argv, env, process);
    },
  },
  tracegen: {
    help: "Sends made-up traces at any rate in any protocol, and counts what became of them.",
    table: tracegenSettings,
    async run(shell, argv) {
      const { runTracegenCommand } = await import("./tracegen.ts");
      return runTracegenCommand(shell, argv);
    },
  },
  verify: {
    help: "Checks a data directory that no process has open.",
    table: verifySettings,
    words: "DIR",
    async run(shell, argv) {
      const { runVerify } = await import("./verify.ts");
      return runVerify(shell, argv);
    },
  },
  export: {
    help: "Writes the traces of a data directory, or of a running Spoor, to a file.",
    table: exportSettings,
    words: "DIR|URL",
    async run(shell, argv) {
      const { runExport } = await import("./export.ts");
      return runExport(shell, argv);
    },
  },
  import: {
    help: "Sends the traces of a file to a collector, or puts them into a data directory.",
    table: importSettings,
    words: "FILE",
    async run(shell, argv) {
      const { runImport } = await import("./import.ts");
      return runImport(shell, argv);
    },
  },
  version: {
    help: "Prints version, commit and build date as JSON.",
    run({ process }) {
      const { version, commit, buildDate } = readVersion(import.meta.url);
      const shown = { gitCommit: commit, gitVersion: `v${version}`, buildDate };
      process.stdout.write(`${JSON.stringify(shown)}\n`);
    },
  },
  env: {
    help: "Lists the environment variables that are understood.",
    run: ({ process }) => process.stdout.write(printVariables(allInOneSettings)),
  },
  docs: {
    help: "Prints a page of the documentation: configuration (default) or metrics.",
    run: printPage,
  },
  help: {
    help: "Prints this, or the settings of a command.",
    run: ({ process }, argv) => process.stdout.write(printCommandHelp(argv[0] ?? "")),
  },
};

/** @returns the exit code; a role that was ended by a signal exits by itself. */
export async function runCommand(shell: Shell, playRole = loadAndPlay): Promise<number> {
  try {
    const [first, ...rest] = shell.argv;
    const isNamed = first !== undefined && !first.startsWith("-");
    const name = isNamed ? first : "";
    const argv = isNamed ? rest : shell.argv;
    if (argv.some((word) => /^(--?help|-h|-\?)$/.test(word))) {
      shell.process.stdout.write(printCommandHelp(name));
      return 0;
    }
    const command = findCommand(name === "" ? "all-in-one" : name);
    const code: unknown = await command.run(shell, argv, playRole);
    return typeof code === "number" ? code : 0;
  } catch (error) {
    if (!(error instanceof SpoorError)) throw error;
    shell.process.stderr.write(`spoor: ${printError(error)}\n`);
    return 1;
  }
}

function findCommand(name: string): Command {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return command;
  const nearest = findNearestName(name, Object.keys(commands));
  const hint = nearest === undefined ? "see spoor help" : `the nearest known is ${nearest}`;
  throw new SpoorError(
    "bad-input",
    `unknown command ${JSON.stringify(name.slice(0, 100))}; ${hint}`,
  );
}

function makeRoleRun(name: string): Command["run"] {
  return async ({ env, process }, argv, playRole) => {
    if (isRoleName(name)) await playRole({ role: name, argv, env }, process);
  };
}

async function printPage({ process }: Shell, argv: readonly string[]): Promise<void> {
  const { printConfigurationPage, printMetricsPage } = await import("./print-docs.ts");
  const [page = "configuration"] = argv;
  if (page === "configuration") process.stdout.write(printConfigurationPage());
  else if (page === "metrics") process.stdout.write(await printMetricsPage());
  else throw new SpoorError("bad-input", "spoor docs prints one of: configuration, metrics");
}

function printCommandHelp(name: string): string {
  if (name === "") return printOverview();
  const { help, table, words } = findCommand(name);
  if (table === undefined) return `spoor ${name}: ${help}\n`;
  return `spoor ${name}: ${help}

Usage: spoor ${name} ${words === undefined ? "" : `${words} `}[--name=value …]

${isRoleName(name) ? ABOUT_SETTINGS : ""}Settings:
${printFlags(table)}`;
}

const ABOUT_SETTINGS = `A setting may be given as a flag, as an environment variable (--collector.queue-size is
COLLECTOR_QUEUE_SIZE), or in the file of --config-file; in this order the first one counts. An
address without a host listens on --listen.host; an empty address switches the door off.

`;

function printOverview(): string {
  const lines = Object.entries(commands).map(([name, { help }]) => `  ${name.padEnd(12)}${help}\n`);
  return `Spoor receives, stores and shows traces: a drop-in for Jaeger.

Usage: spoor [command] [--name=value …]

Commands:
${lines.join("")}
The settings of a command: spoor help <command>
`;
}
