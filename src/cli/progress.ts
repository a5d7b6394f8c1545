// One line of progress on a terminal, drawn over itself; nothing where nobody looks.
//
// Not here: what is counted.

import type { Clock } from "../base/clock.ts";

/** Where progress is shown: standard error. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** More often than this, nobody can read it. */
const DRAW_MS = 200;
/** Longer lines would wrap, and could not be drawn over. */
const COLUMNS = 79;

export class Progress {
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  #drawnMs = -Infinity;
  #isDrawn = false;

  constructor(terminal: Terminal, clock: Clock) {
    this.#terminal = terminal;
    this.#clock = clock;
  }

  /** Shows `text` unless something was shown just now. */
  show(text: () => string): void {
    if (this.#terminal.isTTY !== true) return;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#drawnMs < DRAW_MS) return;
    this.#drawnMs = nowMs;
    this.#isDrawn = true;
    this.#terminal.write(`\r${text().slice(0, COLUMNS).padEnd(COLUMNS)}`);
  }

  /** Leaves an empty line for what is said next. */
  clear(): void {
    if (this.#isDrawn) this.#terminal.write(`\r${" ".repeat(COLUMNS)}\r`);
    this.#isDrawn = false;
  }
}

/** `12.3 MiB`. */
export function printSize(bytes: number): string {
  for (const [unit, size] of [
    ["GiB", 2 ** 30],
    ["MiB", 2 ** 20],
    ["KiB", 2 ** 10],
  ] as const) {
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
  }
  return `${bytes} bytes`;
}

/** `1 file`, `2 files`. */
export function printCount(count: number, what: string): string {
  return `${count} ${count === 1 ? what : `${what}s`}`;
}
