// Which build this is: the version of package.json, the commit and time that the builder has put in.
//
// Not here: the metric and the route that show it (process-metrics.ts, admin.ts).

import { readFileSync } from "node:fs";

export interface Version {
  readonly version: string;
  /** Empty when run from a clone. */
  readonly commit: string;
  readonly buildDate: string;
}

// The package's root is one folder up in the published package, two in a clone.
const MANIFESTS = ["../package.json", "../../package.json"];

/** `from` is the URL of this module or of another one in its folder. */
export function readVersion(from: string): Version {
  for (const path of MANIFESTS) {
    const manifest = readManifest(new URL(path, from));
    if (manifest?.["name"] !== "spoor") continue;
    const text = (key: string): string => {
      const value = manifest[key];
      return typeof value === "string" ? value : "";
    };
    return { version: text("version"), commit: text("gitHead"), buildDate: text("buildDate") };
  }
  return { version: "unknown", commit: "", buildDate: "" };
}

function readManifest(url: URL): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(readFileSync(url, "utf8")) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined; // not there, or another program's
  }
}
