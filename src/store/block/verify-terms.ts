// Checks the terms of a block against its rows, resources and scopes, and the filter against the terms.
//
//   values of every page ─▶ terms with these values: where they are, in which order they came
//   terms ─▶ filter has each                 owners ─▶ their terms are what the block's terms say
//
// Not here: rows, traces, texts (verify-block.ts).

import { ARRAY, isEntryType, MAP, STRING } from "../../model/attribute-table.ts";
import type { Owners } from "../head/columns.ts";
import { TermTable } from "../head/term-table.ts";
import type { Tell } from "./block-finding.ts";
import type { BlockPages } from "./block-pages.ts";
import type { FileBlock } from "./block-reader.ts";
import { hashThing, KEY, KEY_WITH_LIST, mayHave, SERVICE, SPAN_NAME } from "./filter.ts";
import { PAGE_TERMS, STRETCHES, type Section } from "./layout.ts";
import { readKeyColumn, type TermLists } from "./term-lists.ts";
import {
  OF_EVENTS,
  OF_LINKS,
  OF_RESOURCES,
  OF_SCOPES,
  OF_SPANS,
  placeBits,
} from "./term-survey.ts";
import { hashBytes } from "./text-hash.ts";

const STRETCH_BITS = 2 ** STRETCHES - 1;

export function findWrongTerms(block: FileBlock, pages: BlockPages, tell: Tell): void {
  const { keys, count } = block.terms;
  const check = new TermCheck(block, tell);
  for (let index = 0; index < block.rowPages; index++) {
    const { attributes, events, links } = block.page(index).lists;
    check.seeLists(attributes, "attributes", index, OF_SPANS);
    check.seeLists(events, "events", index, OF_EVENTS);
    check.seeLists(links, "links", index, OF_LINKS);
  }
  check.seeOwners(block.resources, OF_RESOURCES);
  check.seeOwners(block.scopes, OF_SCOPES);
  for (let term = 0; term < count; term++) {
    const places = check.placesOf(term);
    if (block.terms.placesOf(term) !== places) {
      tell("terms", Math.floor(term / PAGE_TERMS), `term ${term} is somewhere else`);
    }
  }
  for (let key = 0; key < keys.entry.length; key++) {
    const all = keys.firstTerm[key + 1]! - keys.firstTerm[key]!;
    if (check.counts[key] !== all) {
      tell("keys", 0, `key ${key} has ${check.counts[key]} terms, not ${all}`);
    }
    if (check.uses[key] !== keys.uses[key]) tell("keys", 0, `something else has key ${key}`);
  }
  findWrongServices(block, tell);
  findMissing(block, pages, tell);
}

/** What rows, resources and scopes say of the terms. */
class TermCheck {
  /** Of each key: how many of its terms came so far, and what has it. */
  readonly counts: Uint32Array;
  readonly uses: Uint8Array;
  readonly #block: FileBlock;
  readonly #tell: Tell;
  /** Number -> number: a term with its key in place of the key's entry. */
  readonly #terms = new TermTable();
  readonly #isSeen: Uint8Array;
  readonly #places: Uint32Array;
  /** The section of a page in which a term was last. */
  readonly #last: Uint32Array;
  #section = 0;

  constructor(block: FileBlock, tell: Tell) {
    this.#block = block;
    this.#tell = tell;
    const { keys, count, type, low, high } = block.terms;
    this.counts = new Uint32Array(keys.entry.length);
    this.uses = new Uint8Array(keys.entry.length);
    this.#isSeen = new Uint8Array(count);
    this.#places = new Uint32Array(count);
    this.#last = new Uint32Array(count);
    for (let key = 0; key < keys.entry.length; key++) {
      for (let term = keys.firstTerm[key]!; term < keys.firstTerm[key + 1]!; term++) {
        if (this.#terms.intern(key, type[term]!, low[term]!, high[term]!) !== term) {
          tell("terms", Math.floor(term / PAGE_TERMS), `term ${term} is there twice`);
        }
      }
    }
  }

  /** As FileTerms.placesOf. */
  placesOf(term: number): number {
    const places = this.#places[term]!;
    const stretches = places & STRETCH_BITS;
    return (stretches & (stretches - 1)) === 0 ? places : stretches;
  }

