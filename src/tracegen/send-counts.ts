// What was sent and what became of it, to be compared with the books of who took it.
//
//   sent = accepted + unacknowledged + Σ refused          in spans, as a whole and by service
//
// Every payload is of one service. Not here: who counts (run-tracegen.ts).

import { REASONS, type Reason, type Verdict } from "./carriers/carrier.ts";

export interface SpanFigures {
  readonly sent: number;
  readonly accepted: number;
  /** By UDP: nobody says whether they came. */
  readonly unacknowledged: number;
  readonly refused: Readonly<Partial<Record<Reason, number>>>;
}

export interface RateFigures {
  /** Traces a second; 0: as many as were taken. */
  readonly asked: number;
  readonly reached: number;
  /** False: who takes the spans, or this process, was too slow for it. */
  readonly isKept: boolean;
}

/** What `--json` prints. */
export interface Report {
  readonly protocol: string;
  readonly target: string;
  readonly seconds: number;
  readonly traces: number;
  readonly payloads: number;
  readonly bytes: number;
  readonly rate: RateFigures;
  readonly spans: SpanFigures;
  /** What was said of the first that were refused; "": none were. */
  readonly firstRefusal: string;
  /** By name. */
  readonly services: readonly (SpanFigures & { readonly service: string })[];
}

class Tally {
  sent = 0;
  accepted = 0;
  unacknowledged = 0;
  readonly refused: Record<Reason, number> = zeros();

  add(spans: number, verdict: Verdict): void {
    this.sent += spans;
    if (verdict.is === "accepted") this.accepted += spans;
    else if (verdict.is === "unacknowledged") this.unacknowledged += spans;
    else {
      const refused = Math.min(spans, verdict.spans ?? spans);
      this.refused[verdict.reason] += refused;
      this.accepted += spans - refused;
    }
  }

  figures(): SpanFigures {
    const { sent, accepted, unacknowledged } = this;
    const refused = Object.fromEntries(
      REASONS.flatMap((reason) => {
        const spans = this.refused[reason];
        return spans === 0 ? [] : [[reason, spans] as const];
      }),
    );
    return { sent, accepted, unacknowledged, refused };
  }
}

export class SendCounts {
  readonly #total = new Tally();
  readonly #byService: ReadonlyMap<string, Tally>;
  #payloads = 0;
  #bytes = 0;
  #firstRefusal = "";

  constructor(services: readonly string[]) {
    this.#byService = new Map(services.map((service) => [service, new Tally()]));
  }

  /** One payload of `service`. */
  add(service: string, spans: number, bytes: number, verdict: Verdict): void {
    this.#payloads++;
    this.#bytes += bytes;
    this.#total.add(spans, verdict);
    this.#byService.get(service)?.add(spans, verdict);
    if (verdict.is === "refused") {
      this.#firstRefusal ||= verdict.message === "" ? verdict.reason : verdict.message;
    }
  }

  figures(): Pick<Report, "payloads" | "bytes" | "spans" | "firstRefusal" | "services"> {
    return {
      payloads: this.#payloads,
      bytes: this.#bytes,
      spans: this.#total.figures(),
      firstRefusal: this.#firstRefusal,
      services: [...this.#byService].map(([service, tally]) =>
        Object.assign(tally.figures(), { service }),
      ),
    };
  }
}

export function sumRefused({ refused }: SpanFigures): number {
  return Object.values(refused).reduce((sum, spans) => sum + spans, 0);
}

/** Lines for people: the whole, then the services. */
export function printReport(report: Report): string {
  const { protocol, target, traces, spans, payloads, bytes, seconds, services } = report;
  const lines = [
    `${protocol} to ${target}: ${printCount(traces, "trace")} in ${seconds.toFixed(2)} s, ` +
      `${printCount(spans.sent, "span")} in ${printCount(payloads, "payload")} of ${bytes} bytes`,
    `  ${printRate(report.rate)}`,
    `  ${printSpanFigures(spans)}`,
    ...(report.firstRefusal === "" ? [] : [`  first refusal: ${report.firstRefusal}`]),
  ];
  const width = Math.max(...services.map(({ service }) => service.length));
  for (const one of services) {
    lines.push(`  ${one.service.padEnd(width)}  ${printSpanFigures(one)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** `sent 8, accepted 6, refused 2 (overloaded 2)`. */
export function printSpanFigures(figures: SpanFigures): string {
  const { sent, accepted, unacknowledged, refused } = figures;
  const total = sumRefused(figures);
  const why = Object.entries(refused).map(([reason, spans]) => `${reason} ${spans}`);
  return [
    `sent ${sent}`,
    `accepted ${accepted}`,
    ...(unacknowledged === 0 ? [] : [`unacknowledged ${unacknowledged}`]),
    `refused ${total}${total === 0 ? "" : ` (${why.join(", ")})`}`,
  ].join(", ");
}

function printCount(count: number, what: string): string {
  return `${count} ${count === 1 ? what : `${what}s`}`;
}

function printRate({ asked, reached, isKept }: RateFigures): string {
  const text = `${reached.toFixed(1)} traces/s`;
  if (asked === 0) return text;
  return `${text} of ${asked} asked for${isKept ? "" : ": the rate was not kept"}`;
}

function zeros(): Record<Reason, number> {
  return Object.fromEntries(REASONS.map((reason) => [reason, 0])) as Record<Reason, number>;
}
