// A copy of the data directory, asked for on the admin port.
//
//   POST /api/backup?to=NAME   200 {"path":"data/backups/NAME","files":3,"bytes":…,"spans":…}
//                              400 not a name, or taken · 501 the store keeps nothing on a disk
//
// Without `to` the name is the time: 20261122T030405Z.
// Trust: whoever reaches the port; a name cannot lead out of the folder of copies.
// Not here: copying (store/segment/backup.ts).

import type { Clock } from "../base/clock.ts";
import { SpoorError } from "../base/errors.ts";
import type { HttpRoute } from "../net/http-route.ts";
import type { TraceStore } from "../store/trace-store.ts";

/** @param findStore undefined: it is not open yet. */
export function makeBackupRoute(findStore: () => TraceStore | undefined, clock: Clock): HttpRoute {
  return {
    method: "POST",
    path: "/api/backup",
    async handle({ query }) {
      const store = findStore();
      if (store === undefined) throw new SpoorError("unavailable", "the store is not open yet");
      if (store.backup === undefined) {
        throw new SpoorError("unsupported", "this store keeps nothing on a disk");
      }
      const figures = await store.backup(query.get("to") || nameOf(clock.nowUs()));
      const headers = { "content-type": "application/json" };
      return { status: 200, headers, body: JSON.stringify(figures) };
    },
  };
}

function nameOf(nowUs: number): string {
  return new Date(nowUs / 1e3).toISOString().replaceAll(/[-:]|\.[0-9]+/g, "");
}
