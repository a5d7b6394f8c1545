// The ledger as metrics: read when somebody scrapes, so that counting costs nothing twice.
//
//   Account.spans.refused["bad-input"]  ─▶  spoor_collector_spans_refused_total{door,format,reason}
//
// Not here: the books themselves (ledger.ts), their JSON (ledger-route.ts).

import { type Account, DROPPED_REASONS, REFUSED_REASONS } from "./ledger.ts";
import type { CollectorMetrics } from "./span-counts.ts";

/** Shows the books of a door and format from now on, zeros included. */
export function showAccount(account: Account, metrics: CollectorMetrics): void {
  const { requests, spans } = account;
  const labels = { door: account.door, format: account.format };
  metrics.requestsReceived.with(labels).readFrom(() => requests.received);
  metrics.requestsStored.with(labels).readFrom(() => requests.stored);
  metrics.requestsInFlight.with(labels).readFrom(() => requests.inFlight);
  metrics.ledgerReceived.with(labels).readFrom(() => spans.received);
  metrics.ledgerStored.with(labels).readFrom(() => spans.stored);
  metrics.ledgerInFlight.with(labels).readFrom(() => spans.inFlight);
  for (const reason of REFUSED_REASONS) {
    const byReason = { ...labels, reason };
    metrics.requestsRefused.with(byReason).readFrom(() => requests.refused[reason]);
    metrics.ledgerRefused.with(byReason).readFrom(() => spans.refused[reason]);
  }
  for (const reason of DROPPED_REASONS) {
    const byReason = { ...labels, reason };
    metrics.requestsDropped.with(byReason).readFrom(() => requests.dropped[reason]);
    metrics.ledgerDropped.with(byReason).readFrom(() => spans.dropped[reason]);
  }
}
