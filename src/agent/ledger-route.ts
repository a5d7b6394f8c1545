// GET /api/ledger of the agent: the books as JSON.
//
//   { "doors": [{ "door": "jaeger-compact", "kernelDrops": 0, "readErrors": 0, "receiveBufferBytes": …,
//                 "packets": { "received": 2, "read": 1, "dropped": { "bad-packet": 1, … }, "queued": 0,
//                              "bytes": 900 },
//                 "spans": { "received": 3, "forwarded": 3, "refused": { … }, "dropped": { … },
//                            "inFlight": 0 } }, …],
//     "services": [{ "service": "shop", "received": 3, "forwarded": 3, "lost": 0 }],
//     "total": { "packets": { … }, "spans": { … } },
//     "clients": { "connected": 1, "batchesMissing": 0, "spansDropped": { … }, … },
//     "forwarder": { … } }
//
// A span counts as forwarded when a collector or the spool on disk has it; which, is the forwarder's.
// Not here: who counts (ledger.ts, client-stats.ts, forwarder.ts).

import type { HttpRoute } from "../net/http-route.ts";
import type { ClientStats } from "./client-stats.ts";
import type { AgentLedger } from "./ledger.ts";

export interface LedgerRouteParts {
  readonly ledger: AgentLedger;
  readonly clients: ClientStats;
  /** What the forwarder says; undefined while it is not open. */
  readonly forwarder: () => unknown;
  /** Asks the kernel once more. */
  readonly look: () => void;
}

export function makeAgentLedgerRoute(parts: LedgerRouteParts): HttpRoute {
  const { ledger, clients, forwarder, look } = parts;
  return {
    method: "GET",
    path: "/api/ledger",
    handle() {
      look();
      const figures = {
        ...ledger.figures(),
        clients: clients.figures(),
        forwarder: forwarder() ?? null,
      };
      return {
        status: 200,
        headers: { "content-type": "application/json", "cache-control": "no-store" },
        body: JSON.stringify(figures),
      };
    },
  };
}
