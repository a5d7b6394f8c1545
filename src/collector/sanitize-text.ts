// Text that is not UTF-8: replaced by a name that says so, the original bytes kept beside it.
//
//   attribute value        the value becomes BYTES, as it came
//   attribute key          invalid-tag-key-1, -2, … of that owner; value BYTES `key:value`
//   service.name           invalid-service-name
//   name of span, event,   invalid-span-name, invalid-event-name, invalid-scope-name,
//     scope; its version     invalid-scope-version
//   status message         invalid-status-message
//   trace state, schema    emptied
//     URL
//   each of the last four: original as BYTES under invalid-… among the attributes of the same owner
//   array or map           becomes BYTES of its encoding when any text in it is bad
//
// The batch's dictionary knows which entries are not UTF-8, so sound batches cost nothing, and one
// with binary values costs a look at each reference, not at each byte.
//
// Source: today's Jaeger, internal/jptrace/sanitizer/utf8.go; the service name is ours (there it
// would turn into bytes, and the span would belong to no service).
// Trust: every byte is the peer's. Not here: service names and durations (sanitize.ts).

import {
  ARRAY,
  type AttributeTable,
  BOOL,
  BYTES,
  DOUBLE,
  INT,
  MAP,
  STRING,
  isEntryType,
} from "../model/attribute-table.ts";
import type { Dictionary } from "../model/dictionary.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import { LateAttributes, type Runs, addToRun } from "./late-attributes.ts";
import { hasBadText } from "./nested-text.ts";

const encoder = new TextEncoder();

/** Makes all text of `batch` UTF-8, in place. Cost: nothing when it is; else its references. */
export function sanitizeText(batch: SpanBatch): void {
  if (batch.dictionary.invalidUtf8 === 0) return;
  const repair = new Repair(batch.dictionary);
  repairOwners(repair, batch);
  repairSpans(repair, batch);
  repairEvents(repair, batch);
  repairLinks(repair, batch);
}

/** Which entries are bad, and what they are replaced with. */
class Repair {
  readonly dictionary: Dictionary;
  readonly #bad: Uint8Array;

  constructor(dictionary: Dictionary) {
    this.dictionary = dictionary;
    this.#bad = new Uint8Array(dictionary.count);
    for (const entry of dictionary.invalidEntries) this.#bad[entry] = 1;
  }

  /** False for entries that were added since. */
  isBad(entry: number): boolean {
    return this.#bad[entry] === 1;
  }

  entry(text: string): number {
    return this.dictionary.internText(text);
  }

  /** Repairs keys and values of the attributes `[start, end)` of one owner. */
  attributes(table: AttributeTable, start: number, end: number): void {
    let badKeys = 0;
    for (let at = start; at < end; at++) {
      const type = table.type[at]!;
      if (isEntryType(type) && type !== BYTES && this.isBad(table.words[2 * at]!)) {
        // A message is bytes; only bad text in it counts, and that is what made its entry bad.
        const entry = table.words[2 * at]!;
        const isMessage = type === ARRAY || type === MAP;
        const message = isMessage ? this.dictionary.bytes(entry) : undefined;
        if (message === undefined || hasBadText(message, type === MAP ? "map" : "array")) {
          table.replace(at, BYTES, entry);
        }
      }
      if (this.isBad(table.key[at]!)) this.#replaceKey(table, at, ++badKeys);
    }
  }

  #replaceKey(table: AttributeTable, at: number, count: number): void {
    const key = this.dictionary.bytes(table.key[at]!);
    const value = printValue(table, at, this.dictionary);
    const kept = new Uint8Array(key.length + 1 + value.length);
    kept.set(key);
    kept[key.length] = 0x3a; // ":"
    kept.set(value, key.length + 1);
    table.key[at] = this.entry(`invalid-tag-key-${count}`);
    table.replace(at, BYTES, this.dictionary.intern(kept, 0, kept.length));
  }
}

