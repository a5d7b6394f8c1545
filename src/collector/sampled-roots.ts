// Finds the root spans that clients sampled by a remote strategy: what adaptive sampling learns from.
//
//   root span with sampler.type = probabilistic   counts 1, and sampler.param says what it obeyed
//                                 lowerbound      counts 0, but the operation is known now
//
// Grouped within a batch: two look-ups a root span, texts are made once a group; a batch in which no span
// has such a tag costs one look-up. sampler.param may be a number or its text.
//
// Source: Jaeger v1.76, internal/sampling/samplingstrategy/adaptive/aggregator.go (HandleRootSpan).
// Trust: tags are the peer's. At most GROUPS_MAX groups a batch; more are left out.
// Not here: the sums of an interval (sampling/adaptive/throughput-counter.ts).

import { DOUBLE, INT, STRING } from "../model/attribute-table.ts";
import type { SpanBatch } from "../model/span-batch.ts";
import type { SampledRoots } from "../sampling/adaptive/throughput-counter.ts";

/** As many operations as are counted in a whole interval. */
const GROUPS_MAX = 10_000;
/** As many different probabilities of one operation as Jaeger remembers. */
const PROBABILITIES_MAX = 10;
/** Resource and name in one key: exact for 2^21 resources. */
const NAMES = 2 ** 32;

interface Group {
  readonly resource: number;
  readonly name: number;
  count: number;
  spans: number;
  readonly probabilities: number[];
}

const NONE: readonly SampledRoots[] = [];

/** The groups of a sanitized batch. @param serviceOf the name of a resource's service. */
export function findSampledRoots(
  batch: SpanBatch,
  serviceOf: (resource: number) => string,
): readonly SampledRoots[] {
  const { dictionary, spanAttributes: table, attributeStart, resource, name, rows } = batch;
  const typeKey = dictionary.findText("sampler.type");
  const paramKey = typeKey < 0 ? -1 : dictionary.findText("sampler.param");
  if (paramKey < 0) return NONE;
  const probabilistic = dictionary.findText("probabilistic");
  const lowerBound = dictionary.findText("lowerbound");
  if (probabilistic < 0 && lowerBound < 0) return NONE;
  const { parentSpanIdWords: parents } = batch;
  const groups = new Map<number, Group>();
  for (let row = 0; row < rows; row++) {
    if ((parents[2 * row]! | parents[2 * row + 1]!) !== 0) continue;
    const start = attributeStart[row]!;
    const end = attributeStart[row + 1]!;
    const type = table.find(typeKey, start, end);
    if (type < 0 || table.type[type] !== STRING) continue;
    const sampler = table.words[2 * type]!;
    if (sampler !== probabilistic && sampler !== lowerBound) continue;
    const probability = numberOf(batch, table.find(paramKey, start, end));
    if (!(probability >= 0 && probability <= 1)) continue;
    const group = groupOf(groups, resource[row]!, name[row]!);
    if (group === undefined) continue;
    group.spans++;
    if (sampler === probabilistic) group.count++;
    const { probabilities } = group;
    if (probabilities.length < PROBABILITIES_MAX && !probabilities.includes(probability)) {
      probabilities.push(probability);
    }
  }
  const found: SampledRoots[] = [];
  for (const { resource: owner, name: entry, ...sums } of groups.values()) {
    const operation = dictionary.text(entry);
    if (operation !== "") found.push({ service: serviceOf(owner), operation, ...sums });
  }
  return found;
}

function groupOf(groups: Map<number, Group>, resource: number, name: number): Group | undefined {
  const key = resource * NAMES + name;
  const known = groups.get(key);
  if (known !== undefined || groups.size >= GROUPS_MAX) return known;
  const group: Group = { resource, name, count: 0, spans: 0, probabilities: [] };
  groups.set(key, group);
  return group;
}

/** The number of attribute `at`; NaN: there is none. */
function numberOf({ spanAttributes: table, dictionary }: SpanBatch, at: number): number {
  if (at < 0) return NaN;
  switch (table.type[at]) {
    case DOUBLE:
      return table.doubles[at]!;
    case INT:
      return table.words[2 * at]! + (table.words[2 * at + 1]! | 0) * NAMES;
    case STRING: {
      const text = dictionary.text(table.words[2 * at]!);
      return text.trim() === "" ? NaN : Number(text);
    }
    default:
      return NaN;
  }
}
