// Baggage as it is gathered from a carrier: bounded, the first of equal keys wins.
//
// Trust: keys and values are a peer's. The record has no prototype: `__proto__` is a key like others.
// Not here: how formats write and escape items.

export type Baggage = Readonly<Record<string, string>>;

/** How much baggage one context carries, in and out. */
export interface BaggageMaxima {
  readonly items: number;
  /** Keys and values together, as they stand in the carrier. */
  readonly chars: number;
}

/** What is left of the maxima while items are read or written. */
export class BaggageRoom {
  #items: number;
  #chars: number;

  constructor(maxima: BaggageMaxima) {
    this.#items = maxima.items;
    this.#chars = maxima.chars;
  }

  /** Takes room for one item of so many characters; false if there is none. */
  take(chars: number): boolean {
    if (this.#items < 1 || chars > this.#chars) return false;
    this.#items--;
    this.#chars -= chars;
    return true;
  }
}

export class BaggageItems {
  /** `undefined` while there is none. */
  record: Record<string, string> | undefined;
  readonly #room: BaggageRoom;

  constructor(maxima: BaggageMaxima) {
    this.#room = new BaggageRoom(maxima);
  }

  /**
   * @param chars of the item as it stood in the carrier
   * @returns false if it was left out: no key, or over the maxima. A key that is there already stays
   *   as it is and costs nothing.
   */
  add(key: string, value: string, chars: number): boolean {
    if (key === "") return false;
    if (this.record !== undefined && key in this.record) return true;
    if (!this.#room.take(chars)) return false;
    this.record ??= Object.create(null) as Record<string, string>;
    this.record[key] = value;
    return true;
  }
}
