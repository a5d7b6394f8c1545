// A tracer from the environment: what operators of Jaeger's clients, and of OpenTelemetry's, write.
//
//   config given by the program ─ wins over ─▶ JAEGER_* ─ wins over ─▶ OTEL_* that mean the same
//
// A variable that is empty counts as not set. A value that makes no sense is an error that names the
// variable; all of them are in one error, so that they can be mended at once.
//
// Source: jaeger-client 3.19 configuration_env.js, jaeger-client-go 2.30 config_env.go (names, durations);
// OpenTelemetry specification, SDK environment variables.
// Not here: what values are allowed (config.ts), what is made of them (init-tracer.ts).

import { parseDurationMs } from "../base/duration.ts";
import {
  ConfigProblems,
  type ReporterConfig,
  SAMPLER_TYPES,
  type SamplerConfig,
  type TracerConfig,
} from "./config.ts";
import { type Environment, parseJaegerTags, parseOtelPairs } from "./env-pairs.ts";
import { type InitOptions, openTracer } from "./init-tracer.ts";
import type { Tracer } from "./tracer.ts";

export interface EnvOptions extends InitOptions {
  /** Instead of the process' own. */
  readonly env?: Environment | undefined;
}

/**
 * Makes a tracer as the environment says, and the global one of it. What `config` says wins.
 *
 * @throws SpoorError `bad-input` that names every variable and field that is wrong.
 */
export function initTracerFromEnv(config: TracerConfig = {}, options: EnvOptions = {}): Tracer {
  const variables = new Variables(options.env ?? process.env, options);
  const merged = variables.mergeInto(config);
  return openTracer(merged, options, variables.problems);
}

/**
 * What `env` and `config` say together; `config` wins, field by field.
 *
 * @throws SpoorError `bad-input` for values of `env` that cannot be read
 */
export function readEnvironment(config: TracerConfig, env: Environment): TracerConfig {
  const variables = new Variables(env, {});
  const merged = variables.mergeInto(config);
  variables.problems.throwIfAny();
  return merged;
}

/** JAEGER_… of old, with what it is called now. */
const RENAMED: Readonly<Record<string, string>> = {
  JAEGER_SAMPLER_HOST: "JAEGER_SAMPLER_MANAGER_HOST_PORT",
  JAEGER_SAMPLER_PORT: "JAEGER_SAMPLER_MANAGER_HOST_PORT",
  JAEGER_REPORTER_ENDPOINT: "JAEGER_ENDPOINT",
  JAEGER_REPORTER_USER: "JAEGER_USER",
  JAEGER_REPORTER_PASSWORD: "JAEGER_PASSWORD",
  JAEGER_REPORTER_AGENT_HOST: "JAEGER_AGENT_HOST",
  JAEGER_REPORTER_AGENT_PORT: "JAEGER_AGENT_PORT",
  JAEGER_DISABLE: "JAEGER_DISABLED",
};

/** OTEL_TRACES_SAMPLER; that the parent decides is what this tracer always does. */
const OTEL_SAMPLERS: ReadonlyMap<string, SamplerConfig> = new Map([
  ["always_on", { type: "const", param: 1 }],
  ["always_off", { type: "const", param: 0 }],
  ["traceidratio", { type: "probabilistic" }],
  ["jaeger_remote", { type: "remote" }],
]);

/** OTEL_PROPAGATORS; undefined: said by another one of them. */
const OTEL_PROPAGATORS: ReadonlyMap<string, string> = new Map([
  ["tracecontext", "w3c"],
  ["baggage", "w3c"],
  ["jaeger", "jaeger"],
  ["b3multi", "b3"],
  ["b3", "b3-single"],
]);

const PLACES = ["agentHost", "collectorEndpoint", "otlpEndpoint"] as const;

/**
 * Kubernetes sets JAEGER_AGENT_PORT to this where a Service is called jaeger-agent; nobody means it.
 * Source: kubernetes.io, Service, environment variables.
 */
const SERVICE_LINK = /^(?:tcp|udp):\/\//;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

class Variables {
  readonly problems: ConfigProblems;
  readonly #env: Environment;
  readonly #called = new Map<string, string>();

