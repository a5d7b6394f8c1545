// Keys and values of one block, for completion while somebody types.
//
//   no service    the block's terms; rows only for columns that count as attributes
//   a service     rows of its resources ─▶ their terms ─▶ keys, values
//
// In steps: others may have their turn after each. Rows of a head that are no longer live count too.
// Source: KeyQuery, ValueQuery in model/trace-query.ts. Not here: which blocks reach into the range.

import { STRING } from "../../model/attribute-table.ts";
import { STATUS_ERROR } from "../../model/span-batch.ts";
import type { KeyQuery, ValueQuery } from "../../model/trace-query.ts";
import type { Owners, Rows, Vocabulary } from "./columns.ts";
import type { Completions } from "./completions.ts";
import { KIND_TEXTS, STATUS_TEXTS, scopeColumn } from "./intrinsic.ts";
import { textOfValue } from "./value-text.ts";

/** Rows between two steps: about a millisecond. */
const STEP_ROWS = 8_192;

type Steps = Generator<undefined, void, undefined>;
type Terms = Vocabulary["terms"];
/** Takes a term; each page of rows may number its terms by itself. */
type FoundTerm = (terms: Terms, term: number) => void;
/** Takes a text, or the dictionary entry of one. */
type FoundText = (text: string | number) => void;
/** Tells what a row has in a column. */
type Column = (rows: Rows, row: number, found: FoundText) => void;

/** Older names, which are understood and not offered. */
const OLD_KEYS: readonly string[] = ["otel.library.name", "otel.library.version"];
const SCOPE_KEYS: readonly string[] = ["otel.scope.name", "otel.scope.version", ...OLD_KEYS];

/** The columns that count as attributes (intrinsic.ts). */
const COLUMNS: ReadonlyMap<string, Column> = new Map<string, Column>([
  ["span.name", (rows, row, found) => found(rows.name[row]!)],
  // Numbers are not offered: nobody looks for one exact duration.
  ["duration", (_rows, _row, found) => found("")],
  [
    "span.kind",
    (rows, row, found) => {
      if (rows.kind[row] !== 0) found(KIND_TEXTS[rows.kind[row]!] ?? "");
    },
  ],
  [
    "error",
    (rows, row, found) => {
      if (rows.statusCode[row] === STATUS_ERROR) found("true");
    },
  ],
  [
    "otel.status_code",
    (rows, row, found) => {
      if (rows.statusCode[row] !== 0) found(STATUS_TEXTS[rows.statusCode[row]!] ?? "");
    },
  ],
  ["otel.status_description", (rows, row, found) => findEntry(rows.statusMessage?.[row], found)],
  ["w3c.tracestate", (rows, row, found) => findEntry(rows.traceState?.[row], found)],
  ...SCOPE_KEYS.map((key): [string, Column] => [
    key,
    (rows, row, found) => findEntry(scopeColumn(rows.vocabulary, key)?.[rows.scope[row]!], found),
  ]),
  [
    "event",
    (rows, row, found) => {
      const end = rows.eventStart[row + 1]!;
      for (let at = rows.eventStart[row]!; at < end; at++) findEntry(rows.eventName[at], found);
    },
  ],
]);

function findEntry(entry: number | undefined, found: FoundText): void {
  if (entry !== undefined && entry !== 0) found(entry);
}

/**
 * Adds the keys that spans of the block have.
 *
 * @param pages the block's rows; taken only as far as they are needed.
 */
export function* collectKeys(
  block: Vocabulary,
  pages: Iterable<Rows>,
  query: KeyQuery,
  into: Completions,
): Steps {
  const isWanted = resourcesOf(block, query.service);
  if (isWanted === undefined) return;
  const columns = new Map(
    [...COLUMNS].filter(([key]) => into.wants(key) && !OLD_KEYS.includes(key)),
  );
  const keys = new Map<number, string>();
  for (const entry of block.terms.keyEntries()) {
    const text = into.wantedText(block.dictionary.bytes(entry));
    if (text !== undefined) keys.set(entry, text);
  }
  if (query.service === undefined) {
    for (const text of keys.values()) into.add(text);
    keys.clear();
  }
  const found: FoundTerm = (terms, term) => {
    const entry = terms.keyEntryOf(term);
    const text = keys.get(entry);
    if (text === undefined) return;
    into.add(text);
    keys.delete(entry);
  };
  const seen = keys.size === 0 ? undefined : makeSeen(found);
  if (columns.size === 0 && seen === undefined) return;
  for (const rows of pages) {
    for (const [key, column] of columns) {
      if (!isAnywhere(column, rows, isWanted)) continue;
      into.add(key);
      columns.delete(key);
      yield undefined;
    }
    for (let row = 0; row < rows.rows && keys.size > 0; row++) {
      if (row % STEP_ROWS === 0 && row > 0) yield undefined;
      if (isWanted[rows.resource[row]!] === 1) seen?.(rows, row);
    }
    if (keys.size === 0 && columns.size === 0) return;
    yield undefined;
  }
}