  seeLists(lists: TermLists, section: Section, index: number, use: number): void {
    this.#section++;
    for (let place = 0; place < lists.keys.length; place++) {
      const key = lists.keys[place]!;
      this.uses[key]! |= use;
      const { type, low, high } = readKeyColumn(lists, place);
      for (let i = 0; i < type.length; i++) {
        const term = this.#terms.find(key, type[i]!, low[i]!, high[i]!);
        if (term < 0) {
          this.#tell(section, index, `a value of key ${key} is no term`);
          continue;
        }
        if (this.#last[term] === this.#section) {
          this.#tell(section, index, `term ${term} is there twice`);
        }
        this.#last[term] = this.#section;
        this.#see(term, key);
        this.#places[term]! |= placeBits(index);
      }
    }
  }

  seeOwners(owners: Owners, use: number): void {
    const { terms } = this.#block;
    for (let at = 0; at < owners.terms.length; at++) {
      const key = terms.keyOf(owners.terms[at]!);
      this.uses[key]! |= use;
      this.#see(owners.terms[at]!, key);
    }
  }

  /** Terms of a key are numbered as they come. */
  #see(term: number, key: number): void {
    if (this.#isSeen[term] === 1) return;
    this.#isSeen[term] = 1;
    const expected = this.#block.terms.keys.firstTerm[key]! + this.counts[key]!++;
    if (term !== expected) {
      this.#tell("terms", Math.floor(term / PAGE_TERMS), `term ${term} comes before ${expected}`);
    }
  }
}

/** The values that owners have beside them are those of their terms; services are theirs. */
function findWrongServices(block: FileBlock, tell: Tell): void {
  const { terms, resources, resourceService, dictionary, figures } = block;
  const own = block.ownerTerms;
  own.term.forEach((term, at) => {
    const [type, low, high] = terms.valueOf(term);
    if (own.type[at] !== type || own.low[at] !== low || own.high[at] !== high) {
      tell("owners", 0, `term ${term} has another value`);
    }
  });
  const serviceKey = dictionary.findText("service.name");
  for (let owner = 0; owner < resources.count; owner++) {
    let service = 0;
    for (let at = resources.termStart[owner]!; at < resources.termStart[owner + 1]!; at++) {
      const term = resources.terms[at]!;
      const [type, low] = terms.valueOf(term);
      if (type !== STRING || terms.keyEntryOf(term) !== serviceKey) continue;
      service = low;
      break;
    }
    if (service !== resourceService[owner]) tell("owners", 0, `resource ${owner}: another service`);
  }
  for (const { name, version, schemaUrl } of [resources, block.scopes]) {
    for (const column of [name, version, schemaUrl]) {
      for (let owner = 0; owner < column.length; owner++) {
        if (column[owner]! >= figures.entries) tell("owners", 0, "names a text that is not there");
      }
    }
  }
}

/** Everything that the filter must not deny. */
function findMissing(block: FileBlock, pages: BlockPages, tell: Tell): void {
  const { terms, dictionary, figures } = block;
  const { keys } = terms;
  const seed = figures.hashSeed;
  const hashes = new Uint32Array(figures.entries);
  for (let entry = 0; entry < figures.entries; entry++) {
    hashes[entry] = hashBytes(dictionary.bytes(entry), seed);
  }
  const need = (what: number, key: number, low: number, high: number): void => {
    if (!mayHave(pages, hashThing(what, key, low, high, seed))) tell("filter", 0, "denies a thing");
  };
  for (let key = 0; key < keys.entry.length; key++) {
    const hash = hashes[keys.entry[key]!]!;
    need(KEY, hash, 0, 0);
    for (let term = keys.firstTerm[key]!; term < keys.firstTerm[key + 1]!; term++) {
      const [type, low, high] = terms.valueOf(term);
      if (isEntryType(type)) need(type, hash, hashes[low]!, 0);
      else need(type, hash, low, high);
      if (type === ARRAY || type === MAP) need(KEY_WITH_LIST, hash, 0, 0);
    }
  }
  for (const entry of new Set(block.resourceService)) need(SERVICE, 0, hashes[entry]!, 0);
  const names = new Set<number>();
  for (let index = 0; index < block.rowPages; index++) {
    for (const entry of block.page(index).name) names.add(entry);
  }
  for (const entry of names) need(SPAN_NAME, 0, hashes[entry]!, 0);
}
