// The house rules that a machine can check, each as one test that names file and offence.
//
//   rooms.ts ── who may import whom        source-files.ts ── what the files are
//        └──────────────▶ offences: "path:line what, and what instead" ◀──────┘
//
// Not here: what the formatter, the linter, the compiler and knip already see.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { basename, join, posix } from "node:path";
import { test } from "node:test";
import { packages, pureRooms, rooms, storeParts } from "./rooms.ts";
import {
  type Import,
  type SourceFile,
  codeLines,
  listCommittedFiles,
  packageOf,
  readSourceFiles,
  root,
} from "./source-files.ts";

const sources = readSourceFiles("src");
const tests = readSourceFiles("test");
const everything = [...sources, ...tests, ...readSourceFiles("bench"), ...readSourceFiles("tools")];

const LINES_MAX = 500;

/** What only one place may touch, so that everything else takes it as an argument. */
const ONE_PLACE: readonly {
  readonly what: string;
  readonly pattern: RegExp;
  readonly where: readonly string[];
  readonly instead: string;
}[] = [
  {
    what: "process.env",
    pattern: /\bprocess\.env\b/,
    // A demo service is a program of its own; the client is configured by the application's.
    where: ["src/cli/main.ts", "src/demo/", "src/client/env.ts"],
    instead: "take the value as an argument",
  },
  {
    what: "console",
    pattern: /\bconsole\./,
    where: ["src/cli/log.ts"],
    instead: "take a Log, or write to the given stream",
  },
  {
    what: "a clock",
    pattern: /\b(?:Date\.now|performance\.now|process\.hrtime)\b|\bnew Date\(\)/,
    where: ["src/base/clock.ts", "src/client/span-clock.ts"],
    instead: "take a Clock",
  },
  {
    what: "the process",
    pattern: /\bprocess\.(?:exit|argv|on|once|kill)\b/,
    where: ["src/cli/", "src/demo/", "src/client/flush-at-exit.ts"],
    instead: "report to the supervisor in cli",
  },
];

/** Words that say nothing, with what to say instead. */
const BANNED_NAMES: Readonly<Record<string, string>> = {
  util: "name the one thing it does",
  utils: "name the one thing it does",
  common: "name what is shared",
  helper: "name the one thing it does",
  helpers: "name the one thing it does",
  manager: "name what it does to what it has",
  factory: "export a make… function",
  factories: "export make… functions",
  types: "put a type beside the code that makes it",
  misc: "name the one thing it does",
  impl: "name what sets this one apart",
};

/** Files that no test of their room reaches, each with the reason. */
const WITHOUT_TEST: Readonly<Record<string, string>> = {
  "src/base/clock.ts": "reads the machine's clocks, one expression each",
  "src/demo/client-tracing.ts": "sets up our client and instrumentation: test/e2e/demo.test.ts",
  "src/demo/demo.ts": "processes that call each other: test/e2e/demo.test.ts",
  "src/demo/service.ts": "a process of the demo: test/e2e/demo.test.ts",
  "src/store/segment/builder-worker.ts": "runs in a thread: worker-builder.test.ts",
  "src/store/search/files-worker.ts": "runs in a thread: worker-files.test.ts",
  "src/collector/shards/shard-worker.ts": "runs in a thread: open-shards.test.ts",
  "src/demo/tracing.ts": "sets up other people's SDKs: test/e2e/demo.test.ts",
};

function fail(offences: readonly string[]): void {
  assert.equal(offences.length, 0, `\n  ${offences.join("\n  ")}\n`);
}

function collect(
  files: readonly SourceFile[],
  find: (file: SourceFile) => readonly string[],
): string[] {
  return files.flatMap((file) => find(file).map((offence) => `${file.path}${offence}`));
}

test("every file of src is in a room that rooms.ts knows", () => {
  const known = new Set(Object.keys(rooms));
  fail(collect(sources, (file) => (known.has(file.room) ? [] : [`: no room "${file.room}"`])));
});

