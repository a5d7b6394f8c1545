// Joins the spans of many packets into one batch, and gives that back as parcels for a collector.
//
//   packet packet packet ─ read ─▶ SpanBatch ─ flush ─▶ parcels
//                                    │ equal processes of different packets are one resource
//                                    │ agent.tags are added to each
//
// A packet is read whole or not at all: what the reader had appended is taken back.
//
// Trust: packets are the peer's. A batch is flushed before its columns take more than BATCH_BYTES_MAX;
// one packet of 64 KiB cannot make them take more than some MiB.
// Not here: when it is flushed (packet-intake.ts), the formats (write-parcels.ts, wire/).

import { STRING } from "../model/attribute-table.ts";
import { SharedOwners } from "../model/copy-rows.ts";
import { type BatchMark, SpanBatch } from "../model/span-batch.ts";
import type { JaegerSender } from "../wire/jaeger-thrift.ts";
import type { Family } from "./doors.ts";
import type { ParcelFormat } from "./parcel.ts";
import { type SortedParcel, writeParcels } from "./write-parcels.ts";

/** Columns of a batch of 1,000 rich spans take 1 MiB. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** A batch that holds more than that is let go: what is kept is kept for ever. */
const KEPT_BYTES_MAX = BATCH_BYTES_MAX;
/** The last packet before a flush, at its worst: an empty tag is 4 bytes of it and 26 of columns. */
const MEMORY_BYTES_MAX = 64 * 1024 * 1024;

const encoder = new TextEncoder();
const CLIENT_ID = encoder.encode("client-uuid");

/** What one packet turned out to hold. */
export interface PacketContent {
  readonly spans: number;
  /** Spans by service; one entry for packets of Jaeger's clients. */
  readonly services: readonly (readonly [service: string, spans: number])[];
  /** The client's own id, if it says one. */
  readonly clientId: string;
  readonly sender: JaegerSender | undefined;
}

/** A packet, or a reader that stands in one. */
export interface PacketSource {
  readonly bytes: Uint8Array;
}

export interface SpanJoinerOptions<S extends PacketSource> {
  readonly family: Family;
  readonly format: ParcelFormat;
  readonly doors: number;
  readonly tags: ReadonlyMap<string, string>;
  /** Reads one packet. @throws SpoorError `bad-input`. */
  readonly append: (source: S, batch: SpanBatch) => JaegerSender | undefined;
}

export class SpanJoiner<S extends PacketSource> {
  readonly family: Family;
  readonly #format: ParcelFormat;
  readonly #doors: number;
  readonly #append: SpanJoinerOptions<S>["append"];
  readonly #tags: readonly (readonly [key: Uint8Array, value: Uint8Array])[];
  #batch = new SpanBatch(MEMORY_BYTES_MAX);
  #owners = new SharedOwners();
  #doorOf: Uint8Array = new Uint8Array(0);
  /** Bytes of the packets that are joined. */
  #packetBytes = 0;

  constructor({ family, format, doors, tags, append }: SpanJoinerOptions<S>) {
    this.family = family;
    this.#format = format;
    this.#doors = doors;
    this.#append = append;
    this.#tags = Array.from(tags, ([key, value]) => [encoder.encode(key), encoder.encode(value)]);
  }

  get rows(): number {
    return this.#batch.rows;
  }

  get packetBytes(): number {
    return this.#packetBytes;
  }

  /** Whether it holds so much that it has to be flushed, whatever the settings say. */
  get isFull(): boolean {
    return this.#batch.memoryBytes() >= BATCH_BYTES_MAX && this.#batch.rows > 0;
  }

