// The repository's files as the checks see them: paths, text, and what each file imports.
//
//   src/wire/otlp-json.ts ──▶ { path, room: "wire", isTest: false, text, imports: [...] }
//
// Imports are found by text, not by a parser: the formatter has put every one into a shape that
// a pattern can rely on. A comment that looks like an import statement would be taken for one.
// Not here: what is allowed (rooms.ts, tidy.test.ts).

import { execFileSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

export const root: string = dirname(dirname(fileURLToPath(import.meta.url)));

export interface SourceFile {
  /** From the root, with `/`: `src/wire/otlp-json.ts`. */
  readonly path: string;
  /** The folder under `src`, or "" for a file of `src` itself. */
  readonly room: string;
  readonly isTest: boolean;
  readonly text: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** As written: `../base/errors.ts`, `node:fs`, `@grpc/grpc-js`. */
  readonly specifier: string;
  /** From the root, with `/`, for a relative import; otherwise undefined. */
  readonly path: string | undefined;
}

/** Reads every TypeScript file under `folder`, in a fixed order. */
export function readSourceFiles(folder: string): SourceFile[] {
  const paths = globSync(`${folder}/**/*.ts`, { cwd: root }).map(toSlashes).toSorted();
  return paths.map((path) => makeSourceFile(path, readFileSync(join(root, path), "utf8")));
}

export function makeSourceFile(path: string, text: string): SourceFile {
  const parts = path.split("/");
  const room = parts[0] === "src" && parts.length > 2 ? (parts[1] ?? "") : "";
  return { path, room, isTest: path.endsWith(".test.ts"), text, imports: findImports(path, text) };
}

// `… from "x"` at the end of a statement, `import "x"`, and `import("x")`.
const STATEMENT = /^(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/gm;
const SIDE_EFFECT = /^import\s*["']([^"']+)["']/gm;
const DYNAMIC = /\bimport\(\s*["']([^"']+)["']/g;

function findImports(path: string, text: string): Import[] {
  const found: Import[] = [];
  for (const pattern of [STATEMENT, SIDE_EFFECT, DYNAMIC]) {
    for (const match of text.matchAll(pattern)) {
      const specifier = match[1] ?? "";
      const relative = specifier.startsWith(".");
      const target = relative ? posix.join(posix.dirname(path), specifier) : undefined;
      found.push({ specifier, path: target });
    }
  }
  return found;
}

/** `@grpc/grpc-js/build/x` belongs to the package `@grpc/grpc-js`, `yaml/x` to `yaml`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/** The lines that are code: comment lines are empty, so that line numbers stay. */
export function codeLines(text: string): string[] {
  let inBlock = false;
  return text.split("\n").map((line) => {
    const trimmed = line.trim();
    if (!inBlock && trimmed.startsWith("/*")) inBlock = true;
    const isComment = inBlock || trimmed.startsWith("//");
    if (inBlock && trimmed.includes("*/")) inBlock = false;
    return isComment ? "" : line.replace(/\s\/\/ .*$/, "");
  });
}

/** Every file that is, or would be, committed: tracked ones and new ones that are not ignored. */
export function listCommittedFiles(): string[] {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const out = execFileSync("git", args, { cwd: root, encoding: "utf8", maxBuffer: 16 << 20 });
  return out.split("\0").filter((path) => path !== "");
}

function toSlashes(path: string): string {
  return path.replaceAll("\\", "/");
}
