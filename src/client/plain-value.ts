// What is reported for a value of a tag or of a field of a log: any value becomes one of four kinds.
//
//   string, boolean, number, bytes ──▶ as they are        Error ──▶ "Name: message"
//   objects ──▶ JSON text          bigint, symbol, function, undefined, null ──▶ text
//
// Nothing throws and everything ends: circular values, getters and toJSON that throw, proxies and
// values of any size or depth. Text is cut at TEXT_CHARS_MAX characters, with a mark at its end that
// says so; JSON text is not made beyond that.
//
// Source: jaeger-client 3.19 thrift.js (kinds), JSON.stringify (objects).
// Trust: the values are the application's and may be anything.
// Not here: numbers as long or double, which a format decides.

/** 64 Ki characters: the largest packet to an agent holds no more. */
export const TEXT_CHARS_MAX = 65_536;
/** At the end of a text that was longer. */
export const CUT_MARK = "…[cut]";
/** Values nested deeper are shown as `[…]` or `{…}`. */
const DEPTH_MAX = 32;
/** Of bytes no more is taken either. */
const BYTES_MAX = TEXT_CHARS_MAX;

export type PlainValue = string | number | boolean | Uint8Array;

/** What is left of `value` for a report; see above. Costs nothing for what is plain already. */
export function plainValue(value: unknown): PlainValue {
  switch (typeof value) {
    case "string":
      return cutText(value);
    case "number":
    case "boolean":
      return value;
    case "object":
      return plainObject(value);
    case "function":
      return "[function]";
    default:
      return cutText(String(value)); // undefined, bigint, symbol: none of which runs foreign code
  }
}

function plainObject(value: object | null): PlainValue {
  if (value === null) return "null";
  try {
    if (value instanceof Uint8Array) return value.subarray(0, BYTES_MAX);
    if (value instanceof Error) return cutText(`${value.name}: ${value.message}`);
    return printBoundedJson(value);
  } catch {
    return "[a value that cannot be read]";
  }
}

/** `text`, or its first characters and a mark. */
export function cutText(text: string): string {
  return text.length <= TEXT_CHARS_MAX
    ? text
    : text.slice(0, TEXT_CHARS_MAX - CUT_MARK.length) + CUT_MARK;
}

/** A name that should have been a string, whatever it is; bounded as every text. */
export function printName(value: unknown): string {
  return typeof value === "string" ? cutText(value) : String(plainValue(value));
}

/** JSON.stringify without its throws and its size. */
function printBoundedJson(value: object): string {
  const printer = new JsonPrinter();
  printer.print(value, "", 0);
  return cutText(printer.text);
}

class JsonPrinter {
  text = "";
  /** The objects around the value that is printed: one that is among them is circular. */
  readonly #around = new Set<object>();

  /** @returns false if JSON leaves the value out (undefined, functions, symbols). */
  print(value: unknown, key: string, depth: number): boolean {
    if (typeof value !== "object" || value === null) return this.#printSimple(value);
    if (this.#around.has(value)) return this.#add('"[circular]"');
    const before = this.text;
    try {
      const { toJSON } = value as { toJSON?: unknown };
      if (typeof toJSON === "function") {
        const other: unknown = toJSON.call(value, key);
        if (other !== value) return this.#printOther(other, value, depth);
      }
      this.#printMembers(value, depth);
    } catch {
      this.#around.delete(value);
      this.text = `${before}"[threw]"`;
    }
    return true;
  }

  /** What toJSON gave, which may itself hold `value`, or a value that gives another one for ever. */
  #printOther(other: unknown, value: object, depth: number): boolean {
    if (depth >= DEPTH_MAX) return this.#add('"[…]"');
    this.#around.add(value);
    const isShown = this.print(other, "", depth + 1);
    this.#around.delete(value);
    return isShown;
  }

  #printSimple(value: unknown): boolean {
    switch (typeof value) {
      case "string":
        return this.#add(JSON.stringify(cutText(value)));
      case "number":
        return this.#add(Number.isFinite(value) ? String(value) : "null");
      case "boolean":
        return this.#add(String(value));
      case "bigint":
        return this.#add(`"${value}"`);
      default:
        return value === null ? this.#add("null") : false;
    }
  }

  #printMembers(value: object, depth: number): void {
    if (value instanceof Error) {
      this.#add(JSON.stringify(cutText(`${value.name}: ${value.message}`)));
      return;
    }
    const isList = Array.isArray(value);
    if (depth >= DEPTH_MAX) {
      this.#add(isList ? '"[…]"' : '"{…}"');
      return;
    }
    this.#around.add(value);
    if (isList) this.#printList(value as readonly unknown[], depth);
    else this.#printObject(value as Readonly<Record<string, unknown>>, depth);
    this.#around.delete(value);
  }

  #printList(list: readonly unknown[], depth: number): void {
    this.#add("[");
    for (let at = 0; at < list.length && !this.#isFull(); at++) {
      if (at > 0) this.#add(",");
      const isShown = this.#printMember(list, at, depth);
      if (!isShown) this.#add("null");
    }
    this.#add("]");
  }

  #printObject(value: Readonly<Record<string, unknown>>, depth: number): void {
    this.#add("{");
    let isFirst = true;
    for (const key in value) {
      if (this.#isFull()) break;
      if (!Object.hasOwn(value, key)) continue;
      const before = this.text;
      this.#add(`${isFirst ? "" : ","}${JSON.stringify(cutText(key))}:`);
      if (this.#printMember(value, key, depth)) isFirst = false;
      else this.text = before;
    }
    this.#add("}");
  }

  #printMember(owner: object, key: string | number, depth: number): boolean {
    let member: unknown;
    try {
      member = (owner as Record<string | number, unknown>)[key];
    } catch {
      return this.#add('"[threw]"');
    }
    return this.print(member, String(key), depth + 1);
  }

  #isFull(): boolean {
    return this.text.length >= TEXT_CHARS_MAX;
  }

  #add(text: string): true {
    this.text += text;
    return true;
  }
}
