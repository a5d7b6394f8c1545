// Numbers for the services of rows, the same in all blocks of a head, with each name decoded once.
//
//   (block, resource) ─▶ number ─▶ name

import type { Block } from "./block.ts";

export class ServiceNames {
  /** Names by their numbers. */
  readonly names: string[] = [];
  readonly #numbers = new Map<string, number>();
  /** Block -> resource -> number. */
  readonly #known = new Map<Block, number[]>();
  #lastBlock: Block | undefined;
  #ofLast: number[] = [];

  number(block: Block, row: number): number {
    if (block !== this.#lastBlock) this.#turnTo(block);
    const resource = block.resource[row]!;
    const known = this.#ofLast[resource];
    if (known !== undefined) return known;
    const name = textOf(block, block.resourceService[resource]!);
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.names.push(name) - 1;
      this.#numbers.set(name, number);
    }
    this.#ofLast[resource] = number;
    return number;
  }

  #turnTo(block: Block): void {
    let known = this.#known.get(block);
    if (known === undefined) {
      known = [];
      this.#known.set(block, known);
    }
    this.#lastBlock = block;
    this.#ofLast = known;
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Decoded without filling the dictionary's cache: a block would keep the texts for good. */
export function textOf(block: Block, entry: number): string {
  return entry === 0 ? "" : decoder.decode(block.dictionary.bytes(entry));
}
