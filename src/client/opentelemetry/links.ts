// Links of OpenTelemetry as references of OpenTracing.
//
//   link { context, attributes: { "opentracing.ref_type": "child_of" } }  ─▶ CHILD_OF
//   any other link                                                        ─▶ FOLLOWS_FROM
//
// Other attributes of a link have no place in a reference and are left out.
// They are added to a span that has started: as a reference at its start, a link would be its parent.

import type { Link } from "@opentelemetry/api";
import { REFERENCE_CHILD_OF, REFERENCE_FOLLOWS_FROM, Reference } from "opentracing";
import type { Span } from "../span.ts";
import { clientContextOf } from "./span-contexts.ts";

/** As many as the SDK keeps. */
const REFERENCES_MAX = 128;

export function addReferences(span: Span, links: readonly Link[]): void {
  const added: Reference[] = [];
  for (const { context, attributes } of links) {
    const to = clientContextOf(context);
    if (to === undefined) continue;
    const isParent = attributes?.["opentracing.ref_type"] === "child_of";
    const type = isParent ? REFERENCE_CHILD_OF : REFERENCE_FOLLOWS_FROM;
    added.push(new Reference(type, to));
  }
  span._references = [...span._references, ...added].slice(0, REFERENCES_MAX);
}
