// The names that Jaeger's APIs have for kinds of spans. Unspecified, and kinds that OTLP does not
// know, have none.
//
//   KIND_SERVER ⇄ "server"

import { KIND_CONSUMER, KIND_INTERNAL } from "../model/span-batch.ts";

/** By KIND_…. */
const NAMES: readonly string[] = ["", "internal", "server", "client", "producer", "consumer"];

/** `server`, or "" for a kind without a name. */
export function printKind(kind: number): string {
  return NAMES[kind] ?? "";
}

/** KIND_… of a name, exact and case-sensitive; undefined if no kind is called so. */
export function parseKind(name: string): number | undefined {
  const kind = NAMES.indexOf(name);
  return kind >= KIND_INTERNAL && kind <= KIND_CONSUMER ? kind : undefined;
}
