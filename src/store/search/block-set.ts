// The blocks that questions are asked of, and the files that hold them.
//
//   change(+ files, - names) ─▶ BlockSet ─ view(boundary) ─▶ BlockView: what one question sees
//
// A view sees the files that were there when it was taken. Files that are taken out meanwhile are closed
// when the last view that may read them is released. Blocks are known by their ids, which outlive the
// merging of files: what is kept of a block is kept under its id.
//
// Damage costs the question that block and nothing else: it is logged once a block, counted, and the
// answer comes from the rest. Not here: what is asked (search-files.ts, read-files.ts, …).

import { SpoorError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { FileBlock } from "../block/block-reader.ts";
import type { TraceFilters } from "./trace-filters.ts";
import { type TraceIndex, hashTraceId } from "../file/trace-index.ts";

/** A block in a file: what is known of it without reading it. */
export interface BlockEntry {
  readonly id: number;
  readonly startUsMin: number;
  readonly startUsMax: number;
  readonly rows: number;
  readonly traces: number;
}

/** As much of an open segment file as questions need. */
export interface BlockFile {
  readonly figures: { readonly name: string };
  readonly blocks: readonly BlockEntry[];
  /**
   * Opens a block, or finds it open: asked again and again.
   * @throws SpoorError `unavailable` if the block's footer is damaged.
   */
  open(index: number): FileBlock;
  /** Indexes of the blocks that may have the trace. */
  findTrace(id: Uint8Array): readonly number[];
  /** What `findTrace` reads; left out: it costs nothing. */
  readonly index?: TraceIndex;
  close(): void;
}

export interface HeldBlock extends BlockEntry {
  readonly file: BlockFile;
  readonly index: number;
}

export interface DamageFigures {
  /** Blocks of which something could not be read since the start. */
  readonly damagedBlocks: number;
  /** Files that could not be opened. */
  readonly damagedFiles: number;
}

/** What the set is from one change to the next. */
interface Generation {
  readonly files: readonly BlockFile[];
  /** Rising ids. */
  readonly blocks: readonly HeldBlock[];
  newestFirst: readonly HeldBlock[] | undefined;
  views: number;
  /** Files that are not in the next generation. */
  leaving: readonly BlockFile[];
}

export class BlockSet {
  /** Spare files the look-up of traces that they do not have. */
  readonly filters: TraceFilters | undefined;
  readonly #log: Log;
  readonly #damaged = new Set<number>();
  #damagedFiles = 0;
  #isClosed = false;
  /** Oldest first; the last one is what is asked now. */
  #generations: Generation[] = [makeGeneration([])];

  constructor(log: Log, filters?: TraceFilters) {
    this.#log = log;
    this.filters = filters;
  }

  /** Takes files in and out, at once. A file that is not here is not taken out. */
  change(add: readonly BlockFile[], remove: readonly string[]): void {
    const before = this.#newest;
    const gone = new Set(remove);
    const leaving = before.files.filter((file) => gone.has(file.figures.name));
    const staying = before.files.filter((file) => !gone.has(file.figures.name));
    before.leaving = leaving;
    for (const file of leaving) this.filters?.remove(file);
    for (const file of add) this.filters?.add(file);
    this.#generations.push(makeGeneration([...staying, ...add]));
    this.#closeLeft();
  }

  /** @param boundary only blocks with a lower id. The view must be released. */
  view(boundary: number): BlockView {
    const generation = this.#newest;
    generation.views++;
    return new BlockView(this, generation, boundary, () => {
      generation.views--;
      this.#closeLeft();
    });
  }

  /** Ids of the blocks that are held now. */
  *ids(): Iterable<number> {
    for (const block of this.#newest.blocks) yield block.id;
  }

  figures(): DamageFigures {
    return { damagedBlocks: this.#damaged.size, damagedFiles: this.#damagedFiles };
  }

  /** Notes a file that cannot be asked. @param error what opening it threw. */
  reportFile(name: string, error: unknown): void {
    this.#damagedFiles++;
    const where = error instanceof SpoorError ? error.where : {};
    this.#log.error("a segment file cannot be read and is left out of answers", {
      file: name,
      error: error instanceof Error ? error.message : String(error),
      ...where,
    });
  }

  /** Closes every file; views that are still there fail. */
  close(): void {
    this.#isClosed = true;
    const files = new Set<BlockFile>();
    for (const generation of this.#generations) {
      for (const file of [...generation.files, ...generation.leaving]) files.add(file);
    }
    for (const file of files) {
      this.filters?.remove(file);
      file.close();
    }
    this.#generations = [makeGeneration([])];
  }

  /** Notes what is wrong with a block. @throws SpoorError if it is nothing but that the set was closed. */
  report(held: HeldBlock, error: SpoorError): void {
    if (this.#isClosed) throw new SpoorError("unavailable", "the store is closed", {}, error);
    if (this.#damaged.has(held.id)) return;
    this.#damaged.add(held.id);
    this.#log.error("a block is damaged; answers leave out what cannot be read of it", {
      file: held.file.figures.name,
      block: held.id,
      error: error.message,
      ...error.where,
    });
  }

  get #newest(): Generation {
    return this.#generations[this.#generations.length - 1]!;
  }

  /** Forgets generations that nobody looks at, oldest first, and closes what was only in them. */
  #closeLeft(): void {
    while (this.#generations.length > 1 && this.#generations[0]!.views === 0) {
      const generation = this.#generations.shift()!;
      for (const file of generation.leaving) file.close();
    }
  }
}