/** True if a row of a wanted resource has something in the column. */
function isAnywhere(column: Column, rows: Rows, isWanted: Uint8Array): boolean {
  let isFound = false;
  const found = (): void => {
    isFound = true;
  };
  for (let row = 0; row < rows.rows && !isFound; row++) {
    if (isWanted[rows.resource[row]!] === 1) column(rows, row, found);
  }
  return isFound;
}

/** Adds the values that a key has in the block, as texts. @param pages as in `collectKeys`. */
export function* collectValues(
  block: Vocabulary,
  pages: Iterable<Rows>,
  query: ValueQuery,
  into: Completions,
): Steps {
  const isWanted = resourcesOf(block, query.service);
  if (isWanted === undefined) return;
  const { dictionary, terms } = block;
  const entry = dictionary.findText(query.key);
  const isAll = query.service === undefined;
  const addValue = (type: number, low: number, high: number): void => {
    if (type === STRING) into.addBytes(dictionary.bytes(low));
    else into.add(textOfValue(dictionary, type, low, high));
  };
  if (isAll && entry >= 0) {
    terms.eachOf(entry, (_, type, low, high) => addValue(type, low, high));
  }
  const column = query.key === "duration" ? undefined : COLUMNS.get(query.key);
  const hasValues = entry >= 0 && !isAll && hasTerms(terms, entry);
  if (column === undefined && !hasValues) return;
  const addText = makeTextAdder(block, into);
  const seen = makeSeen((own, term) => {
    if (own.keyEntryOf(term) !== entry) return;
    addValue(own.type[term]!, own.low[term]!, own.high[term]!);
  });
  for (const rows of pages) {
    for (let row = 0; row < rows.rows; row++) {
      if (row % STEP_ROWS === 0 && row > 0) yield undefined;
      if (isWanted[rows.resource[row]!] === 0) continue;
      column?.(rows, row, addText);
      if (hasValues) seen(rows, row);
    }
    yield undefined;
  }
}

function hasTerms(terms: Terms, entry: number): boolean {
  let has = false;
  terms.eachOf(entry, () => (has = true));
  return has;
}

/** 1 for each resource of the service, or of any; undefined: the block has none. */
function resourcesOf(block: Vocabulary, service: string | undefined): Uint8Array | undefined {
  const marks = new Uint8Array(block.resources.count);
  if (service === undefined) return marks.fill(1);
  const entry = block.dictionary.findText(service);
  for (let i = 0; i < marks.length; i++) marks[i] = block.resourceService[i] === entry ? 1 : 0;
  return marks.includes(1) ? marks : undefined;
}

/** Calls `found` for every term that a row has at any level, each once for rows of one numbering. */
function makeSeen(found: FoundTerm): (rows: Rows, row: number) => void {
  let last: Vocabulary | undefined;
  let isSeen = new Uint8Array(0);
  let resources = new Uint8Array(0);
  let scopes = new Uint8Array(0);
  const seeAll = (terms: ArrayLike<number>, start: number, end: number): void => {
    for (let at = start; at < end; at++) {
      const term = terms[at]!;
      if (isSeen[term] === 1) continue;
      isSeen[term] = 1;
      found(last!.terms, term);
    }
  };
  const seeOwner = (owners: Owners, known: Uint8Array, owner: number): void => {
    if (known[owner] === 1) return;
    known[owner] = 1;
    seeAll(owners.terms, owners.termStart[owner]!, owners.termStart[owner + 1]!);
  };
  return (rows, row) => {
    if (rows.vocabulary !== last) {
      last = rows.vocabulary;
      isSeen = new Uint8Array(last.terms.count);
      resources = new Uint8Array(last.resources.count);
      scopes = new Uint8Array(last.scopes.count);
    }
    seeOwner(last.resources, resources, rows.resource[row]!);
    seeOwner(last.scopes, scopes, rows.scope[row]!);
    seeAll(rows.attribute, rows.attributeStart[row]!, rows.attributeStart[row + 1]!);
    const event = rows.eventStart[row]!;
    const eventEnd = rows.eventStart[row + 1]!;
    if (event < eventEnd) {
      const { eventTermStart } = rows;
      seeAll(rows.eventTerm, eventTermStart[event]!, eventTermStart[eventEnd]!);
    }
    if (rows.linkStart === undefined) return;
    const link = rows.linkTermStart[rows.linkStart[row]!]!;
    seeAll(rows.linkTerm, link, rows.linkTermStart[rows.linkStart[row + 1]!]!);
  };
}

/** Adds texts and entries, each once a block. */
function makeTextAdder(block: Vocabulary, into: Completions): FoundText {
  const seen = new Set<string | number>();
  return (text) => {
    if (seen.has(text)) return;
    seen.add(text);
    if (typeof text === "string") into.add(text);
    else into.addBytes(block.dictionary.bytes(text));
  };
}
