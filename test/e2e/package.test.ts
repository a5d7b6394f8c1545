// The package as its users get it: built, packed, installed in an empty folder, run and imported.
//
//   tools/build.ts ─▶ dist/ ─ npm pack ─▶ spoor-x.y.z.tgz ─ npm install ─▶ scratch/node_modules/spoor
//
// Installing asks npm's cache first and the registry for what is not there.
// Not here: what the running program answers (the other end-to-end tests).

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const STEP_MS_MAX = 180_000; // an install over a slow line
const PACKED_BYTES_MAX = 2 << 20; // ours alone; dependencies are not in the tarball

let scratch = "";
let app = "";
let installed = "";

/** The environment of somebody's shell: this Node first, and nothing of the npm that runs us. */
function shellEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([key]) => !/^npm_/i.test(key));
  const path = `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`;
  return { ...Object.fromEntries(kept), PATH: path };
}

async function shell(cwd: string, command: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(command, args, { cwd, env: shellEnv(), timeout: STEP_MS_MAX });
  return stdout;
}

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "spoor-package-"));
  app = join(scratch, "app");
  installed = join(app, "node_modules/spoor");
  await mkdir(app);
  await writeFile(join(app, "package.json"), `{ "private": true, "type": "module" }`);

  await shell(root, process.execPath, "tools/build.ts");
  await shell(root, "npm", "pack", "./dist", "--pack-destination", scratch, "--loglevel=error");
  const [tarball] = globSync("*.tgz", { cwd: scratch });
  assert(tarball !== undefined, "npm pack wrote no tarball");
  assert((await stat(join(scratch, tarball))).size <= PACKED_BYTES_MAX, "the tarball is too big");
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const from = ["--prefer-offline", "--omit=optional", "--ignore-scripts"];
  await shell(app, "npm", "install", join(scratch, tarball), ...from, ...quiet);
});

after(async () => {
  await rm(scratch, { recursive: true, force: true });
});

test("the package holds JavaScript, types, licence and readme, and no sources or tests", () => {
  const files = globSync("**/*", { cwd: installed, exclude: ["node_modules"] });
  for (const wanted of ["LICENSE", "README.md", "cli/main.js", "wire/index.d.ts"]) {
    assert(files.includes(wanted), `${wanted} is missing`);
  }
  const strays = files.filter((path) => /\.test\.|(?<!\.d)\.ts$|package-lock/.test(path));
  assert.deepEqual(strays, []);
  const assets = globSync("**/*", { cwd: join(root, "src") }).filter((path) =>
    /\.(?!ts$)\w+$/.test(path),
  );
  assert.deepEqual(
    assets.filter((path) => !files.includes(path)),
    [],
    "files of src that did not come along",
  );
});

test("the package's manifest has no private part, no pinned Node, and states its Node", async () => {
  const text = await readFile(join(installed, "package.json"), "utf8");
  assert.doesNotMatch(text, /"private"|devDependencies|node-linux|\/src\//);
  assert.match(text, /"engines": \{\s*"node": ">=24"/);
});

test("spoor --help runs as an installed command", async () => {
  const help = await shell(app, join(app, "node_modules/.bin/spoor"), "--help");
  assert.match(help, /all-in-one/);
});

test("the public entries can be imported and export something", async () => {
  const code = `for (const entry of ["spoor/model", "spoor/wire"]) {
    const names = Object.keys(await import(entry));
    if (names.length === 0) throw new Error(entry + " exports nothing");
  }`;
  await shell(app, process.execPath, "--input-type=module", "--eval", code);
});

test("the public entries type-check in a strict project that has no types of Node", async () => {
  await writeFile(
    join(app, "user.ts"),
    `import type { SpanBatch } from "spoor/model";\nimport * as wire from "spoor/wire";\n` +
      `export const entries: readonly string[] = Object.keys(wire);\n` +
      `// @ts-expect-error: a number, so the types are there and are not any\n` +
      `export const rows: SpanBatch["rows"] = "many";\n`,
  );
  const options = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2024"];
  const libs = ["--lib", "es2024,dom,esnext.disposable", "--types", ""];
  await shell(app, join(root, "node_modules/.bin/tsc"), ...options, ...libs, "user.ts");
});
