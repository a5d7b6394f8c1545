// Makes dist/: the package as it is published, complete in itself.
//
//   src/**/*.ts ── tsc ──▶ dist/**/*.js + .d.ts      package.json ──▶ dist/package.json
//   other files of src ──▶ the same place             LICENSE, README … ──▶ dist/
//   src/client and what it imports ── tsc ──▶ dist/cjs/**/*.js + .d.ts, as CommonJS
//
// Applications that are not modules yet load the client by `require`; nothing else is made for them.
// `npm pack ./dist` packs it. dist/package-lock.json is for the container image, which installs
// exactly what was tested; npm never publishes it.
// Not here: what package.json becomes (published-package.ts).

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  COMMONJS_FOLDER,
  type Commit,
  type Lock,
  type Manifest,
  makePublishedLock,
  makePublishedManifest,
} from "./published-package.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const src = join(root, "src");
const dist = join(root, "dist");
const SHEBANG = "#!/usr/bin/env node\n";

function build(): void {
  rmSync(dist, { recursive: true, force: true });
  for (const project of ["tsconfig.build.json", "tsconfig.commonjs.json"]) compile(project);
  for (const path of globSync("**/*", { cwd: src })) {
    if (!path.endsWith(".ts") && statSync(join(src, path)).isFile()) copy(src, path);
  }
  for (const path of ["LICENSE", "README.md", "CHANGELOG.md"]) copy(root, path);

  const manifest = makePublishedManifest(readJson("package.json") as Manifest, readCommit());
  const lock = makePublishedLock(readJson("package-lock.json") as Lock, manifest);
  writeJson("package.json", manifest);
  writeJson("package-lock.json", lock);
  writeJson(`${COMMONJS_FOLDER}/package.json`, { type: "commonjs" });
  for (const path of Object.values(manifest.bin ?? {})) makeCommand(join(dist, path));
}

function compile(project: string): void {
  const args = ["-p", join(root, project)];
  execFileSync(join(root, "node_modules/.bin/tsc"), args, { stdio: "inherit" });
}

/** Which commit this is, so that the same commit always makes the same package. */
function readCommit(): Commit {
  try {
    const args = ["log", "-1", "--format=%H %cI"];
    const [gitHead = "", buildDate = ""] = execFileSync("git", args, {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    })
      .trim()
      .split(" ");
    return { gitHead, buildDate };
  } catch {
    return {}; // no git, or not a clone: the image is built so
  }
}

function copy(from: string, path: string): void {
  mkdirSync(dirname(join(dist, path)), { recursive: true });
  copyFileSync(join(from, path), join(dist, path));
}

function makeCommand(path: string): void {
  const text = readFileSync(path, "utf8");
  if (!text.startsWith("#!")) writeFileSync(path, SHEBANG + text);
  chmodSync(path, 0o755);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(join(dist, path), `${JSON.stringify(value, undefined, 2)}\n`);
}

build();