test("rooms.ts has no arrow that goes round", () => {
  const names = Object.keys(rooms);
  const offences = names.flatMap((room, at) =>
    (rooms[room] ?? []).filter((to) => names.indexOf(to) >= at).map((to) => `${room} -> ${to}`),
  );
  fail(offences);
});

test("imports follow rooms.ts", () => {
  fail(collect(sources, (file) => file.imports.flatMap((one) => refuseImport(file, one))));
});

function refuseImport(file: SourceFile, one: Import): string[] {
  if (one.path === undefined) return refusePackage(file, one.specifier);
  const parts = one.path.split("/");
  if (parts[0] !== "src") {
    return file.isTest && parts[0] === "test" ? [] : [`: imports ${one.path}, outside src`];
  }
  const to = parts[1] ?? "";
  if (to === file.room) return refuseEngine(file, one.path);
  if (rooms[file.room]?.includes(to)) return [];
  return [`: room "${file.room}" may not import room "${to}" (${one.path})`];
}

/** Engines know the contract and what they share, not one another. */
function refuseEngine(file: SourceFile, path: string): string[] {
  const [, room, from, ...fromRest] = file.path.split("/");
  const [, , to, ...toRest] = path.split("/");
  if (room !== "store" || fromRest.length === 0 || toRest.length === 0 || from === to) return [];
  if (storeParts.includes(to ?? "")) return [];
  return [`: engine "${from}" may not import engine "${to}" (${path})`];
}

function refusePackage(file: SourceFile, specifier: string): string[] {
  if (file.isTest) return []; // a test may drive the real peer; knip sees that it is declared
  if (specifier.startsWith("node:")) {
    return pureRooms.includes(file.room)
      ? [`: room "${file.room}" may not import ${specifier}`]
      : [];
  }
  const wanted = packageOf(specifier);
  const allowed = packages[file.room] ?? [];
  if (allowed.some((one) => (one.endsWith("/") ? wanted.startsWith(one) : wanted === one)))
    return [];
  return [`: room "${file.room}" may not import package ${wanted}`];
}

test("only tests import what is made for tests", () => {
  const offences = collect(sources, (file) => {
    if (file.isTest) return [];
    return file.imports
      .filter((one) => one.path?.endsWith(".test.ts") === true)
      .map((one) => `: imports ${one.path}`);
  });
  fail(offences);
});

test("every file of src opens with a comment that says what it is", () => {
  const offences = collect(sources, (file) => {
    const lines = file.text.split("\n");
    const first = lines[0]?.startsWith("#!") === true ? lines[1] : lines[0];
    return /^(?:\/\/|\/\*\*?) ?\S/.test(first ?? "") ? [] : [":1 no header comment"];
  });
  fail(offences);
});

test(`no file is longer than ${LINES_MAX} lines`, () => {
  const offences = collect(everything, (file) => {
    const lines = file.text.split("\n").length - 1;
    return lines > LINES_MAX ? [`: ${lines} lines; take it apart`] : [];
  });
  fail(offences);
});

test("file names are kebab-case and say something", () => {
  const offences = collect(everything, (file) => {
    const name = basename(file.path).replace(/(?:\.test)?\.ts$/, "");
    if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name)) return [": not kebab-case"];
    const banned = name.split("-").filter((word) => Object.hasOwn(BANNED_NAMES, word));
    return banned.map((word) => `: "${word}" in a file name; ${BANNED_NAMES[word]}`);
  });
  fail(offences);
});

test("a test of its room reaches every file that does something", () => {
  const reached = filesUnderTest();
  const missing = sources.filter(
    (file) => !file.isTest && !isTrivial(file) && !reached.has(file.path),
  );
  fail(
    missing.filter((file) => !(file.path in WITHOUT_TEST)).map((file) => `${file.path}: no test`),
  );

  const stale = Object.keys(WITHOUT_TEST).filter(
    (path) => !missing.some((file) => file.path === path),
  );
  fail(stale.map((path) => `${path}: has a test or is gone; take it off WITHOUT_TEST`));
});

