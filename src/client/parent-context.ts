// Which context a new span is the child of.
//
//   childOf ──▶ else the first CHILD_OF reference ──▶ else the first FOLLOWS_FROM ──▶ else none
//
// Contexts of other libraries, and what is no context, count as none.
// Source: jaeger-client 3.19 tracer.js (what wins).
// Trust: options are the application's and may be anything.

import type { Reference } from "opentracing";
import { SpanContext } from "./span-context.ts";
import { Span } from "./span.ts";

const CHILD_OF = "child_of";
const FOLLOWS_FROM = "follows_from";

/** Ours, also through a span; undefined for contexts of other libraries and everything else. */
export function contextOf(parent: unknown): SpanContext | undefined {
  if (parent instanceof Span) return parent.context();
  if (parent instanceof SpanContext) return parent;
  return typeof parent === "object" && parent !== null ? contextOfOtherCopy(parent) : undefined;
}

/** Of this library, loaded a second time as CommonJS. */
function contextOfOtherCopy(parent: object): SpanContext | undefined {
  try {
    const { context } = parent as { context?: () => unknown };
    const found = typeof context === "function" ? context.call(parent) : parent;
    const { _makeChild } = found as { _makeChild?: unknown };
    return typeof _makeChild === "function" ? (found as SpanContext) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The first CHILD_OF with a context of ours; without one, the first FOLLOWS_FROM.
 *
 * @throws what a reference of the application's throws
 */
export function findParent(references: readonly Reference[]): SpanContext | undefined {
  let followed: SpanContext | undefined;
  for (const reference of references) {
    const type = reference.type();
    if (type !== CHILD_OF && type !== FOLLOWS_FROM) continue;
    const context = contextOf(reference.referencedContext());
    if (context !== undefined && type === CHILD_OF) return context;
    followed ??= context;
  }
  return followed;
}
