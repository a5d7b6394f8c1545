// Finds a Node of a certain major version: on the PATH, or among npm's packages.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { runShell } from "./installed-package.ts";

const run = promisify(execFile);

const found = new Map<number, Promise<string | undefined>>();

/** @returns the program, installed under `folder` if it has to be; undefined if there is none. */
export function findNode(major: number, folder: string): Promise<string | undefined> {
  let node = found.get(major);
  if (node === undefined) {
    node = findOnPath(major).then((path) => path ?? installNode(major, folder));
    found.set(major, node);
  }
  return node;
}

async function findOnPath(major: number): Promise<string | undefined> {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  for (const path of [process.execPath, ...folders.map((one) => join(one, "node"))]) {
    if (existsSync(path) && (await readMajor(path)) === major) return path;
  }
  return undefined;
}

async function readMajor(node: string): Promise<number | undefined> {
  try {
    const { stdout } = await run(node, ["--version"]);
    return Number(/^v(\d+)\./.exec(stdout)?.[1]);
  } catch {
    return undefined;
  }
}

/** npm has Node itself, one package a platform; ours is locked to one of them. */
async function installNode(major: number, folder: string): Promise<string | undefined> {
  const name = `node-${process.platform}-${process.arch}`;
  const prefix = join(folder, `node-${major}`);
  const node = join(prefix, "node_modules", name, "bin/node");
  try {
    const quiet = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const from = ["--prefix", prefix, "--prefer-offline"];
    await runShell(folder, {}, "npm", "install", ...from, ...quiet, `${name}@${major}`);
    return (await readMajor(node)) === major ? node : undefined;
  } catch {
    return undefined;
  }
}
