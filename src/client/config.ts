// What a tracer can be told, and whether that makes sense.
//
//   { serviceName, sampler, reporter, … } ──▶ checkConfig ──▶ all that is wrong, in one error
//
// The shape is jaeger-client's, with what that does not have: OTLP, tokens, propagation, baggage
// restrictions, bounds. A field that is not known is left alone, as jaeger-client does.
//
// Source: jaeger-client 3.19 configuration.js.
// Not here: the environment (env.ts), what is made of it (init-tracer.ts).

import { SpoorError } from "../base/errors.ts";

export interface PollConfig {
  /** Of the agent: `host:port`, or a URL. */
  readonly hostPort?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly refreshIntervalMs?: number | undefined;
}

export interface SamplerConfig extends PollConfig {
  /** `remote` if it is not said. */
  readonly type?: string | undefined;
  /** const: 0 or 1 · probabilistic: 0 to 1 · ratelimiting: traces a second · remote: until an answer. */
  readonly param?: number | undefined;
  /** The whole URL, also of a collector. */
  readonly endpoint?: string | undefined;
  /** Path at the agent, `/sampling` if it is not said. */
  readonly samplingPath?: string | undefined;
  /** Operations that get a sampler of their own. */
  readonly maxOperations?: number | undefined;
}

export interface ReporterConfig {
  /** Also says a line for each span to the logger. */
  readonly logSpans?: boolean | undefined;
  readonly agentHost?: string | undefined;
  /** 6831, where agents take the compact protocol; 6832 is spoken to in the binary one. */
  readonly agentPort?: number | undefined;
  readonly agentSocketType?: string | undefined;
  /** `http://collector:14268/api/traces`: instead of the agent. */
  readonly collectorEndpoint?: string | undefined;
  /** `http://collector:4318/v1/traces`: instead of both; beside agentHost for spans too large for it. */
  readonly otlpEndpoint?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Sent as `Authorization: Bearer`. */
  readonly authToken?: string | undefined;
  readonly flushIntervalMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  /** Spans that may wait. */
  readonly maxQueueSize?: number | undefined;
}

export interface BaggageConfig extends PollConfig {
  /** No baggage at all until the agent has said which keys are allowed. */
  readonly denyBaggageOnInitializationFailure?: boolean | undefined;
}

export interface TracerConfig {
  readonly serviceName?: string | undefined;
  /** A tracer that does nothing. */
  readonly disable?: boolean | undefined;
  readonly sampler?: SamplerConfig | undefined;
  readonly reporter?: ReporterConfig | undefined;
  /** With it, debug traces need credit from the agent. */
  readonly throttler?: PollConfig | undefined;
  /** With it, the agent says which baggage may be set. */
  readonly baggageRestrictions?: BaggageConfig | undefined;
  /** `jaeger`, `w3c`, `b3`, `b3-single`, in the order in which they are looked for; all are written. */
  readonly propagation?: string | readonly string[] | undefined;
  readonly traceId128bit?: boolean | undefined;
  /** Counts the calls of the service; needs `options.metrics`. */
  readonly rpcMetrics?: boolean | undefined;
  /** Of the process. */
  readonly tags?: Readonly<Record<string, unknown>> | undefined;
}

export const PROPAGATIONS = ["jaeger", "w3c", "b3", "b3-single"] as const;
export const SAMPLER_TYPES = ["const", "probabilistic", "ratelimiting", "remote"] as const;

/** From, to, and how it is said. */
type Range = readonly [min: number, max: number, expected: string];

const PORT: Range = [1, 65_535, "a port from 1 to 65535"];
/** Timers of Node take no more. */
const MS: Range = [0, 2 ** 31 - 1, "milliseconds from 0 to 2147483647"];
const COUNT: Range = [1, 1_000_000, "a number from 1 to 1000000"];
export const PARAM_RANGES: Readonly<Record<(typeof SAMPLER_TYPES)[number], Range>> = {
  const: [0, 1, "0 or 1"],
  probabilistic: [0, 1, "a probability from 0 to 1"],
  ratelimiting: [0, 1_000_000, "traces a second from 0 to 1000000"],
  remote: [0, 1, "a probability from 0 to 1 for the time until an answer"],
};

