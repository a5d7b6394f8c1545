// The first few texts that begin with a prefix, of as many as come: what is offered while somebody types.
//
// Kept are at most twice as many as are wanted: a million values need no more memory than a thousand.
// Not here: where the texts come from (collect-completions.ts).

/** Longer texts are not offered: nobody completes them, and a thousand of them would be large. */
export const COMPLETION_BYTES_MAX = 1_024;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class Completions {
  readonly #prefix: string;
  readonly #prefixBytes: Uint8Array;
  readonly #limit: number;
  #texts = new Set<string>();
  /** The largest text that may still be among the first; undefined: any. */
  #last: string | undefined;

  constructor(prefix: string, limit: number) {
    this.#prefix = prefix;
    this.#prefixBytes = encoder.encode(prefix);
    this.#limit = limit;
  }

  /** True if the text belongs to the answer so far and is not in it. */
  wants(text: string): boolean {
    if (!text.startsWith(this.#prefix) || text.length > COMPLETION_BYTES_MAX) return false;
    return (this.#last === undefined || text < this.#last) && !this.#texts.has(text);
  }

  /** The text of these bytes if it is wanted, else undefined. Most are told by their first bytes. */
  wantedText(bytes: Uint8Array): string | undefined {
    const prefix = this.#prefixBytes;
    if (bytes.length < prefix.length || bytes.length > COMPLETION_BYTES_MAX) return undefined;
    for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return undefined;
    const text = decoder.decode(bytes);
    return this.wants(text) ? text : undefined;
  }

  add(text: string): void {
    if (!this.wants(text)) return;
    this.#texts.add(text);
    if (this.#texts.size < 2 * this.#limit) return;
    const kept = this.sorted();
    this.#texts = new Set(kept);
    this.#last = kept.at(-1);
  }

  addBytes(bytes: Uint8Array): void {
    const text = this.wantedText(bytes);
    if (text !== undefined) this.add(text);
  }

  /** Sorted by code units; at most as many as are wanted. */
  sorted(): string[] {
    return [...this.#texts].sort().slice(0, this.#limit);
  }
}
