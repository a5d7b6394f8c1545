// The rows of a batch as OTLP nests them: spans in scopes in resources.
//
//   rows   r0 r0 r1 r0        resource of each row       ─▶  r0 { s0: 0, 1 · s1: 3 }  r1 { s0: 2 }
//          s0 s0 s0 s1        scope of each row
//
// Resources, scopes and rows stay in the order in which they come first.

import type { SpanBatch } from "../model/span-batch.ts";

export interface ScopeRows {
  readonly scope: number;
  readonly rows: readonly number[];
}

export interface ResourceRows {
  readonly resource: number;
  readonly scopes: readonly ScopeRows[];
}

/** Every row of `batch` once. Cost: its rows. */
export function groupRows(batch: SpanBatch): readonly ResourceRows[] {
  const resources = new Map<number, Map<number, number[]>>();
  // Rows of one scope come one after the other: the last group is nearly always the right one.
  let lastResource = -1;
  let lastScope = -1;
  let last: number[] = [];
  for (let row = 0; row < batch.rows; row++) {
    const resource = batch.resource[row]!;
    const scope = batch.scope[row]!;
    if (resource !== lastResource || scope !== lastScope) {
      let scopes = resources.get(resource);
      if (scopes === undefined) resources.set(resource, (scopes = new Map<number, number[]>()));
      let rows = scopes.get(scope);
      if (rows === undefined) scopes.set(scope, (rows = []));
      lastResource = resource;
      lastScope = scope;
      last = rows;
    }
    last.push(row);
  }
  return Array.from(resources, ([resource, scopes]) => ({
    resource,
    scopes: Array.from(scopes, ([scope, rows]) => ({ scope, rows })),
  }));
}
