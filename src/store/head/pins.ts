// Readers of a head: as long as one is there, the blocks that it saw when it came stay.
//
//   pin(id of the oldest block) ─▶ reads, pauses, reads … ─▶ unpin
//
// Limits: one number for each distinct block that somebody came at; what a reader costs is its query's.

export class Pins {
  #count = 0;
  /** Id of the oldest block that a reader sees -> number of such readers. */
  readonly #readers = new Map<number, number>();

  get isPinned(): boolean {
    return this.#count > 0;
  }

  /** True if a reader still sees this block. */
  holds(block: number): boolean {
    for (const oldest of this.#readers.keys()) if (oldest <= block) return true;
    return false;
  }

  /** @param changed is called when the reader has gone. @returns to be called once, by the reader. */
  pin(oldest: number, changed: () => void): () => void {
    this.#count++;
    this.#readers.set(oldest, (this.#readers.get(oldest) ?? 0) + 1);
    let isDone = false;
    return () => {
      if (isDone) return;
      isDone = true;
      this.#count--;
      const left = this.#readers.get(oldest)! - 1;
      if (left === 0) this.#readers.delete(oldest);
      else this.#readers.set(oldest, left);
      changed();
    };
  }
}
