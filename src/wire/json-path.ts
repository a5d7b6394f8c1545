// Where in a JSON text an offset lies, in words: for the message that refuses it.
//
//   {"resourceSpans":[{},{"scopeSpans":[{"spans":[{"kind":
//                                                        ^ resourceSpans[1].scopeSpans[0].spans[0].kind
//
// Trust: the text is sound up to the offset, behind it anything may stand. Only names are shown that
// look like names of fields; any other, which may be payload, is `?`.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Names longer than this are no fields of ours. */
const NAME_BYTES_MAX = 40;
/** Levels shown: deeper ones are left out. */
const LEVELS_MAX = 32;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const decoder = new TextDecoder();

/** The way to the value at `offset` of `text`; empty for the whole value. Cost: O(offset). */
export function printJsonPath(text: Uint8Array, offset: number): string {
  /** By open level: the name of the field, or the index of the item. */
  const levels: (string | number)[] = [];
  let stringStart = 0;
  let stringEnd = 0;
  for (let at = 0; at < offset && at < text.length; at++) {
    switch (text[at]) {
      case QUOTE:
        stringStart = at + 1;
        at = endOfString(text, stringStart);
        stringEnd = at;
        break;
      case 0x7b: // {
        levels.push("");
        break;
      case 0x5b: // [
        levels.push(0);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        levels.pop();
        break;
      case 0x3a: // :
        levels[levels.length - 1] = nameOf(text, stringStart, stringEnd);
        break;
      case 0x2c: {
        const last = levels.at(-1);
        if (typeof last === "number") levels[levels.length - 1] = last + 1;
        break;
      }
      default:
        break;
    }
  }
  return printLevels(levels);
}

function printLevels(levels: readonly (string | number)[]): string {
  let path = "";
  for (const level of levels.slice(0, LEVELS_MAX)) {
    if (typeof level === "number") path += `[${level}]`;
    else if (level !== "") path += path === "" ? level : `.${level}`;
  }
  return levels.length > LEVELS_MAX ? `${path}…` : path;
}

function nameOf(text: Uint8Array, start: number, end: number): string {
  if (end - start > NAME_BYTES_MAX) return "?";
  const name = decoder.decode(text.subarray(start, end));
  return NAME.test(name) ? name : "?";
}

/** Where the string that starts at `start` has its closing quote. */
function endOfString(text: Uint8Array, start: number): number {
  let at = start;
  while (at < text.length && text[at] !== QUOTE) at += text[at] === BACKSLASH ? 2 : 1;
  return at;
}
