// A tracer from its configuration: sampler, reporter, propagation and all the rest put together.
//
//   TracerConfig + InitOptions ──▶ check ──▶ reporter, sampler, … ──▶ Tracer
//                                              └▶ global tracer · flush when the process ends
//
//   otlpEndpoint ──────▶ OTLP over HTTP        agentHost beside it: UDP, large spans by OTLP
//   collectorEndpoint ─▶ Jaeger thrift over HTTP
//   none ──────────────▶ UDP to the agent
//
// Source: jaeger-client 3.19 configuration.js (options, what wins).
// Not here: what values are allowed (config.ts), the environment (env.ts).

import { initGlobalTracer } from "opentracing";
import { SpoorError } from "../base/errors.ts";
import { type JaegerClientReporter, adaptReporter } from "./adapt-reporter.ts";
import { type BaggageRestrictions, RemoteBaggageRestrictions } from "./baggage-restrictions.ts";
import { type ClientMetrics, type MetricsFactory, makeClientMetrics } from "./client-metrics.ts";
import {
  ConfigProblems,
  type ReporterConfig,
  type SamplerConfig,
  type TracerConfig,
  checkConfig,
  listPropagation,
} from "./config.ts";
import { exitFlush } from "./flush-at-exit.ts";
import { type Codec, makeCodecs } from "./propagation/codec.ts";
import type { Propagation } from "./propagation/header-formats.ts";
import { NoopReporter, type Reporter } from "./reporter.ts";
import { CompositeReporter } from "./reporters/composite-reporter.ts";
import { makeHttpReporter } from "./reporters/http-reporter.ts";
import { LoggingReporter } from "./reporters/logging-reporter.ts";
import { makeOtlpReporter } from "./reporters/otlp-reporter.ts";
import { UdpReporter } from "./reporters/udp-reporter.ts";
import { RpcMetricsObserver } from "./rpc-metrics.ts";
import type { Sampler } from "./sampler.ts";
import { ConstSampler } from "./samplers/const-sampler.ts";
import { ProbabilisticSampler } from "./samplers/probabilistic-sampler.ts";
import { RateLimitingSampler } from "./samplers/rate-limiting-sampler.ts";
import { RemoteSampler } from "./samplers/remote-sampler.ts";
import { RemoteThrottler, type Throttler } from "./throttler.ts";
import { type Logger, Tracer, type TracerOptions } from "./tracer.ts";

export interface InitOptions {
  /** Instead of the one that the configuration describes. */
  readonly reporter?: Reporter | JaegerClientReporter | undefined;
  readonly sampler?: Sampler | undefined;
  readonly throttler?: Throttler | undefined;
  readonly baggageRestrictionManager?: BaggageRestrictions | undefined;
  readonly metrics?: MetricsFactory | undefined;
  readonly logger?: Logger | undefined;
  /** Of the process. */
  readonly tags?: Readonly<Record<string, unknown>> | undefined;
  /** Header instead of `uber-trace-id`. */
  readonly contextKey?: string | undefined;
  /** Instead of `uberctx-`. */
  readonly baggagePrefix?: string | undefined;
  /** By format of OpenTracing, instead of what `propagation` says. */
  readonly injectors?: Readonly<Record<string, Pick<Codec, "inject">>> | undefined;
  readonly extractors?: Readonly<Record<string, Pick<Codec, "extract">>> | undefined;
  readonly traceId128bit?: boolean | undefined;
  /** A span with `span.kind` = `server` takes the id of its client's span. */
  readonly shareRpcSpan?: boolean | undefined;
  /** The same. */
  readonly shareSpanId?: boolean | undefined;
  /**
   * Whether it becomes the global tracer of `opentracing`; if that is not said, the first one does,
   * and the next one after that has been closed.
   */
  readonly global?: boolean | undefined;
  /** false: nothing is done when the process ends; `tracer.close()` is then up to the application. */
  readonly flushAtExit?: boolean | undefined;
}

const INITIAL_SAMPLING_RATE = 0.001;
const BINARY_PORT = 6_832;

/** The one that this library has made the global one. */
let globalOne: Tracer | undefined;

/**
 * Makes a tracer, and the global one of it.
 *
 * @throws SpoorError `bad-input` that names every value that is wrong.
 */
export function initTracer(config: TracerConfig, options: InitOptions = {}): Tracer {
  return openTracer(config, options, new ConfigProblems());
}

/** @param problems already found with the values, and how their fields are called. */
export function openTracer(
  config: TracerConfig,
  options: InitOptions,
  problems: ConfigProblems,
): Tracer {
  const tracer =
    config.disable === true ? makeDisabled(config) : makeTracer(config, options, problems);
  const isWanted = options.global ?? (globalOne === undefined || globalOne.isClosed);
  if (isWanted) {
    globalOne = tracer;
    initGlobalTracer(tracer);
  }
  if (options.flushAtExit !== false && config.disable !== true) flushAtExit(tracer);
  return tracer;
}

function flushAtExit(tracer: Tracer): void {
  exitFlush.add(tracer);
  tracer._onClose(() => exitFlush.remove(tracer));
}