const NUMBERS: readonly (readonly [section: keyof TracerConfig, field: string, Range])[] = [
  ["sampler", "port", PORT],
  ["sampler", "refreshIntervalMs", MS],
  ["sampler", "maxOperations", COUNT],
  ["reporter", "agentPort", PORT],
  ["reporter", "flushIntervalMs", MS],
  ["reporter", "timeoutMs", MS],
  ["reporter", "maxQueueSize", COUNT],
  ["throttler", "port", PORT],
  ["throttler", "refreshIntervalMs", MS],
  ["baggageRestrictions", "port", PORT],
  ["baggageRestrictions", "refreshIntervalMs", MS],
];

/** All that is wrong, each as `name is "x", expected y`. `called` gives a field the user's own name. */
export class ConfigProblems {
  readonly #called: ReadonlyMap<string, string>;
  readonly #problems: string[] = [];

  /** @param called from `sampler.param` to the name of the variable it came from. */
  constructor(called: ReadonlyMap<string, string> = new Map()) {
    this.#called = called;
  }

  add(field: string, value: unknown, expected: string): void {
    const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : String(value);
    this.say(field, `is ${shown}, expected ${expected}`);
  }

  say(field: string, problem: string): void {
    this.#problems.push(`${this.#called.get(field) ?? field} ${problem}`);
  }

  /** @throws SpoorError `bad-input` with everything that has been added */
  throwIfAny(): void {
    if (this.#problems.length === 0) return;
    throw new SpoorError(
      "bad-input",
      `the tracer cannot be configured: ${this.#problems.join("; ")}`,
    );
  }
}

/** Adds what is wrong with values of `config`; what is left out is right. */
export function checkConfig(config: TracerConfig, problems: ConfigProblems): void {
  if (typeof config.serviceName !== "string" || config.serviceName === "") {
    problems.say("serviceName", "must be given, the name of this service");
  }
  for (const [section, field, range] of NUMBERS) {
    const fields = config[section] as Readonly<Record<string, unknown>> | undefined;
    checkNumber(problems, `${section}.${field}`, fields?.[field], range);
  }
  if (config.sampler !== undefined) checkSampler(config.sampler, problems);
  const { agentSocketType } = config.reporter ?? {};
  if (agentSocketType !== undefined && !/^udp[46]$/.test(agentSocketType)) {
    problems.add("reporter.agentSocketType", agentSocketType, "udp4 or udp6");
  }
  for (const field of ["collectorEndpoint", "otlpEndpoint"] as const) {
    checkUrl(problems, `reporter.${field}`, config.reporter?.[field]);
  }
  checkUrl(problems, "sampler.endpoint", config.sampler?.endpoint);
  for (const one of listPropagation(config)) {
    if (!(PROPAGATIONS as readonly string[]).includes(one)) {
      problems.add("propagation", one, PROPAGATIONS.join(", "));
    }
  }
}

/** As a list, also when it was said as text with commas. */
export function listPropagation({ propagation }: TracerConfig): readonly string[] {
  if (propagation === undefined) return ["jaeger"];
  const list = typeof propagation === "string" ? propagation.split(",") : propagation;
  return [...new Set(list.map((one) => one.trim().toLowerCase()).filter((one) => one !== ""))];
}

function checkSampler({ type, param }: SamplerConfig, problems: ConfigProblems): void {
  const kind = SAMPLER_TYPES.find((one) => one === (type ?? "remote"));
  if (kind === undefined) {
    problems.add("sampler.type", type, SAMPLER_TYPES.join(", "));
    return;
  }
  const range = PARAM_RANGES[kind];
  const isGiven = param !== undefined;
  if (!isGiven && kind === "remote") return;
  if (!isGiven) problems.say("sampler.param", `must be given, ${range[2]} for ${kind}`);
  else if (kind === "const" && param !== 0 && param !== 1) {
    problems.add("sampler.param", param, range[2]);
  } else checkNumber(problems, "sampler.param", param, range);
}

function checkNumber(
  problems: ConfigProblems,
  field: string,
  value: unknown,
  [min, max, expected]: Range,
): void {
  if (value === undefined) return;
  if (typeof value === "number" && value >= min && value <= max) return;
  problems.add(field, value, expected);
}

function checkUrl(problems: ConfigProblems, field: string, value: unknown): void {
  if (value === undefined) return;
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return;
  problems.say(field, "is no URL of http or https"); // not shown: it may hold a password
}