  /**
   * Appends the spans of one packet.
   *
   * @throws SpoorError `bad-input`; nothing of it is kept.
   */
  read(source: S, door: number): PacketContent {
    const batch = this.#batch;
    const mark = batch.mark();
    let sender: JaegerSender | undefined;
    try {
      sender = this.#append(source, batch);
    } catch (error) {
      batch.rollBack(mark);
      throw error;
    }
    const clientId = sender?.sequence === undefined ? "" : this.#clientId(mark.resources);
    if (batch.rows === mark.rows) {
      batch.rollBack(mark);
      return { spans: 0, services: [], clientId, sender };
    }
    const services = this.#countServices(mark);
    for (let resource = mark.resources; resource < batch.resources; resource++) {
      this.#addTags(resource);
    }
    this.#shareOwners(mark);
    this.#noteDoor(mark.rows, door);
    this.#packetBytes += source.bytes.length;
    return { spans: batch.rows - mark.rows, services, clientId, sender };
  }

  /** All that was joined, as payloads; the joiner is empty then. */
  flush(): readonly SortedParcel[] {
    const batch = this.#batch;
    if (batch.rows === 0) return [];
    const parcels = writeParcels(batch, this.#format, this.#doorOf, this.#doors);
    if (batch.memoryBytes() > KEPT_BYTES_MAX) this.#batch = new SpanBatch(MEMORY_BYTES_MAX);
    else batch.reset();
    this.#owners = new SharedOwners();
    this.#packetBytes = 0;
    return parcels;
  }

  #clientId(resource: number): string {
    const batch = this.#batch;
    const key = batch.dictionary.find(CLIENT_ID);
    if (key < 0) return "";
    const table = batch.resourceAttributes;
    const start = batch.resourceAttributeStart[resource]!;
    const at = table.find(key, start, batch.resourceAttributeEnd[resource]!);
    return at < 0 || table.type[at] !== STRING ? "" : batch.dictionary.text(table.words[2 * at]!);
  }

  #countServices(mark: BatchMark): readonly (readonly [string, number])[] {
    const batch = this.#batch;
    const name = (resource: number): string => batch.dictionary.text(batch.serviceOf(resource));
    const spans = batch.rows - mark.rows;
    if (batch.resources === mark.resources + 1) return [[name(mark.resources), spans]];
    const counts = new Map<number, number>();
    for (let row = mark.rows; row < batch.rows; row++) {
      const resource = batch.resource[row]!;
      counts.set(resource, (counts.get(resource) ?? 0) + 1);
    }
    return Array.from(counts, ([resource, count]) => [name(resource), count] as const);
  }

  /** Attributes of one resource lie in a run: if others follow, the run moves to the end. */
  #addTags(resource: number): void {
    if (this.#tags.length === 0) return;
    const batch = this.#batch;
    const { dictionary, resourceAttributes: table } = batch;
    const start = batch.resourceAttributeStart[resource]!;
    const end = batch.resourceAttributeEnd[resource]!;
    if (end !== table.count) {
      batch.resourceAttributeStart[resource] = table.count;
      for (let at = start; at < end; at++) {
        table.addWords(
          table.key[at]!,
          table.type[at]!,
          table.words[2 * at]!,
          table.words[2 * at + 1]!,
        );
      }
    }
    for (const [key, value] of this.#tags) {
      const keyEntry = dictionary.intern(key, 0, key.length);
      table.add(keyEntry, STRING, dictionary.intern(value, 0, value.length));
    }
    batch.closeResource(resource);
  }

  /** A packet of one process: the resource of an equal one before it serves again. */
  #shareOwners(mark: BatchMark): void {
    const batch = this.#batch;
    if (batch.resources === mark.resources + 1) {
      const resource = this.#owners.keepResource(batch);
      if (resource !== mark.resources) batch.resource.fill(resource, mark.rows, batch.rows);
    }
    if (batch.scopes === mark.scopes + 1) {
      const scope = this.#owners.keepScope(batch);
      if (scope !== mark.scopes) batch.scope.fill(scope, mark.rows, batch.rows);
    }
  }

  #noteDoor(fromRow: number, door: number): void {
    const { rows } = this.#batch;
    if (rows > this.#doorOf.length) {
      const grown = new Uint8Array(2 * rows);
      grown.set(this.#doorOf);
      this.#doorOf = grown;
    }
    this.#doorOf.fill(door, fromRow, rows);
  }
}
