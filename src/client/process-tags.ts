// What the spans of one process say of it: tags of the application's, and those that every tracer adds.
//
//   hostname · ip (the first address that is not the machine's own) · client-uuid · spoor.version
//
// Source: jaeger-client 3.19 (names; its jaeger.version is spoor.version here).

import { randomUUID } from "node:crypto";
import { hostname, networkInterfaces } from "node:os";
import type { ProcessTag } from "./reporter.ts";
import { VERSION } from "./version.ts";

/** @param tags win over those that are added, but for `client-uuid` and `spoor.version`. */
export function makeProcessTags(
  tags: Readonly<Record<string, unknown>>,
  uuid: string = randomUUID(),
): ProcessTag[] {
  const all = new Map<string, unknown>(Object.entries(tags));
  all.set("spoor.version", VERSION);
  if (!all.has("hostname")) all.set("hostname", hostname());
  if (!all.has("ip")) all.set("ip", findAddress());
  all.set("client-uuid", uuid);
  return [...all].map(([key, value]) => ({ key, value }));
}

function findAddress(): string {
  try {
    for (const addresses of Object.values(networkInterfaces())) {
      const found = addresses?.find((one) => one.family === "IPv4" && !one.internal);
      if (found !== undefined) return found.address;
    }
  } catch {
    // A sandbox may forbid the question.
  }
  return "0.0.0.0";
}