function repairOwners(repair: Repair, batch: SpanBatch): void {
  const resources: Runs = {
    table: batch.resourceAttributes,
    starts: batch.resourceAttributeStart,
    ends: batch.resourceAttributeEnd,
  };
  const serviceName = repair.entry("service.name");
  for (let resource = 0; resource < batch.resources; resource++) {
    const start = resources.starts[resource]!;
    const end = resources.ends[resource]!;
    const service = resources.table.find(serviceName, start, end);
    const name = service < 0 ? 0 : resources.table.words[2 * service]!;
    if (service >= 0 && resources.table.type[service] === STRING && repair.isBad(name)) {
      resources.table.replace(service, STRING, repair.entry("invalid-service-name"));
      addToRun(resources, resource, repair.entry("invalid-service-name"), BYTES, name);
    }
    repairOwnerText(repair, resources, resource, batch.resourceSchemaUrl, "invalid-schema-url", "");
    repair.attributes(resources.table, resources.starts[resource]!, resources.ends[resource]!);
  }
  const scopes: Runs = {
    table: batch.scopeAttributes,
    starts: batch.scopeAttributeStart,
    ends: batch.scopeAttributeEnd,
  };
  const { scopeName, scopeVersion, scopeSchemaUrl } = batch;
  for (let scope = 0; scope < batch.scopes; scope++) {
    repairOwnerText(repair, scopes, scope, scopeSchemaUrl, "invalid-schema-url", "");
    repairOwnerText(repair, scopes, scope, scopeName, "invalid-scope-name");
    repairOwnerText(repair, scopes, scope, scopeVersion, "invalid-scope-version");
    repair.attributes(scopes.table, scopes.starts[scope]!, scopes.ends[scope]!);
  }
}

function repairOwnerText(
  repair: Repair,
  runs: Runs,
  owner: number,
  column: Uint32Array,
  key: string,
  replacement: string = key,
): void {
  const entry = column[owner]!;
  if (!repair.isBad(entry)) return;
  addToRun(runs, owner, repair.entry(key), BYTES, entry);
  column[owner] = repair.entry(replacement);
}

function repairSpans(repair: Repair, batch: SpanBatch): void {
  const { name, traceState, statusMessage, attributeStart: starts, rows } = batch;
  const late = new LateAttributes();
  for (let row = 0; row < rows; row++) {
    repairText(repair, late, row, name, "invalid-span-name");
    repairText(repair, late, row, traceState, "invalid-trace-state", "");
    repairText(repair, late, row, statusMessage, "invalid-status-message");
    repair.attributes(batch.spanAttributes, starts[row]!, starts[row + 1]!);
  }
  late.insertInto(batch.spanAttributes, starts, rows);
}

function repairEvents(repair: Repair, batch: SpanBatch): void {
  const { eventName, eventAttributeStart: starts, events } = batch;
  const late = new LateAttributes();
  for (let event = 0; event < events; event++) {
    repairText(repair, late, event, eventName, "invalid-event-name");
    repair.attributes(batch.eventAttributes, starts[event]!, starts[event + 1]!);
  }
  late.insertInto(batch.eventAttributes, starts, events);
}

function repairLinks(repair: Repair, batch: SpanBatch): void {
  const { linkTraceState, linkAttributeStart: starts, links } = batch;
  const late = new LateAttributes();
  for (let link = 0; link < links; link++) {
    repairText(repair, late, link, linkTraceState, "invalid-trace-state", "");
    repair.attributes(batch.linkAttributes, starts[link]!, starts[link + 1]!);
  }
  late.insertInto(batch.linkAttributes, starts, links);
}

function repairText(
  repair: Repair,
  late: LateAttributes,
  owner: number,
  column: Uint32Array,
  key: string,
  replacement: string = key,
): void {
  const entry = column[owner]!;
  if (!repair.isBad(entry)) return;
  late.add(owner, repair.entry(key), BYTES, entry);
  column[owner] = repair.entry(replacement);
}

/** The value as text, as bytes: what stands behind the bad key. */
function printValue(table: AttributeTable, at: number, dictionary: Dictionary): Uint8Array {
  const type = table.type[at]!;
  if (isEntryType(type)) return dictionary.bytes(table.words[2 * at]!);
  if (type === BOOL) return encoder.encode(table.words[2 * at] === 0 ? "false" : "true");
  if (type === INT) return encoder.encode(String(table.bigs[at]));
  if (type === DOUBLE) return encoder.encode(String(table.doubles[at]));
  return new Uint8Array();
}
