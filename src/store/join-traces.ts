// One trace out of the rows that several parts of a store have of it.
//
//   older part  t1 t3 t3 t7 ─┐
//   newer part  t2 t3 t9 ────┴─▶ t1 t2 t3 t3 t3 t7 t9        of one start: the older part's rows first

import { RowCopier, SharedOwners } from "../model/copy-rows.ts";
import { SpanBatch } from "../model/span-batch.ts";

interface Rest {
  readonly batch: SpanBatch;
  readonly copier: RowCopier;
  /** Its first row that is not yet in the joined trace. */
  row: number;
}

/**
 * Joins rows by start. One batch is given back as it is, none is undefined.
 *
 * @param parts rows of one trace, each by start, in order of their arrival.
 * Cost: one copy of every row if there are several.
 */
export function joinTraces(parts: readonly (SpanBatch | undefined)[]): SpanBatch | undefined {
  const batches = parts.filter((batch) => batch !== undefined);
  if (batches.length < 2) return batches[0];
  const joined = new SpanBatch();
  const owners = new SharedOwners();
  const rests: Rest[] = batches.map((batch) => ({
    batch,
    copier: new RowCopier(batch, joined, owners),
    row: 0,
  }));
  for (;;) {
    const next = earliest(rests);
    if (next === undefined) return joined;
    next.copier.copyRow(next.row++);
  }
}

function earliest(rests: readonly Rest[]): Rest | undefined {
  let found: Rest | undefined;
  for (const rest of rests) {
    if (rest.row === rest.batch.rows) continue;
    if (found === undefined || isBefore(rest, found)) found = rest;
  }
  return found;
}

function isBefore(one: Rest, two: Rest): boolean {
  const us = one.batch.startUs[one.row]! - two.batch.startUs[two.row]!;
  if (us !== 0) return us < 0;
  return one.batch.startRestNs[one.row]! < two.batch.startRestNs[two.row]!;
}
