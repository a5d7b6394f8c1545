// Times the query API: one client, one request after the other.

/** Searches look back this far: the whole of a bench run. */
const LOOKBACK_US = 3_600_000_000;

export interface QueryReport {
  readonly what: string;
  readonly requests: number;
  readonly p50: number;
  readonly p95: number;
}

/** @param base `127.0.0.1:16686`. @param requests of each kind. */
export async function timeQueries(base: string, requests: number): Promise<QueryReport[]> {
  const endUs = Date.now() * 1_000;
  const range = `start=${endUs - LOOKBACK_US}&end=${endUs}&limit=20`;
  const search = `http://${base}/api/traces?service=cart&${range}`;
  const tags = (text: string): string => `&tags=${encodeURIComponent(text)}`;
  const answer = (await (await fetch(search)).json()) as { data: { traceID: string }[] };
  const ids = answer.data.map(({ traceID }) => traceID);
  const users = Array.from({ length: 50 }, (_, index) => index * 977);
  const kinds: readonly (readonly [string, (k: number) => string])[] = [
    ["services", () => `http://${base}/api/services`],
    ["search: service", () => search],
    [
      "search: common tag, duration",
      () => `${search}${tags('{"tenant":"acme"}')}&minDuration=10ms`,
    ],
    [
      "search: rare tag",
      (k) => {
        const user = String(users[k % users.length]).padStart(6, "0");
        return `${search}${tags(`{"user.id":"u-${user}"}`)}`;
      },
    ],
    ["search: error", () => `${search}${tags('{"error":"true"}')}`],
    ["trace by id", (k) => `http://${base}/api/traces/${ids[k % ids.length]}`],
  ];
  const reports: QueryReport[] = [];
  for (const [what, url] of kinds) {
    const ms: number[] = [];
    for (let k = 0; k < requests; k++) {
      const startedMs = performance.now();
      const response = await fetch(url(k));
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${url(k)} answered ${response.status}`);
      ms.push(performance.now() - startedMs);
    }
    ms.sort((one, two) => one - two);
    const at = (share: number): number => ms[Math.floor(share * (ms.length - 1))]!;
    reports.push({ what, requests, p50: at(0.5), p95: at(0.95) });
  }
  return reports;
}
