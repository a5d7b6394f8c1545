// Names that are in files: services and operations, keys of attributes and their values.
//
//   services, operations ─ statistics of each block ─┐
//   keys of all services ─ keys of each block ───────┴─ kept (block-lists.ts)
//   keys of one service, values ─ terms and rows of each block, every time
//
// Blocks that reach into the time range count whole. Cost, kept: 0.3 ms for 1,000 blocks. Cost, else: up
// to 10 ms a block. Not here: what counts as a key or a value (store/head/collect-completions.ts).

import type { KeyQuery, Operation, ValueQuery } from "../../model/trace-query.ts";
import type { FileBlock } from "../block/block-reader.ts";
import type { RowPage } from "../block/row-page.ts";
import { collectKeys, collectValues } from "../head/collect-completions.ts";
import { Completions } from "../head/completions.ts";
import type { Pause } from "../head/pause.ts";
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

  /** Keys of all services are kept; those of one are looked for every time. */
  async keys(view: BlockView, query: KeyQuery, pause: Pause): Promise<string[]> {
    const into = new Completions(query.prefix, query.limit);
    const blocks = view.blocks.filter((held) => reachesInto(held, query));
    if (query.service === undefined) {
      for (const key of await this.#keys.collect(view, blocks, pause)) into.add(key);
      return into.sorted();
    }
    for (const held of blocks) {
      await collect(view, held, pause, (block) => collectKeys(block, pagesOf(block), query, into));
    }
    return into.sorted();
  }

  async values(view: BlockView, query: ValueQuery, pause: Pause): Promise<string[]> {
    const into = new Completions(query.prefix, query.limit);
    for (const held of view.blocks) {
      if (!reachesInto(held, query)) continue;
      await collect(view, held, pause, (block) =>
        collectValues(block, pagesOf(block), query, into),
      );
    }
    return into.sorted();
  }

  /** Forgets blocks that are not among these. */
  retain(ids: ReadonlySet<number>): void {
    this.#operations.retain(ids);
    this.#keys.retain(ids);
  }
}

function readOperations(
  view: BlockView,
  held: HeldBlock,
): Promise<Items<ServiceOperation> | undefined> {
  return Promise.resolve(view.use(held, operationsOf));
}

function operationsOf(block: FileBlock): Items<ServiceOperation> {
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

/** Every key of a block, those of columns that count as attributes too. */
async function readKeys(
  view: BlockView,
  held: HeldBlock,
  pause: Pause,
): Promise<Items<string> | undefined> {
  const all = { startUsMin: -Infinity, startUsMax: Infinity, prefix: "", limit: Infinity };
  const into = new Completions(all.prefix, all.limit);
  const isWhole = await collect(view, held, pause, (block) =>
    collectKeys(block, pagesOf(block), all, into),
  );
  return isWhole ? new Map(into.sorted().map((key) => [key, key])) : undefined;
}

/** Takes step by step what a block has. @returns false if it is damaged where it was read. */
async function collect(
  view: BlockView,
  held: HeldBlock,
  pause: Pause,
  collectFrom: (block: FileBlock) => Iterator<undefined>,
): Promise<boolean> {
  const steps = view.use(held, collectFrom);
  let isDone: boolean | undefined = false;
  while (steps !== undefined && isDone === false) {
    isDone = view.use(held, () => steps.next().done === true);
    await pause();
  }
  return isDone === true;
}

function* pagesOf(block: FileBlock): Generator<RowPage> {
  for (let index = 0; index < block.rowPages; index++) yield block.page(index);
}

function reachesInto(held: HeldBlock, range: KeyQuery): boolean {
  return held.startUsMax >= range.startUsMin && held.startUsMin <= range.startUsMax;
}