  constructor(env: Environment, { logger }: InitOptions) {
    this.#env = env;
    this.problems = new ConfigProblems(this.#called);
    for (const [old, name] of Object.entries(RENAMED)) {
      if (env[old]) logger?.info(`${old} is now called ${name}`);
    }
  }

  mergeInto(config: TracerConfig): TracerConfig {
    const attributes = this.#pairs("OTEL_RESOURCE_ATTRIBUTES", parseOtelPairs);
    const { "service.name": otelName, ...otelTags } = attributes;
    const jaegerTags = this.#pairs("JAEGER_TAGS", (text) => parseJaegerTags(text, this.#env));
    const isDisabled = this.#truth(
      "disable",
      "JAEGER_DISABLED",
      "JAEGER_DISABLE",
      "OTEL_SDK_DISABLED",
    );
    const merged: Mutable<TracerConfig> = {
      ...dropUndefined({
        serviceName:
          this.#text("serviceName", "JAEGER_SERVICE_NAME", "OTEL_SERVICE_NAME") ?? otelName,
        disable: isDisabled,
        propagation: this.#propagation(),
        traceId128bit: this.#truth("traceId128bit", "JAEGER_TRACEID_128BIT"),
        rpcMetrics: this.#truth("rpcMetrics", "JAEGER_RPC_METRICS"),
      }),
      ...dropUndefined({ ...config, serviceName: config.serviceName || undefined }),
      tags: { ...otelTags, ...jaegerTags, ...config.tags },
    };
    this.#called.set("serviceName", "serviceName (JAEGER_SERVICE_NAME)");
    // Operators can switch off what a program has only not switched off itself.
    if (isDisabled) merged.disable = true;
    const sampler = { ...this.#sampler(), ...dropUndefined(config.sampler ?? {}) };
    if (Object.keys(sampler).length > 0) merged.sampler = sampler;
    const reporter = this.#reporter(config.reporter ?? {});
    if (Object.keys(reporter).length > 0) merged.reporter = reporter;
    return merged;
  }

  #sampler(): SamplerConfig {
    const type = this.#text("sampler.type", "JAEGER_SAMPLER_TYPE")?.toLowerCase();
    const otel = type === undefined ? this.#otelSampler() : {};
    return dropUndefined({
      ...otel,
      type: type ?? otel.type,
      param: this.#number("sampler.param", "JAEGER_SAMPLER_PARAM") ?? otel.param,
      endpoint: this.#text("sampler.endpoint", "JAEGER_SAMPLING_ENDPOINT") ?? otel.endpoint,
      hostPort: this.#text("sampler.hostPort", "JAEGER_SAMPLER_MANAGER_HOST_PORT"),
      host: this.#text("sampler.host", "JAEGER_SAMPLER_HOST"),
      port: this.#number("sampler.port", "JAEGER_SAMPLER_PORT"),
      samplingPath: this.#text("sampler.samplingPath", "JAEGER_SAMPLER_SAMPLING_PATH"),
      maxOperations: this.#number("sampler.maxOperations", "JAEGER_SAMPLER_MAX_OPERATIONS"),
      refreshIntervalMs:
        this.#duration("sampler.refreshIntervalMs", "JAEGER_SAMPLER_REFRESH_INTERVAL") ??
        otel.refreshIntervalMs,
    });
  }