/** Does nothing, carries nothing: spans of others pass by the service. */
function makeDisabled({ serviceName }: TracerConfig): Tracer {
  return new Tracer(serviceName ?? "", new NoopReporter(), new ConstSampler(false), {
    isDisabled: true,
  });
}

function makeTracer(config: TracerConfig, options: InitOptions, problems: ConfigProblems): Tracer {
  checkConfig(config, problems);
  if (options.reporter !== undefined && typeof options.reporter?.report !== "function") {
    problems.say("options.reporter", "is no reporter, it must have report(span)");
  }
  problems.throwIfAny();
  const serviceName = config.serviceName ?? "";
  const { logger } = options;
  const metrics = makeClientMetrics(options.metrics);
  const parts: Parts = { serviceName, metrics, logger };
  const reporter =
    options.reporter === undefined
      ? makeReporter(config.reporter ?? {}, parts)
      : adaptReporter(options.reporter);
  const sampler = options.sampler ?? makeSampler(config.sampler ?? {}, parts);
  const tracer = new Tracer(serviceName, reporter, sampler, {
    ...makeParts(config, options, parts),
    metrics,
    logger,
    tags: { ...config.tags, ...options.tags },
    traceId128bit: options.traceId128bit ?? config.traceId128bit,
    shareRpcSpan: options.shareRpcSpan ?? options.shareSpanId,
  });
  for (const [format, injector] of Object.entries(options.injectors ?? {})) {
    tracer.registerInjector(format, injector);
  }
  for (const [format, extractor] of Object.entries(options.extractors ?? {})) {
    tracer.registerExtractor(format, extractor);
  }
  logger?.info(`Initializing Spoor tracer with ${reporter.toString()} and ${sampler.toString()}`);
  return tracer;
}

/** What several parts need. */
interface Parts {
  readonly serviceName: string;
  readonly metrics: ClientMetrics;
  readonly logger: Logger | undefined;
}

function makeParts(config: TracerConfig, options: InitOptions, parts: Parts): TracerOptions {
  const { serviceName, metrics, logger } = parts;
  const { throttler, baggageRestrictions: restrictions } = config;
  const { refreshIntervalMs, ...restrictionPlace } = restrictions ?? {};
  return {
    codecs: {
      ...makeCodecs({
        propagation: listPropagation(config) as readonly Propagation[],
        contextKey: options.contextKey,
        baggagePrefix: options.baggagePrefix,
        onGarbage: () => metrics.decodingErrors.increment(),
      }),
    },
    debugThrottler:
      options.throttler ??
      (throttler && new RemoteThrottler(serviceName, { ...throttler, metrics, logger })),
    baggageRestrictions:
      options.baggageRestrictionManager ??
      (restrictions &&
        new RemoteBaggageRestrictions(serviceName, {
          ...restrictionPlace,
          refreshInterval: refreshIntervalMs,
          metrics,
          logger,
        })),
    observer:
      config.rpcMetrics === true && options.metrics !== undefined
        ? new RpcMetricsObserver(options.metrics)
        : undefined,
  };
}

function makeSampler(config: SamplerConfig, { serviceName, metrics, logger }: Parts): Sampler {
  const { type = "remote", param = INITIAL_SAMPLING_RATE } = config;
  switch (type) {
    case "const":
      return new ConstSampler(param === 1);
    case "probabilistic":
      return new ProbabilisticSampler(param);
    case "ratelimiting":
      return new RateLimitingSampler(param);
    default: {
      const { endpoint, hostPort, host, port, samplingPath, maxOperations } = config;
      return new RemoteSampler(serviceName, {
        endpoint,
        hostPort,
        host,
        port,
        samplingPath,
        maxOperations,
        refreshInterval: config.refreshIntervalMs,
        sampler: new ProbabilisticSampler(param),
        metrics,
        logger,
      });
    }
  }
}

function makeReporter(config: ReporterConfig, { metrics, logger }: Parts): Reporter {
  const { flushIntervalMs, maxQueueSize, timeoutMs, headers, username, password } = config;
  const queue = { flushIntervalMs, maxQueueSize, metrics, logger };
  const http = { ...queue, timeoutMs, headers, username, password, token: config.authToken };
  const { otlpEndpoint, collectorEndpoint, agentHost, agentPort } = config;
  const remote = makeRemote();
  return config.logSpans === true
    ? new CompositeReporter([new LoggingReporter(logger), remote])
    : remote;

  function makeRemote(): Reporter {
    try {
      if (collectorEndpoint !== undefined) {
        return makeHttpReporter({ ...http, endpoint: collectorEndpoint });
      }
      const otlp = otlpEndpoint && makeOtlpReporter({ ...http, endpoint: otlpEndpoint });
      if (otlp && agentHost === undefined && agentPort === undefined) return otlp;
      return new UdpReporter({
        ...queue,
        host: agentHost,
        port: agentPort,
        protocol: agentPort === BINARY_PORT ? "binary" : "compact",
        largeSpans: otlp || undefined,
      });
    } catch (error) {
      if (error instanceof SpoorError) throw error;
      throw new SpoorError("bad-input", `reporter: ${String(error)}`, {}, error);
    }
  }
}
