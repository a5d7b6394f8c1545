// `GET /api/ledger`: the books as JSON, with what the store says of itself.
//
//   { "accounts": [{ "door": "otlp-grpc", "format": "otlp-proto",
//                    "requests": { "received": 2, "stored": 1, "refused": { "bad-input": 1, … },
//                                  "dropped": { … }, "inFlight": 0 },
//                    "spans": { … } }, …],
//     "total": { "requests": { … }, "spans": { … } },
//     "store": { "traces": 1, "spans": 3, "bytes": 4096, "evictedSpans": 0, "evictedTraces": 0 } }
//
// received = stored + Σ refused + Σ dropped + inFlight, in every object; a span that made room for a
// newer one counts as stored, and in `store.evictedSpans`. The admin and the query port serve it.
//
// Not here: who counts (ledger.ts).

import type { HttpRoute } from "../net/http-route.ts";
import type { StoreFigures } from "../store/trace-store.ts";
import type { Ledger } from "./ledger.ts";

/** @param figures what the store says; undefined while it is not open. */
export function makeLedgerRoute(
  ledger: Ledger,
  figures: () => StoreFigures | undefined,
): HttpRoute {
  return {
    method: "GET",
    path: "/api/ledger",
    handle: () => ({
      status: 200,
      headers: { "content-type": "application/json", "cache-control": "no-store" },
      body: JSON.stringify({ ...ledger.figures(), store: figures() ?? null }),
    }),
  };
}
