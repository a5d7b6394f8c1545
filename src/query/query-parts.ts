// What every answer of the query service is made from.

import type { Clock } from "../base/clock.ts";
import type { AdjustOptions } from "./adjust/adjust-trace.ts";
import type { ReadStore } from "./measured-store.ts";

export interface QueryParts {
  readonly store: ReadStore;
  readonly clock: Clock;
  readonly adjust: AdjustOptions;
}
