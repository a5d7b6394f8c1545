// Which of a Jaeger span's references is its parent; the others stay links.
//
//   CHILD_OF same trace      the first one is the parent and no link
//   FOLLOWS_FROM same trace  the first one is the parent, if no CHILD_OF is; it stays a link, too
//   any other                a link
//
// Source: jaeger-idl model/v1/span.go, ParentSpanID; opentelemetry-collector-contrib v0.165
// pkg/translator/jaeger, which leaves out the links that we do.
// Not here: bytes of any format; the way out (jaeger-view.ts).

import type { SpanBatch } from "../model/span-batch.ts";
import { isZero } from "./jaeger-view.ts";

/**
 * Finds the parent among the links of the open row, each with one attribute, its type: the first
 * child_of in the same trace, else the first follows_from. Unless the format said it already. Then
 * takes out the child_of links to it; a follows_from stays, to say of which type the parent is.
 */
export function settleParent(batch: SpanBatch, row: number, childOf: number): void {
  const first = batch.linkStart[row]!;
  const end = batch.links;
  const { linkTraceId, linkSpanId, parentSpanId } = batch;
  const { words } = batch.linkAttributes;
  const firstAttribute = batch.linkAttributeStart[first]!;
  if (isZero(parentSpanId, 8 * row, 8)) {
    let parent = -1;
    for (let link = first; link < end; link++) {
      if (!isSameTrace(batch, row, link)) continue;
      const isChildOf = words[2 * (firstAttribute + link - first)] === childOf;
      if (parent < 0 || isChildOf) parent = link;
      if (isChildOf) break;
    }
    if (parent < 0) return;
    for (let i = 0; i < 8; i++) parentSpanId[8 * row + i] = linkSpanId[8 * parent + i]!;
  }
  let to = first;
  for (let link = first; link < end; link++) {
    const isChildOf = words[2 * (firstAttribute + link - first)] === childOf;
    if (isChildOf && isToParent(batch, row, link)) continue;
    if (to < link) {
      linkTraceId.copyWithin(16 * to, 16 * link, 16 * link + 16);
      linkSpanId.copyWithin(8 * to, 8 * link, 8 * link + 8);
      words[2 * (firstAttribute + to - first)] = words[2 * (firstAttribute + link - first)]!;
    }
    to++;
  }
  // One attribute a link, all of one key: the ranges of the links that stay are right as they are.
  batch.links = to;
  batch.linkAttributes.count = batch.linkAttributeStart[to]!;
}

/** True if the ids of `link` are those of the parent of `row`. */
export function isToParent(batch: SpanBatch, row: number, link: number): boolean {
  const { linkSpanId, parentSpanId } = batch;
  for (let i = 0; i < 8; i++) {
    if (linkSpanId[8 * link + i] !== parentSpanId[8 * row + i]) return false;
  }
  return isSameTrace(batch, row, link);
}

export function isSameTrace(batch: SpanBatch, row: number, link: number): boolean {
  const { linkTraceId, traceId } = batch;
  for (let i = 0; i < 16; i++) {
    if (linkTraceId[16 * link + i] !== traceId[16 * row + i]) return false;
  }
  return true;
}
