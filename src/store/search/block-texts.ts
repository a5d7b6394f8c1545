// Texts of a block's dictionary, each decoded once: for as long as a question works with the block.

import type { FileBlock } from "../block/block-reader.ts";

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class BlockTexts {
  readonly #block: FileBlock;
  readonly #texts = new Map<number, string>([[0, ""]]);

  constructor(block: FileBlock) {
    this.#block = block;
  }

  /** Entry `entry` as text; bytes that are not UTF-8 become U+FFFD. */
  text(entry: number): string {
    let known = this.#texts.get(entry);
    if (known === undefined) {
      known = decoder.decode(this.#block.dictionary.bytes(entry));
      this.#texts.set(entry, known);
    }
    return known;
  }

  /** Service name of each resource. */
  services(): string[] {
    const { resources, resourceService } = this.#block;
    return Array.from({ length: resources.count }, (_, at) => this.text(resourceService[at]!));
  }
}
