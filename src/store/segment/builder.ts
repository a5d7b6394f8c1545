// Writes blocks and merges files: CPU and disk that must not stand in the way of receiving.
//
//   Builder ─┬─ InlineBuilder  here and now: in the worker itself, for tests and for tools
//            ├─ WorkerBuilder  (worker-builder.ts) the same in a thread
//            └─ PortBuilder    (port-builder.ts) the same in another one's thread
//
// Not here: which block, which files, when (build-queue.ts, keeper.ts); the bytes (block-writer.ts,
// segment-file.ts, merge-segments.ts).

import { join } from "node:path";
import { assert } from "../../base/assert.ts";
import type { BlockImage } from "../block/block-image.ts";
import { writeBlock } from "../block/block-writer.ts";
import type { DiskFiles } from "../disk/files.ts";
import { mergeSegments } from "../file/merge-segments.ts";
import { writeSegment } from "../file/segment-file.ts";
import { type LogPosition, SEGMENT_FOLDER, type SegmentFigures } from "../file/segment-layout.ts";

/** Folder of the archived traces within a data directory. */
export const ARCHIVE_FOLDER = "archive";

export interface Builder {
  /**
   * Writes a block as a file of its own, synced and under its name.
   *
   * @param image its arrays may be read until the call returns, not later.
   * @param arrivedMs wall clock at which the block was sealed. @param log where the block ends in it.
   * @returns undefined if no row is left: there is no file then.
   * @throws what the disk throws; a file of that name is then unfinished or whole, and may be written anew.
   */
  build(
    image: BlockImage,
    id: number,
    arrivedMs: number,
    log: LogPosition,
  ): Promise<SegmentFigures | undefined>;

  /** Writes neighbouring files as one. The sources stay. */
  merge(sources: readonly SegmentFigures[]): Promise<SegmentFigures>;

  /**
   * Writes the blocks of one trace as the file `name` of the archive, in the place of an older one.
   * @returns its bytes, when it is on the disk.
   */
  archive(name: string, images: readonly BlockImage[]): Promise<number>;

  /** What is under way ends first, within a bounded time. */
  close(): Promise<void>;
}

export interface InlineBuilderOptions {
  readonly files: DiskFiles;
  /** The data directory. */
  readonly directory: string;
  /** Seed of the hash index of one block: any 32 bits, another each time. */
  readonly hashSeed: () => number;
}

/** Cost: about 0.8 µs of CPU a span; merging copies bytes. */
export class InlineBuilder implements Builder {
  readonly #options: InlineBuilderOptions;
  readonly #folder: string;
  /** Numbers of what is written into the archive before it gets its name. */
  #nextPiece = 1;

  constructor(options: InlineBuilderOptions) {
    this.#options = options;
    this.#folder = join(options.directory, SEGMENT_FOLDER);
  }

  async build(
    image: BlockImage,
    id: number,
    arrivedMs: number,
    log: LogPosition,
  ): Promise<SegmentFigures | undefined> {
    const { files, hashSeed } = this.#options;
    const chunks = writeBlock(image, { hashSeed: hashSeed() });
    if (chunks === undefined) return undefined;
    return writeSegment(files, this.#folder, { id, arrivedMs, chunks, log });
  }

  merge(sources: readonly SegmentFigures[]): Promise<SegmentFigures> {
    return mergeSegments(this.#options.files, this.#folder, sources);
  }

  async archive(name: string, images: readonly BlockImage[]): Promise<number> {
    const { files, directory, hashSeed } = this.#options;
    const folder = join(directory, ARCHIVE_FOLDER);
    await files.makeDirectory(folder);
    const first = this.#nextPiece;
    this.#nextPiece += images.length;
    const written: SegmentFigures[] = [];
    try {
      for (const [index, image] of images.entries()) {
        const chunks = writeBlock(image, { hashSeed: hashSeed() });
        assert(chunks !== undefined, "an archived trace has spans");
        const piece = { id: first + index, arrivedMs: 0, chunks, log: { sequence: 0, rows: 0 } };
        written.push(await writeSegment(files, folder, piece));
      }
      if (written.length > 1) written.push(await mergeSegments(files, folder, written));
      const whole = written.pop()!;
      await files.rename(join(folder, whole.name), join(folder, name));
      await files.syncDirectory(folder);
      return whole.bytes;
    } finally {
      for (const piece of written) await files.remove(join(folder, piece.name)).catch(() => {});
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
