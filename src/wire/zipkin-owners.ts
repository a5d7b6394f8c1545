// Resources and scopes of the spans of one Zipkin payload, each kept once.
//
//   begin(service) · add(key, value) … · resource()  ─▶  index of an equal resource, or of a new one
//
// Zipkin has neither: every span repeats who sent it. Equal means: same service, same pairs in the
// same order. Found by a hash of dictionary entries, open addressing, linear probing.
//
// Trust: as many different resources as spans may come; the cost of each stays constant on average,
// since the hash is seeded per process.
// Not here: which tag belongs to the resource (zipkin-span.ts, zipkin-v1.ts).

import { STRING } from "../model/attribute-table.ts";
import type { SpanBatch } from "../model/span-batch.ts";

const FIRST_SLOTS = 64;
/** More entries than a payload can bring; keeps two of them exact in one number. */
const ENTRIES_MAX = 2 ** 26;
const SEED = (Math.random() * 0x7fffffff) | 0;

export class ZipkinOwners {
  readonly #batch: SpanBatch;
  readonly #serviceKey: number;
  #service = 0;
  #pairs = 0;
  readonly #keys: number[] = [];
  readonly #values: number[] = [];
  /** slot -> resource + 1, 0 = free. */
  #table = new Uint32Array(FIRST_SLOTS);
  #count = 0;
  readonly #hashes: number[] = [];
  readonly #scopes = new Map<number, number>();

  /** @param serviceKey the entry of `service.name`, if it is known. */
  constructor(batch: SpanBatch, serviceKey: number = batch.dictionary.internText("service.name")) {
    this.#batch = batch;
    this.#serviceKey = serviceKey;
  }

  /** Begins the description of a resource. `service` 0: it has no service name. */
  begin(service: number): void {
    this.#service = service;
    this.#pairs = 0;
  }

  /** Adds a string attribute; `service.name` takes the place of the service given before. */
  add(key: number, value: number): void {
    if (key === this.#serviceKey) {
      this.#service = value;
      return;
    }
    this.#keys[this.#pairs] = key;
    this.#values[this.#pairs] = value;
    this.#pairs++;
  }

  /** The resource that was described since `begin`. */
  resource(): number {
    let hash = Math.imul(SEED ^ this.#service, 0x9e3779b1);
    for (let pair = 0; pair < this.#pairs; pair++) {
      hash = Math.imul(hash ^ this.#keys[pair]!, 0x5bd1e995);
      hash ^= hash >>> 15;
      hash = Math.imul(hash ^ this.#values[pair]!, 0x85ebca6b);
      hash ^= hash >>> 13;
    }
    hash ^= hash >>> 16;
    const mask = this.#table.length - 1;
    let slot = hash & mask;
    for (; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
      const known = this.#table[slot]! - 1;
      if (this.#equals(known)) return known;
    }
    return this.#add(slot, hash);
  }

  /** The scope with this name and version, without attributes. */
  scope(name: number, version: number): number {
    const key = name * ENTRIES_MAX + version;
    const known = this.#scopes.get(key);
    if (known !== undefined) return known;
    const scope = this.#batch.openScope();
    this.#batch.scopeName[scope] = name;
    this.#batch.scopeVersion[scope] = version;
    this.#scopes.set(key, scope);
    return scope;
  }

  #equals(resource: number): boolean {
    const batch = this.#batch;
    const table = batch.resourceAttributes;
    let at = batch.resourceAttributeStart[resource]!;
    const attributes = batch.resourceAttributeEnd[resource]! - at;
    const named = this.#service === 0 ? 0 : 1;
    if (attributes !== this.#pairs + named) return false;
    if (named === 1) {
      if (table.key[at] !== this.#serviceKey || table.words[2 * at] !== this.#service) return false;
      at++;
    }
    for (let pair = 0; pair < this.#pairs; pair++, at++) {
      if (table.key[at] !== this.#keys[pair]) return false;
      if (table.words[2 * at] !== this.#values[pair]) return false;
    }
    return true;
  }

  #add(slot: number, hash: number): number {
    const batch = this.#batch;
    const resource = batch.openResource();
    if (this.#service !== 0) batch.resourceAttributes.add(this.#serviceKey, STRING, this.#service);
    for (let pair = 0; pair < this.#pairs; pair++) {
      batch.resourceAttributes.add(this.#keys[pair]!, STRING, this.#values[pair]!);
    }
    batch.closeResource(resource);
    this.#hashes[resource] = hash;
    this.#table[slot] = resource + 1;
    if (++this.#count * 2 > this.#table.length) this.#grow();
    return resource;
  }

  #grow(): void {
    const old = this.#table;
    const mask = old.length * 2 - 1;
    this.#table = new Uint32Array(old.length * 2);
    for (const entry of old) {
      if (entry === 0) continue;
      let slot = this.#hashes[entry - 1]! & mask;
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = entry;
    }
  }
}
