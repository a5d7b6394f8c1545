// What is done to every trace before somebody looks at it, unless they ask for it raw.
//
//   split shared ids ─▶ sort ─▶ drop duplicates ─▶ addresses ─▶ clock skew ─▶ library attributes
//                                                     ─▶ empty links ─▶ warnings become attributes
//
// The order is Jaeger's: duplicates are found in sorted spans, and skew needs ids that are unique.
// Source: Jaeger v2, adjuster.StandardAdjusters.
// Trust: a trace is what peers sent: as long as it likes, with any ids, parents and times. No step
// costs more than n log n; 100,000 spans take a few hundred milliseconds.

import type { SpanBatch } from "../../model/span-batch.ts";
import { correctClockSkew } from "./correct-clock-skew.ts";
import { dropDuplicates } from "./drop-duplicates.ts";
import { moveLibraryAttributes } from "./move-library-attributes.ts";
import { normalizeAddresses } from "./normalize-addresses.ts";
import { removeEmptyLinks } from "./remove-empty-links.ts";
import { RowWarnings } from "./row-warnings.ts";
import { sortCollections } from "./sort-collections.ts";
import { SpanIdIndex } from "./span-id-index.ts";
import { splitSharedIds } from "./split-shared-ids.ts";

export interface AdjustOptions {
  /** Most that a span is moved; 0: none is, and warnings say by how much they would be. */
  readonly skewNsMax: number;
}

/**
 * Adjusts one trace.
 *
 * @param batch the spans of one trace; belongs to the caller and is changed.
 * @returns `batch`, or a shorter copy of it when spans were there twice.
 */
export function adjustTrace(batch: SpanBatch, options: AdjustOptions): SpanBatch {
  const steps = adjustInSteps(batch, options);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** As `adjustTrace`, with pauses: the longest step takes some 0.1 s for 100,000 spans. */
export function* adjustInSteps(
  batch: SpanBatch,
  options: AdjustOptions,
): Generator<void, SpanBatch, undefined> {
  splitSharedIds(batch);
  yield;
  sortCollections(batch);
  yield;
  const index = new SpanIdIndex(batch.spanId, batch.rows);
  const kept = dropDuplicates(batch, index);
  yield;
  const keptIndex = kept === batch ? index : new SpanIdIndex(kept.spanId, kept.rows);

  const warnings = new RowWarnings();
  normalizeAddresses(kept);
  yield;
  correctClockSkew(kept, keptIndex, options.skewNsMax, warnings);
  yield;
  const moved = moveLibraryAttributes(kept, warnings);
  yield;
  removeEmptyLinks(kept, warnings);
  yield;
  warnings.write(kept, moved);
  return kept;
}
