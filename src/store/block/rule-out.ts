// Whether a block surely has nothing that meets a query: told by the filter, before anything is looked up.
//
//   service, operation       ─▶ is the name in the filter?
//   key = operand            ─▶ is one of the values that equal it?
//   key, any other operator  ─▶ is the key? `absent` asks for what is not there: nothing is told
//
// Keys that columns count as are passed over, and so are arrays and maps of keys that have some: their
// text is not hashed. Source: docs/formats/segment.md. Not here: the filter's bits (filter.ts).

import type { AttributeCondition, TraceQuery } from "../../model/trace-query.ts";
import { isColumnKey } from "../head/intrinsic.ts";
import { scannedTypeOf, valuesEqualTo, type EqualValue } from "../head/equal-values.ts";
import { DOUBLE } from "../../model/attribute-table.ts";
import type { BlockPages } from "./block-pages.ts";
import { KEY, KEY_WITH_LIST, SERVICE, SPAN_NAME, hashThing, mayHave } from "./filter.ts";
import { hashBytes } from "./text-hash.ts";

/** What a condition asks the filter of every block. */
interface Asked {
  readonly key: Uint8Array;
  readonly values: readonly EqualValue[];
  /** The key itself, or its lists, in addition to the values. */
  readonly what: number | undefined;
}

const encoder = new TextEncoder();
/** A query goes through many blocks; undefined: the filter cannot tell. */
const known = new WeakMap<AttributeCondition, Asked | "nothing">();

/** True if no row of the block can meet `query`. Cost, cold: one page of 4 KB for each thing asked. */
export function isRuledOut(pages: BlockPages, query: TraceQuery): boolean {
  // Values first: most blocks have all services.
  return (
    query.attributes.some((condition) => isConditionRuledOut(pages, condition)) ||
    isNameAbsent(pages, SPAN_NAME, query.operation) ||
    isNameAbsent(pages, SERVICE, query.service)
  );
}

function isNameAbsent(pages: BlockPages, what: number, name: string | undefined): boolean {
  if (name === undefined) return false;
  const { hashSeed } = pages.footer.figures;
  const hash = hashBytes(encoder.encode(name), hashSeed);
  return !mayHave(pages, hashThing(what, 0, hash, 0, hashSeed));
}

function isConditionRuledOut(pages: BlockPages, condition: AttributeCondition): boolean {
  let asked = known.get(condition);
  if (asked === undefined) known.set(condition, (asked = whatToAsk(condition) ?? "nothing"));
  if (asked === "nothing") return false;
  const { hashSeed } = pages.footer.figures;
  const key = hashBytes(asked.key, hashSeed);
  if (asked.what !== undefined && mayHave(pages, hashThing(asked.what, key, 0, 0, hashSeed))) {
    return false;
  }
  return !asked.values.some(({ type, bytes, low, high }) => {
    const word = bytes === undefined ? low : hashBytes(bytes, hashSeed);
    return mayHave(pages, hashThing(type, key, word, high, hashSeed));
  });
}

function whatToAsk(condition: AttributeCondition): Asked | undefined {
  const { operator = "=", value } = condition;
  if (operator === "absent" || isColumnKey(condition.key)) return undefined;
  const key = encoder.encode(condition.key);
  if (operator !== "=") return { key, values: [], what: KEY };
  const scanned = scannedTypeOf(value);
  // Of NaN there are many.
  if (scanned === DOUBLE) return { key, values: [], what: KEY };
  const what = scanned === undefined ? undefined : KEY_WITH_LIST;
  return { key, values: valuesEqualTo(value), what };
}
