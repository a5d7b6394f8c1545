// Names that are in files: services and operations, keys of attributes and their values.
//
//   services, operations ─ statistics of each block ─┐
//   keys of all services ─ key list of each block ───┴─ kept (block-lists.ts)
//   keys, values of one service ─ rows ─▶ marks of their terms
//
// Cost, known: 0.3 ms for 1,000 blocks. Values are read when they are asked for: 50 ns each, and a page of
// texts; those of one service 10 ms a block.

import type { KeyQuery, Operation, ValueQuery } from "../../model/trace-query.ts";
import type { FileBlock } from "../block/block-reader.ts";
import type { RowPage } from "../block/row-page.ts";
import type { Owners } from "../head/columns.ts";
import type { Pause } from "../head/pause.ts";
import { textOfValue } from "../head/value-text.ts";
import { compareTexts, joinOperations } from "../join-lists.ts";
import { BlockLists, type Items } from "./block-lists.ts";
import type { BlockView, HeldBlock } from "./block-set.ts";
import { BlockTexts } from "./block-texts.ts";

interface ServiceOperation extends Operation {
  readonly service: string;
}

/** Names in all blocks, as far as they have been asked for. */
export class FileNames {
  readonly #operations = new BlockLists(readOperations);
  readonly #keys = new BlockLists(readKeys);

  async services(view: BlockView, pause: Pause): Promise<string[]> {
    const names = new Set<string>();
    for (const { service } of await this.#operations.collect(view, view.blocks, pause)) {
      names.add(service);
    }
    return [...names].sort(compareTexts);
  }

  async operations(
    view: BlockView,
    service: string | undefined,
    kind: number | undefined,
    pause: Pause,
  ): Promise<Operation[]> {
    const found: Operation[] = [];
    for (const operation of await this.#operations.collect(view, view.blocks, pause)) {
      if (service !== undefined && operation.service !== service) continue;
      if (kind !== undefined && operation.kind !== kind) continue;
      found.push({ name: operation.name, kind: operation.kind });
    }
    // Of several services, one operation may be there several times.
    return joinOperations([found, []]);
  }

  async keys(view: BlockView, query: KeyQuery, pause: Pause): Promise<string[]> {
    const blocks = view.blocks.filter((held) => reachesInto(held, query));
    const found = new Set<string>();
    if (query.service === undefined) {
      for (const key of await this.#keys.collect(view, blocks, pause)) {
        if (key.startsWith(query.prefix)) found.add(key);
      }
      return firstOf(found, query.limit);
    }
    for (const held of blocks) {
      await eachBlockWithService(view, held, query.service, pause, (block, marks) => {
        for (const key of keysWith(block, marks)) if (key.startsWith(query.prefix)) found.add(key);
      });
      await pause();
    }
    return firstOf(found, query.limit);
  }

  async values(view: BlockView, query: ValueQuery, pause: Pause): Promise<string[]> {
    let found = new Set<string>();
    for (const held of view.blocks) {
      if (!reachesInto(held, query)) continue;
      if (view.use(held, (block) => block.dictionary.findText(query.key) >= 0) !== true) continue;
      if (query.service === undefined) {
        view.use(held, (block) => addValues(block, query, undefined, found));
      } else {
        await eachBlockWithService(view, held, query.service, pause, (block, marks) =>
          addValues(block, query, marks, found),
        );
      }
      // A key may have as many values as there are spans; what is not among the first is of no use.
      if (found.size > query.limit) found = new Set(firstOf(found, query.limit));
      await pause();
    }
    return firstOf(found, query.limit);
  }

  /** Forgets blocks that are not among these. */
  retain(ids: ReadonlySet<number>): void {
    this.#operations.retain(ids);
    this.#keys.retain(ids);
  }
}

function readOperations(block: FileBlock): Items<ServiceOperation> {
  const { service, name, kind } = block.statistics.slices;
  const texts = new BlockTexts(block);
  const items = new Map<string, ServiceOperation>();
  const seen = new Set<number>();
  for (let slice = 0; slice < service.length; slice++) {
    // Entries are below 2^32 and kinds below 2^8, but there are no more than 2^22 entries of a block.
    const numbers = (service[slice]! * 0x40_0000 + name[slice]!) * 0x100 + kind[slice]!;
    if (Number.isSafeInteger(numbers) && seen.has(numbers)) continue;
    seen.add(numbers);
    const own = texts.text(service[slice]!);
    const item = { service: own, name: texts.text(name[slice]!), kind: kind[slice]! };
    items.set(`${item.kind} ${own.length} ${own} ${item.name}`, item);
  }
  return items;
}

