// What the repository's package.json and package-lock.json become in the published package.
//
//   private, scripts, devDependencies        ──▶ gone
//   node-linux-* (the pinned Node)           ──▶ gone; `engines` says which Node is needed
//   bin      ./src/cli/main.ts               ──▶ ./cli/main.js
//   exports  ./src/wire/index.ts             ──▶ { types: ./wire/index.d.ts, default: ./wire/index.js }
//   exports  { import, require } of a source ──▶ the same for each; `require` gets the CommonJS in ./cjs
//
// Not here: reading and writing the files (build.ts).

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, Exported>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

/** A file, or one for each condition (`import`, `require`, `types` …). */
type Exported = string | { readonly [condition: string]: Exported };

/** What the version metric and route show. Empty where it cannot be known. */
export interface Commit {
  readonly gitHead?: string;
  /** When the commit was made, ISO 8601. */
  readonly buildDate?: string;
}

export interface Lock {
  readonly name: string;
  readonly version: string;
  readonly lockfileVersion: number;
  readonly requires?: boolean;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly dev?: boolean;
  readonly [key: string]: unknown;
}

/** The folder of dist/ that holds the client once more, as CommonJS. */
export const COMMONJS_FOLDER = "cjs";

const PINNED_NODE = /^node-linux-/;
const DROPPED = new Set(["private", "scripts", "devDependencies", "imports"]);

export function makePublishedManifest(root: Manifest, commit: Commit): Manifest {
  const kept = Object.entries(root).filter(([key]) => !DROPPED.has(key));
  return {
    ...(Object.fromEntries(kept) as Manifest),
    bin: mapValues(root.bin ?? {}, emittedPath),
    exports: mapValues(root.exports ?? {}, (target) => publishedExport(target, ".")),
    optionalDependencies: withoutPinnedNode(root.optionalDependencies ?? {}),
    ...commit,
  };
}

/** The part of the lock that `manifest` needs, so that `npm ci` in dist/ installs what was tested. */
export function makePublishedLock(root: Lock, manifest: Manifest): Lock {
  const kept = Object.entries(root.packages).filter(
    ([path, locked]) =>
      path !== "" && locked.dev !== true && !PINNED_NODE.test(path.replace("node_modules/", "")),
  );
  const { name, version, license, bin, engines, dependencies, optionalDependencies } = manifest;
  const self = { name, version, license, dependencies, bin, engines, optionalDependencies };
  return { ...root, packages: { "": self, ...Object.fromEntries(kept) } };
}

function withoutPinnedNode(all: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => !PINNED_NODE.test(name)));
}

function publishedExport(target: Exported, folder: string): Exported {
  if (typeof target !== "string") {
    return mapValues(target, (one, condition) =>
      publishedExport(one, condition === "require" ? `./${COMMONJS_FOLDER}` : folder),
    );
  }
  if (!target.endsWith(".ts")) return target;
  const path = emittedPath(target).replace(".", folder);
  return { types: path.replace(/\.js$/, ".d.ts"), default: path };
}

/** Where tsc puts what it makes of a source file. */
function emittedPath(path: string): string {
  return path.replace(/^(?:\.\/)?src\//, "./").replace(/\.ts$/, ".js");
}

function mapValues<A, B>(
  all: Readonly<Record<string, A>>,
  map: (one: A, key: string) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(all).map(([key, value]) => [key, map(value, key)]));
}
