// What a check of a block tells. Not here: the checks (verify-block.ts).

import type { Section } from "./layout.ts";

/** Something that is not as it was written. */
export interface BlockFinding {
  readonly what: string;
  /** The page cannot be read; false: it can, and says something else than the rows do. */
  readonly isUnreadable: boolean;
  readonly section: Section | "footer";
  readonly page: number;
  /** Of the page, in the block. */
  readonly offset: number;
}

/** Tells what is wrong with a page. */
export type Tell = (section: Section, page: number, what: string) => void;