/** What one question sees of a set. */
export class BlockView {
  /** Blocks below the boundary, oldest first. */
  readonly blocks: readonly HeldBlock[];
  readonly #set: BlockSet;
  readonly #generation: Generation;
  readonly #boundary: number;
  readonly #release: () => void;
  #isReleased = false;

  constructor(set: BlockSet, generation: Generation, boundary: number, release: () => void) {
    this.#set = set;
    this.#generation = generation;
    this.#boundary = boundary;
    this.#release = release;
    const all = generation.blocks;
    const isWhole = all.length === 0 || all[all.length - 1]!.id < boundary;
    this.blocks = isWhole ? all : all.filter((block) => block.id < boundary);
  }

  /** Blocks below the boundary, the one with the latest start first. */
  get newestFirst(): readonly HeldBlock[] {
    const generation = this.#generation;
    generation.newestFirst ??= [...generation.blocks].sort(
      (one, two) => two.startUsMax - one.startUsMax,
    );
    if (this.blocks === generation.blocks) return generation.newestFirst;
    return generation.newestFirst.filter((block) => block.id < this.#boundary);
  }

  /** Blocks that may have the trace, oldest first. */
  blocksOfTrace(id: Uint8Array): readonly HeldBlock[] {
    const found: HeldBlock[] = [];
    const { filters } = this.#set;
    const hash = hashTraceId(id);
    for (const file of this.#generation.files) {
      if (filters?.mayHave(file, hash) === false) continue;
      for (const index of file.findTrace(id)) {
        const entry = file.blocks[index]!;
        if (entry.id < this.#boundary) found.push(heldOf(file, index));
      }
    }
    return found.length < 2 ? found : found.sort((one, two) => one.id - two.id);
  }

  /**
   * Works with a block, opened. What `work` throws because of damage is reported.
   *
   * @returns undefined if the block is damaged where `work` read it.
   */
  use<T>(held: HeldBlock, work: (block: FileBlock) => T): T | undefined {
    try {
      return work(held.file.open(held.index));
    } catch (error) {
      if (!(error instanceof SpoorError) || error.code !== "unavailable") throw error;
      this.#set.report(held, error);
      return undefined;
    }
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#release();
  }
}

const heldBlocks = new WeakMap<BlockFile, readonly HeldBlock[]>();

/** One object a block: questions compare them. */
function heldOf(file: BlockFile, index: number): HeldBlock {
  let held = heldBlocks.get(file);
  if (held === undefined) {
    held = file.blocks.map(({ id, startUsMin, startUsMax, rows, traces }, at) => ({
      id,
      startUsMin,
      startUsMax,
      rows,
      traces,
      file,
      index: at,
    }));
    heldBlocks.set(file, held);
  }
  return held[index]!;
}

function makeGeneration(files: readonly BlockFile[]): Generation {
  const blocks = files.flatMap((file) => file.blocks.map((_, index) => heldOf(file, index)));
  blocks.sort((one, two) => one.id - two.id);
  return { files, blocks, newestFirst: undefined, views: 0, leaving: [] };
}
