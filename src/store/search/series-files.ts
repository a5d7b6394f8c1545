// Calls, errors and durations over time, counted in files.
//
//   steps of whole minutes ─▶ the per-minute statistics of each block
//   any other steps ────────▶ rows: their times and labels
//
// Cost: a block 0.5 ms by its statistics, 3 ms and more by its rows.

import { STATUS_ERROR } from "../../model/span-batch.ts";
import type { SeriesQuery } from "../../model/trace-query.ts";
import type { FileBlock } from "../block/block-reader.ts";
import type { RowPage } from "../block/row-page.ts";
import type { Pause } from "../head/pause.ts";
import { SeriesCounter, type SeriesLine } from "../series-counter.ts";
import type { BlockView, HeldBlock } from "./block-set.ts";
import { BlockTexts } from "./block-texts.ts";

const MINUTE_US = 60_000_000;

/** As `Part.series`. */
export async function countSeries(
  view: BlockView,
  query: SeriesQuery,
  pause: Pause,
): Promise<readonly SeriesLine[]> {
  const counter = new SeriesCounter(query);
  const services = new Set(query.services);
  for (const held of view.blocks) {
    if (held.startUsMax < counter.startUsMin || held.startUsMin > counter.startUsMax) continue;
    if (counter.takesMinutes) {
      view.use(held, (block) => countMinutes(block, query, services, counter));
    } else {
      await countRows(view, held, query, services, counter, pause);
    }
    await pause();
  }
  return counter.lines();
}

/** All of a block is looked at before anything is counted: it counts whole, or not at all. */
function countMinutes(
  block: FileBlock,
  query: SeriesQuery,
  services: ReadonlySet<string>,
  counter: SeriesCounter,
): void {
  const { service, name, kind, minute, calls, errors, ...buckets } = block.statistics.slices;
  const { bucketStart, bucket, bucketCalls } = buckets;
  const texts = new BlockTexts(block);
  const found: number[] = [];
  for (let slice = 0; slice < service.length; slice++) {
    if (!services.has(texts.text(service[slice]!))) continue;
    if (!counter.wants(minute[slice]! * MINUTE_US, kind[slice]!)) continue;
    if (query.byOperation) texts.text(name[slice]!);
    found.push(slice);
  }
  for (const slice of found) {
    const operation = query.byOperation ? texts.text(name[slice]!) : undefined;
    counter.addCounts(texts.text(service[slice]!), operation, minute[slice]!, {
      calls: calls[slice]!,
      errors: errors[slice]!,
      bucket,
      bucketCalls,
      from: bucketStart[slice]!,
      to: bucketStart[slice + 1]!,
    });
  }
}

async function countRows(
  view: BlockView,
  held: HeldBlock,
  query: SeriesQuery,
  services: ReadonlySet<string>,
  counter: SeriesCounter,
  pause: Pause,
): Promise<void> {
  const wanted = view.use(held, (block) => {
    const texts = new BlockTexts(block);
    const names = texts.services().map((name) => (services.has(name) ? name : undefined));
    return names.some((name) => name !== undefined) ? { block, names, texts } : undefined;
  });
  if (wanted === undefined) return;
  const { block, names, texts } = wanted;
  const { pageStartUsMin, pageStartUsMax } = block.figures;
  for (let index = 0; index < block.rowPages; index++) {
    if (pageStartUsMax[index]! < counter.startUsMin) continue;
    if (pageStartUsMin[index]! > counter.startUsMax) continue;
    view.use(held, () => countPage(block.page(index), names, texts, query, counter));
    await pause();
  }
}

/** @param names of each resource the service, if it is asked for. */
function countPage(
  page: RowPage,
  names: readonly (string | undefined)[],
  texts: BlockTexts,
  query: SeriesQuery,
  counter: SeriesCounter,
): void {
  const { rows, startUs, durationNs, kind, resource, name, statusCode } = page;
  const found: number[] = [];
  for (let row = 0; row < rows; row++) {
    if (names[resource[row]!] === undefined || !counter.wants(startUs[row]!, kind[row]!)) continue;
    // Read before the first is counted: a page counts whole, or not at all.
    if (query.byOperation) texts.text(name[row]!);
    found.push(row);
  }
  for (const row of found) {
    const operation = query.byOperation ? texts.text(name[row]!) : undefined;
    const isError = statusCode[row] === STATUS_ERROR;
    counter.add(names[resource[row]!]!, operation, startUs[row]!, durationNs[row]!, isError);
  }
}
