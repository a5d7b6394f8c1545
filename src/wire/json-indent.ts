// JSON text set out on lines, as Go's MarshalIndent does: what `?prettyPrint=true` asks for.
//
//   {"a":[1,{}],"b":[]}   ─▶   {
//                                  "a": [
//                                      1,
//                                      {}
//                                  ],
//                                  "b": []
//                              }
//
// Works on the bytes, so every number and string stays as it was written; they may come in pieces
// that are cut anywhere.
// Trust: the text is ours (a writer's), without white space between its parts.

const SPACES = 4;
/** Levels whose line is kept ready; deeper ones are made when they come. */
const READY_LINES = 16;

const encoder = new TextEncoder();
const LINES = Array.from({ length: READY_LINES }, (_, depth) => makeLine(depth));

const [QUOTE, BACKSLASH, COMMA, COLON, SPACE] = [0x22, 0x5c, 0x2c, 0x3a, 0x20];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Sets one text out on lines, piece by piece. */
export class JsonIndenter {
  #out = new Uint8Array(0);
  #at = 0;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** The last byte opened an object or list: if it is closed at once, it stays on its line. */
  #isOpen = false;

  /** @returns what `piece` became; the rest of it may come with the next one. Cost: its length. */
  indent(piece: Uint8Array): Uint8Array {
    this.#out = new Uint8Array(2 * piece.length + 64);
    this.#at = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at]!;
      if (this.#isInString) {
        this.#put(byte);
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === BACKSLASH) this.#isEscaped = true;
        else if (byte === QUOTE) this.#isInString = false;
      } else {
        this.#token(byte);
      }
    }
    const out = this.#out.subarray(0, this.#at);
    this.#out = new Uint8Array(0);
    return out;
  }

  #token(byte: number): void {
    const isClosing = byte === CLOSE_OBJECT || byte === CLOSE_LIST;
    if (isClosing) this.#depth--;
    if (isClosing !== this.#isOpen) this.#line();
    this.#put(byte);
    this.#isOpen = byte === OPEN_OBJECT || byte === OPEN_LIST;
    if (this.#isOpen) this.#depth++;
    else if (byte === COMMA) this.#line();
    else if (byte === COLON) this.#put(SPACE);
    else if (byte === QUOTE) this.#isInString = true;
  }

  #line(): void {
    const line = LINES[this.#depth] ?? makeLine(this.#depth);
    this.#reserve(line.length);
    this.#out.set(line, this.#at);
    this.#at += line.length;
  }

  #put(byte: number): void {
    if (this.#at === this.#out.length) this.#reserve(1);
    this.#out[this.#at++] = byte;
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#out.length) return;
    const grown = new Uint8Array(2 * (this.#at + more));
    grown.set(this.#out);
    this.#out = grown;
  }
}

/** `json` on lines, four spaces a level. Cost: its length. */
export function indentJson(json: string): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    new JsonIndenter().indent(encoder.encode(json)),
  );
}

function makeLine(depth: number): Uint8Array {
  return encoder.encode(`\n${" ".repeat(SPACES * depth)}`);
}
