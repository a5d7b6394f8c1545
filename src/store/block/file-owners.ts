// Resources and scopes of a block in a file: with the numbers that terms have in the block, for searching,
// and with their values beside them, for answers that read no terms.
//
// Source: docs/formats/segment.md. Not here: writing (vocabulary-writer.ts).

import type { Owners } from "../head/columns.ts";
import { startsOf } from "./file-terms.ts";
import { damaged, type Unpacker } from "./unpacker.ts";

/** The terms of owners, each once. */
export interface OwnerTerms {
  /** Its number in the block. */
  readonly term: Uint32Array;
  readonly type: Uint8Array;
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

export interface FileOwners {
  readonly terms: OwnerTerms;
  /** With terms of the block. */
  readonly resources: Owners;
  readonly scopes: Owners;
  /** With places in `terms`. */
  readonly ownResources: Owners;
  readonly ownScopes: Owners;
  readonly service: Uint32Array;
}

/** @param termsMax terms of the block. */
export function readFileOwners(unpacker: Unpacker, termsMax: number): FileOwners {
  const count = unpacker.count(termsMax);
  const term = unpacker.column(count);
  if (term.some((one) => one >= termsMax)) throw damaged("an owner of unknown terms", 0);
  const type = unpacker.small(count);
  const terms = { term, type, low: unpacker.column(count), high: unpacker.column(count) };
  const ownResources = readOwners(unpacker, count);
  const ownScopes = readOwners(unpacker, count);
  return {
    terms,
    resources: { ...ownResources, terms: ownResources.terms.map((own) => term[own]!) },
    scopes: { ...ownScopes, terms: ownScopes.terms.map((own) => term[own]!) },
    ownResources,
    ownScopes,
    service: unpacker.column(ownResources.count),
  };
}

function readOwners(
  unpacker: Unpacker,
  termsMax: number,
): Owners & { readonly terms: Uint32Array } {
  const count = unpacker.count(0xffff);
  const name = unpacker.column(count);
  const version = unpacker.column(count);
  const schemaUrl = unpacker.column(count);
  const dropped = unpacker.column(count);
  const termStart = startsOf(unpacker.column(count));
  const terms = unpacker.column(unpacker.count(0xffff_ffff));
  if (termStart[count] !== terms.length) throw damaged(`owners of ${termStart[count]} terms`, 0);
  if (terms.some((own) => own >= termsMax)) throw damaged("an owner of unknown terms", 0);
  return { count, name, version, schemaUrl, dropped, termStart, terms };
}