function readKeys(block: FileBlock): Items<string> {
  const texts = new BlockTexts(block);
  const items = new Map<string, string>();
  for (const entry of block.terms.keyEntries()) {
    const key = texts.text(entry);
    items.set(key, key);
  }
  return items;
}

/** Gives `found` a mark for each term that spans of the service carry, if the block has some. */
async function eachBlockWithService(
  view: BlockView,
  held: HeldBlock,
  service: string,
  pause: Pause,
  found: (block: FileBlock, marks: Uint8Array) => void,
): Promise<void> {
  const marker = view.use(held, (block) => {
    const resources = new BlockTexts(block).services().map((name) => name === service);
    return resources.includes(true) ? new TermMarker(block, resources) : undefined;
  });
  if (marker === undefined) return;
  for (let index = 0; index < marker.block.rowPages; index++) {
    view.use(held, () => marker.add(marker.block.page(index)));
    await pause();
  }
  view.use(held, () => found(marker.block, marker.finish()));
}

/** Marks the terms of spans of some resources. */
class TermMarker {
  readonly block: FileBlock;
  readonly #wanted: readonly boolean[];
  readonly #marks: Uint8Array;
  readonly #resources: Uint8Array;
  readonly #scopes: Uint8Array;

  constructor(block: FileBlock, wanted: readonly boolean[]) {
    this.block = block;
    this.#wanted = wanted;
    this.#marks = new Uint8Array(block.terms.count);
    this.#resources = new Uint8Array(block.resources.count);
    this.#scopes = new Uint8Array(block.scopes.count);
  }

  add(page: RowPage): void {
    const { resource, scope, attributeStart, attribute, eventStart, linkStart } = page;
    for (let row = 0; row < page.rows; row++) {
      if (this.#wanted[resource[row]!] === false) continue;
      this.#resources[resource[row]!] = 1;
      this.#scopes[scope[row]!] = 1;
      this.#mark(attribute, attributeStart[row]!, attributeStart[row + 1]!);
      const event = eventStart[row]!;
      const eventEnd = eventStart[row + 1]!;
      if (event < eventEnd) {
        const { eventTermStart, eventTerm } = page;
        this.#mark(eventTerm, eventTermStart[event]!, eventTermStart[eventEnd]!);
      }
      if (linkStart === undefined || linkStart[row] === linkStart[row + 1]) continue;
      const { linkTermStart, linkTerm } = page;
      const from = linkTermStart[linkStart[row]!]!;
      this.#mark(linkTerm, from, linkTermStart[linkStart[row + 1]!]!);
    }
  }

  finish(): Uint8Array {
    this.#markOwners(this.block.resources, this.#resources);
    this.#markOwners(this.block.scopes, this.#scopes);
    return this.#marks;
  }

  #mark(terms: Uint32Array, from: number, end: number): void {
    for (let at = from; at < end; at++) this.#marks[terms[at]!] = 1;
  }

  #markOwners(owners: Owners, wanted: Uint8Array): void {
    for (let owner = 0; owner < owners.count; owner++) {
      if (wanted[owner] === 0) continue;
      const end = owners.termStart[owner + 1]!;
      for (let at = owners.termStart[owner]!; at < end; at++) this.#marks[owners.terms[at]!] = 1;
    }
  }
}

function keysWith(block: FileBlock, marks: Uint8Array): string[] {
  const { entry, firstTerm } = block.terms.keys;
  const texts = new BlockTexts(block);
  const found: string[] = [];
  for (let key = 0; key < entry.length; key++) {
    const own = marks.subarray(firstTerm[key], firstTerm[key + 1]);
    if (own.includes(1)) found.push(texts.text(entry[key]!));
  }
  return found;
}

/** @param marks of the terms that count; undefined: all. */
function addValues(
  block: FileBlock,
  { key, prefix }: ValueQuery,
  marks: Uint8Array | undefined,
  found: Set<string>,
): void {
  block.terms.eachOf(block.dictionary.findText(key), (term, type, low, high) => {
    if (marks?.[term] === 0) return;
    const text = textOfValue(block.dictionary, type, low, high);
    if (text.startsWith(prefix)) found.add(text);
  });
}

function reachesInto(held: HeldBlock, range: KeyQuery): boolean {
  return held.startUsMax >= range.startUsMin && held.startUsMin <= range.startUsMax;
}

function firstOf(texts: ReadonlySet<string>, limit: number): string[] {
  return [...texts].sort(compareTexts).slice(0, limit);
}