  #otelSampler(): SamplerConfig {
    const said = this.#text("sampler.type", "OTEL_TRACES_SAMPLER");
    if (said === undefined) return {};
    const sampler = OTEL_SAMPLERS.get(said.toLowerCase().replace(/^parentbased_/, ""));
    if (sampler === undefined) {
      this.problems.add("sampler.type", said, [...OTEL_SAMPLERS.keys()].join(", "));
      return { type: SAMPLER_TYPES[0], param: 0 };
    }
    if (sampler.type === "remote") {
      const { endpoint, initialSamplingRate, pollingIntervalMs } = this.#pairs(
        "OTEL_TRACES_SAMPLER_ARG",
        parseOtelPairs,
      );
      return {
        ...sampler,
        endpoint,
        param: this.#parseNumber("sampler.param", initialSamplingRate),
        refreshIntervalMs: this.#parseNumber("sampler.refreshIntervalMs", pollingIntervalMs),
      };
    }
    if (sampler.type !== "probabilistic") return sampler;
    return { ...sampler, param: this.#number("sampler.param", "OTEL_TRACES_SAMPLER_ARG") ?? 1 };
  }

  #reporter(config: ReporterConfig): ReporterConfig {
    const timeoutMs =
      this.#duration("reporter.timeoutMs", "JAEGER_REPORTER_TIMEOUT") ??
      this.#duration(
        "reporter.timeoutMs",
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
      );
    const env: ReporterConfig = dropUndefined({
      logSpans: this.#truth("reporter.logSpans", "JAEGER_REPORTER_LOG_SPANS"),
      agentHost: this.#text(
        "reporter.agentHost",
        "JAEGER_AGENT_HOST",
        "JAEGER_REPORTER_AGENT_HOST",
      ),
      agentPort: this.#number(
        "reporter.agentPort",
        "JAEGER_AGENT_PORT",
        "JAEGER_REPORTER_AGENT_PORT",
      ),
      agentSocketType: this.#text("reporter.agentSocketType", "JAEGER_AGENT_SOCKET_TYPE"),
      collectorEndpoint: this.#text(
        "reporter.collectorEndpoint",
        "JAEGER_ENDPOINT",
        "JAEGER_REPORTER_ENDPOINT",
      ),
      username: this.#text("reporter.username", "JAEGER_USER", "JAEGER_REPORTER_USER"),
      password: this.#text("reporter.password", "JAEGER_PASSWORD", "JAEGER_REPORTER_PASSWORD"),
      authToken: this.#text("reporter.authToken", "JAEGER_AUTH_TOKEN"),
      flushIntervalMs: this.#duration(
        "reporter.flushIntervalMs",
        "JAEGER_REPORTER_FLUSH_INTERVAL",
        "OTEL_BSP_SCHEDULE_DELAY",
      ),
      maxQueueSize: this.#number(
        "reporter.maxQueueSize",
        "JAEGER_REPORTER_MAX_QUEUE_SIZE",
        "OTEL_BSP_MAX_QUEUE_SIZE",
      ),
      timeoutMs,
      ...this.#otlp(),
    });
    // A place that the program names is not overruled by another one of the environment.
    const isPlaced = PLACES.some((field) => config[field] !== undefined);
    const places = isPlaced
      ? { agentHost: undefined, collectorEndpoint: undefined, otlpEndpoint: undefined }
      : {};
    return dropUndefined({ ...env, ...places, ...dropUndefined(config) });
  }

  #otlp(): ReporterConfig {
    const field = "reporter.otlpEndpoint";
    const traces = this.#text(field, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    const base =
      traces === undefined ? this.#text(field, "OTEL_EXPORTER_OTLP_ENDPOINT") : undefined;
    const otlpEndpoint = traces ?? (base && `${base.replace(/\/+$/, "")}/v1/traces`);
    if (otlpEndpoint === undefined) return {};
    const protocol = this.#text(
      "protocol",
      "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
      "OTEL_EXPORTER_OTLP_PROTOCOL",
    );
    if (protocol !== undefined && !protocol.startsWith("http/")) {
      this.problems.add("protocol", protocol, "http/protobuf, with the collector's port 4318");
    }
    const headers = {
      ...this.#pairs("OTEL_EXPORTER_OTLP_HEADERS", parseOtelPairs),
      ...this.#pairs("OTEL_EXPORTER_OTLP_TRACES_HEADERS", parseOtelPairs),
    };
    return { otlpEndpoint, headers };
  }

  #propagation(): readonly string[] | undefined {
    const jaeger = this.#text("propagation", "JAEGER_PROPAGATION");
    if (jaeger !== undefined) return jaeger.split(",");
    const said = this.#text("propagation", "OTEL_PROPAGATORS");
    if (said === undefined) return undefined;
    const list: string[] = [];
    for (const one of said.split(",").map((part) => part.trim())) {
      const known = OTEL_PROPAGATORS.get(one);
      if (known !== undefined) list.push(known);
      else if (one !== "none") {
        this.problems.add("propagation", one, [...OTEL_PROPAGATORS.keys(), "none"].join(", "));
      }
    }
    return list;
  }

  /** The first that is set and not empty; errors about `field` are said of it. */
  #text(field: string, ...names: readonly string[]): string | undefined {
    for (const name of names) {
      const text = this.#env[name]?.trim();
      if (text === undefined || text === "" || SERVICE_LINK.test(text)) continue;
      this.#called.set(field, name);
      return text;
    }
    return undefined;
  }

  #number(field: string, ...names: readonly string[]): number | undefined {
    return this.#parseNumber(field, this.#text(field, ...names));
  }

  #parseNumber(field: string, text: string | undefined): number | undefined {
    if (text === undefined) return undefined;
    const number = Number(text);
    if (Number.isFinite(number)) return number;
    this.problems.add(field, text, "a number");
    return undefined;
  }

  /** Milliseconds, or with a unit as in Go. */
  #duration(field: string, ...names: readonly string[]): number | undefined {
    const text = this.#text(field, ...names);
    if (text === undefined) return undefined;
    if (/^\d+$/.test(text)) return Number(text);
    try {
      return parseDurationMs(text);
    } catch {
      this.problems.add(field, text, "milliseconds, or a duration such as 1s or 500ms");
      return undefined;
    }
  }

  #truth(field: string, ...names: readonly string[]): boolean | undefined {
    const text = this.#text(field, ...names);
    if (text === undefined) return undefined;
    if (/^(?:true|t|1)$/i.test(text)) return true;
    if (!/^(?:false|f|0)$/i.test(text)) this.problems.add(field, text, "true or false");
    return false;
  }

  #pairs(
    name: string,
    parse: (text: string) => Readonly<Record<string, string>>,
  ): Readonly<Record<string, string>> {
    const text = this.#text(name, name);
    try {
      return text === undefined ? {} : parse(text);
    } catch {
      this.problems.say(name, "has a part that is not name=value"); // not shown: headers are secret
      return {};
    }
  }
}

function dropUndefined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
