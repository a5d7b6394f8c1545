// The terms of one page of rows: what answers need of attributes, without a look at the block's terms.
//
//   terms     those of resources and scopes │ values of attributes │ of events │ of links
//   lists     start and terms of every row, event and link
//
// Source: docs/formats/segment.md. Not here: the columns of single keys (term-lists.ts).

import type { Dictionary } from "../../model/dictionary.ts";
import type { Owners, Vocabulary } from "../head/columns.ts";
import type { FileOwners } from "./file-owners.ts";
import type { Keys } from "./file-terms.ts";
import { lastAtMost } from "./row-writer.ts";
import { makeLender, withLent } from "./lent-arrays.ts";
import type { Arrays } from "./page-memory.ts";
import { joinLists, readKeyInto, type Joined, type TermLists } from "./term-lists.ts";

export interface PageTerms {
  /** Of each term, as in `TermTable`. */
  readonly key: Uint32Array;
  readonly type: Uint8Array;
  readonly low: Uint32Array;
  readonly high: Uint32Array;
  readonly attributeStart: Uint32Array;
  readonly attribute: Uint32Array;
  readonly eventTermStart: Uint32Array;
  readonly eventTerm: Uint32Array;
  readonly linkTermStart: Uint32Array;
  readonly linkTerm: Uint32Array;
}

interface PageLists {
  readonly attributes: TermLists;
  readonly events: TermLists;
  readonly links: TermLists;
}

const FLAT = makeLender((length) => new Uint32Array(length));

export function makePageTerms(
  { keys, owners }: { readonly keys: Keys; readonly owners: FileOwners },
  { attributes, events, links }: PageLists,
  arrays: Arrays,
): PageTerms {
  const own = owners.terms;
  const count = [attributes, events, links].reduce(
    (sum, lists) => sum + lists.values.reduce((all, one) => all + one, 0),
    own.term.length,
  );
  const terms = {
    key: arrays.words(count),
    type: arrays.octets(count),
    low: arrays.words(count),
    high: arrays.words(count),
  };
  own.term.forEach((term, at) => {
    terms.key[at] = keys.entry[lastAtMost(keys.firstTerm, term)]!;
  });
  terms.type.set(own.type);
  terms.low.set(own.low);
  terms.high.set(own.high);
  let next = own.term.length;
  const readInto = (flat: Uint32Array, lists: TermLists): void => {
    for (let place = 0, from = 0; place < lists.keys.length; place++) {
      const end = next + lists.values[place]!;
      terms.key.fill(keys.entry[lists.keys[place]!]!, next, end);
      readKeyInto(lists, place, { values: terms, next, places: flat, from });
      from += lists.uses[place]!;
      next = end;
    }
  };
  const joined = (lists: TermLists): Joined => {
    const uses = lists.uses.reduce((sum, one) => sum + one, 0);
    return withLent(FLAT, uses, (flat) => {
      readInto(flat, lists);
      return joinLists(lists, keys, flat.subarray(0, uses), arrays);
    });
  };
  const ofRows = joined(attributes);
  const ofEvents = joined(events);
  const ofLinks = joined(links);
  return {
    ...terms,
    attributeStart: ofRows.start,
    attribute: ofRows.terms,
    eventTermStart: ofEvents.start,
    eventTerm: ofEvents.terms,
    linkTermStart: ofLinks.start,
    linkTerm: ofLinks.terms,
  };
}

/** What the numbers of a page's columns mean. Terms are read when they are first asked for. */
export class PageVocabulary implements Vocabulary {
  readonly dictionary: Vocabulary["dictionary"];
  readonly resources: Owners;
  readonly scopes: Owners;
  readonly resourceService: ArrayLike<number>;
  readonly #block: Vocabulary;
  readonly #readTerms: () => PageTerms;
  #terms: Vocabulary["terms"] | undefined;

  constructor(block: Vocabulary, owners: FileOwners, readTerms: () => PageTerms) {
    this.#block = block;
    this.#readTerms = readTerms;
    this.dictionary = block.dictionary;
    this.resources = owners.ownResources;
    this.scopes = owners.ownScopes;
    this.resourceService = owners.service;
  }

  get terms(): Vocabulary["terms"] {
    this.#terms ??= asVocabulary(this.#readTerms());
    return this.#terms;
  }

  internEntry(entry: number, to: Dictionary): number {
    return this.#block.internEntry(entry, to);
  }
}

function asVocabulary({ key, type, low, high }: PageTerms): Vocabulary["terms"] {
  return {
    count: key.length,
    key,
    type,
    low,
    high,
    find: (entry, ofType, ofLow, ofHigh) =>
      key.findIndex(
        (one, at) =>
          one === entry && type[at] === ofType && low[at] === ofLow && high[at] === ofHigh,
      ),
    eachOf: (entry, visit) => {
      key.forEach((one, at) => {
        if (one === entry) visit(at, type[at]!, low[at]!, high[at]!);
      });
    },
    keyEntryOf: (term) => key[term]!,
    keyEntries: () => new Set(key),
  };
}
