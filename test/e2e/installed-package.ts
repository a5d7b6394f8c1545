// The package as its users get it: built, packed, installed in an empty folder.
//
//   tools/build.ts ─▶ dist/ ─ npm pack ─▶ spoor-x.y.z.tgz ─ npm install ─▶ scratch/app/node_modules/spoor
//
// Installing asks npm's cache first and the registry for what is not there.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const STEP_MS_MAX = 180_000; // an install over a slow line

export interface InstalledPackage {
  /** An application's folder, a module by its package.json. */
  readonly app: string;
  /** `app/node_modules/spoor` */
  readonly path: string;
  readonly tarballBytes: number;
  remove(): Promise<void>;
}

/** The environment of somebody's shell: this Node first, and nothing of the npm that runs us. */
function shellEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([key]) => !/^npm_|^NODE_V8_COVERAGE$/i.test(key),
  );
  const path = `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`;
  return { ...Object.fromEntries(kept), PATH: path };
}

/** @returns standard output. */
export async function runShell(
  cwd: string,
  env: Readonly<Record<string, string>>,
  command: string,
  ...args: readonly string[]
): Promise<string> {
  const options = { cwd, env: { ...shellEnv(), ...env }, timeout: STEP_MS_MAX };
  const { stdout } = await run(command, args, options);
  return stdout;
}

export async function installPackage(): Promise<InstalledPackage> {
  const scratch = await mkdtemp(join(tmpdir(), "spoor-package-"));
  const app = join(scratch, "app");
  await mkdir(app);
  await writeFile(join(app, "package.json"), `{ "private": true, "type": "module" }`);

  await runShell(root, {}, process.execPath, "tools/build.ts");
  const pack = ["pack", "./dist", "--pack-destination", scratch, "--loglevel=error"];
  await runShell(root, {}, "npm", ...pack);
  const [tarball] = globSync("*.tgz", { cwd: scratch });
  assert(tarball !== undefined, "npm pack wrote no tarball");
  const path = join(scratch, tarball);
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const from = ["--prefer-offline", "--omit=optional", "--ignore-scripts"];
  await runShell(app, {}, "npm", "install", path, ...from, ...quiet);
  return {
    app,
    path: join(app, "node_modules/spoor"),
    tarballBytes: (await stat(path)).size,
    remove: () => rm(scratch, { recursive: true, force: true }),
  };
}
