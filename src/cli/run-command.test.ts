// Which words run what, and what each mistake is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SpoorError } from "../base/errors.ts";
import { type RoleStart, runCommand } from "./run-command.ts";

interface Outcome {
  readonly code: number;
  readonly printed: string;
  readonly complained: string;
  readonly played: readonly RoleStart[];
}

async function run(argv: readonly string[], refuse?: SpoorError): Promise<Outcome> {
  let printed = "";
  let complained = "";
  const played: RoleStart[] = [];
  const process = {
    stdout: { write: (text: string) => void (printed += text) },
    stderr: { write: (text: string) => void (complained += text) },
    on: () => undefined,
    exit: () => undefined,
    execPath: "",
    argv: [],
  };
  const code = await runCommand({ argv, env: { A: "b" }, process }, async (start) => {
    played.push(start);
    if (refuse !== undefined) await Promise.reject(refuse);
  });
  return { code, printed, complained, played };
}

const roles: readonly (readonly [
  argv: readonly string[],
  role: string,
  flags: readonly string[],
])[] = [
  [[], "all-in-one", []],
  [["--log-level=debug"], "all-in-one", ["--log-level=debug"]],
  [["all-in-one"], "all-in-one", []],
  [["collector", "--a", "b"], "collector", ["--a", "b"]],
  [["query"], "query", []],
];
for (const [argv, role, flags] of roles) {
  test(`runCommand() plays ${role} for spoor ${argv.join(" ")}`, async () => {
    const { code, played, printed, complained } = await run(argv);
    assert.deepEqual([code, printed, complained], [0, "", ""]);
    assert.deepEqual(played, [{ role, argv: flags, env: { A: "b" } }]);
  });
}

const pages: readonly (readonly [argv: readonly string[], shown: RegExp])[] = [
  [["help"], /^Spoor receives.*\n {2}all-in-one .*\n {2}collector .*\n {2}query /s],
  [["--help"], /^Spoor receives/],
  [["-h"], /^Spoor receives/],
  [["help", "query"], /^spoor query: .*--query\.base-path=text \(default \/\)\n {8}Path before/s],
  [["query", "--help"], /^spoor query: /],
  [
    ["collector", "-help"],
    /--collector\.grpc\.tls\.enabled\n.*Also understood: --collector\.grpc\.tls\./s,
  ],
  [["help", "version"], /^spoor version: .*\n$/],
  [["version"], /^\{"gitCommit":"[^"]*","gitVersion":"v\d[^"]*","buildDate":"[^"]*"\}\n$/],
  [["env"], /^ADMIN_HTTP_HOST_PORT +Where .*\nSPAN_STORAGE_TYPE +Kind of store\. [^\n]+\n$/s],
  [["docs"], /^# Configuration\n/],
  [["docs", "configuration"], /^# Configuration\n/],
  [["docs", "metrics"], /^# Metrics\n/],
];
for (const [argv, shown] of pages) {
  test(`runCommand() prints spoor ${argv.join(" ")}`, async () => {
    const { code, printed, complained, played } = await run(argv);
    assert.match(printed, shown);
    assert.deepEqual([code, complained, played], [0, "", []]);
  });
}

const refused: readonly (readonly [argv: readonly string[], line: string])[] = [
  [["colector"], 'spoor: unknown command "colector"; the nearest known is collector\n'],
  [["something"], 'spoor: unknown command "something"; see spoor help\n'],
  [["help", "something"], 'spoor: unknown command "something"; see spoor help\n'],
  [["__proto__"], 'spoor: unknown command "__proto__"; see spoor help\n'],
  [["toString", "--help"], 'spoor: unknown command "toString"; see spoor help\n'],
  [["docs", "x"], "spoor: spoor docs prints one of: configuration, metrics\n"],
];
for (const [argv, line] of refused) {
  test(`runCommand() refuses spoor ${argv.join(" ")} in one line`, async () => {
    assert.deepEqual(await run(argv), { code: 1, printed: "", complained: line, played: [] });
  });
}

test("runCommand() tells in one line why a role did not start", async () => {
  const refuse = new SpoorError("unavailable", "address in use", { port: 4317 });
  const { code, complained } = await run([], refuse);
  assert.deepEqual([code, complained], [1, "spoor: address in use (port 4317)\n"]);
});