/** What a test of the same room imports, and the parts that such a file takes from its folder. */
function filesUnderTest(): Set<string> {
  const direct = new Set<string>();
  for (const file of sources.filter((one) => one.isTest)) {
    for (const { path } of file.imports) {
      if (path?.startsWith(`src/${file.room}/`) === true) direct.add(path);
    }
  }
  const reached = new Set(direct);
  for (const file of sources.filter((one) => direct.has(one.path))) {
    for (const { path } of file.imports) {
      if (path !== undefined && posix.dirname(path) === posix.dirname(file.path)) reached.add(path);
    }
  }
  return reached;
}

/** Only types, constants or re-exports: nothing that could be called. */
function isTrivial(file: SourceFile): boolean {
  const code = codeLines(file.text).join("\n");
  return !/\bfunction\b|\bclass\b|=>\s*[{(\w]/.test(code.replaceAll(/\([^()]*\) => \w+;/g, ""));
}

test("the outside world is touched in one place", () => {
  const offences = collect(sources, (file) => {
    if (file.isTest) return [];
    return ONE_PLACE.filter(
      ({ where }) => !where.some((path) => file.path.startsWith(path)),
    ).flatMap(({ what, pattern, instead }) =>
      findLines(file, pattern).map((line) => `:${line} ${what}; ${instead}`),
    );
  });
  fail(offences);
});

test("no file names another by .ts but in an import, since the published ones end in .js", () => {
  const offences = collect(sources, (file) => {
    if (file.isTest) return [];
    return findLines(file, /(?<!\bfrom |\bimport |\bimport\()["'`][^"'`\s]*\.ts["'`]/).map(
      (line) => `:${line} a path that ends in .ts; take the extension of import.meta.url`,
    );
  });
  fail(offences);
});

function findLines(file: SourceFile, pattern: RegExp): number[] {
  return codeLines(file.text).flatMap((line, at) => (pattern.test(line) ? [at + 1] : []));
}

test("comments promise nothing for later", () => {
  const offences = collect(everything, (file) =>
    file.text
      .split("\n")
      .flatMap((line, at) => (/\b(?:TODO|FIXME|XXX|HACK)\b:?\s/.test(line) ? [at + 1] : []))
      .map((line) => `:${line} do it, or file an issue`),
  );
  fail(offences.filter((offence) => !offence.startsWith("tools/tidy.test.ts")));
});

test("committed files name no package registry and no path of one machine", (t) => {
  let paths: string[];
  try {
    paths = listCommittedFiles();
  } catch {
    t.skip("git cannot be run here");
    return;
  }
  fail(paths.filter((path) => existsSync(join(root, path))).flatMap(refusePlaces));
});

// A path counts where a word could begin, so that `src/tmp/` and URLs stay free.
const PLACES: readonly (readonly [what: string, pattern: RegExp])[] = [
  [
    "a registry",
    /\b(?:registry|npm|artifactory|nexus)\.[a-z0-9-]+\.(?:org|com|net|io|dev|local)\b/i,
  ],
  ["a resolved address", /"resolved":\s*"http/],
  ["a path of one machine", /(?<=^|[\s"'`(=])\/(?:root|work|home|tmp|Users)\/[\w.-]/],
];

function refusePlaces(path: string): string[] {
  const bytes = readFileSync(join(root, path));
  if (bytes.subarray(0, 8_192).includes(0)) return []; // not text
  return bytes
    .toString("utf8")
    .split("\n")
    .flatMap((line, at) =>
      PLACES.filter(([, pattern]) => pattern.test(line)).map(
        ([what]) => `${path}:${at + 1} ${what}`,
      ),
    );
}
