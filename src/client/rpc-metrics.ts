// How the service's own calls go: counted when their spans end, sampled or not.
//
//   span with span.kind=server ─ finish ─▶ jaeger_rpc_requests_total{endpoint,error}
//                                          jaeger_rpc_request_latency{endpoint,error}
//                                          jaeger_rpc_http_requests_total{endpoint,status_code="2xx"}
//
// An endpoint is an operation with only [a-zA-Z0-9-_/.] in it, other characters as `-`. The first 200 have
// figures of their own; from then on new ones are together `other`.
//
// Source: jaeger-client-go 2.30, rpcmetrics, with the names that jaeger-lib makes of them for Prometheus,
// so that its dashboards show these services, too.

import {
  type Counter,
  type MetricTags,
  type MetricsFactory,
  type Timer,
  guardCounter,
  guardTimer,
} from "./client-metrics.ts";

/** As jaeger-client-go: each is eight series and a dozen buckets. */
const ENDPOINTS_MAX = 200;
/** A longer name is no endpoint's but data. */
const ENDPOINT_CHARS_MAX = 256;
const OTHER = "other";

/** Sees every span start. */
export interface SpanObserver {
  /** @param tags that it starts with. @returns what wants to see its life; undefined: nothing does. */
  startSpan(operation: string, tags?: Readonly<Record<string, unknown>>): ObservedSpan | undefined;
}

/** Sees one span's changes and its end; no method throws. */
export interface ObservedSpan {
  setOperationName(operation: string): void;
  setTag(key: string, value: unknown): void;
  finish(durationMs: number): void;
}

interface EndpointMetrics {
  readonly ok: Counter;
  readonly failed: Counter;
  readonly okLatency: Timer;
  readonly failedLatency: Timer;
  /** By the first digit of the status: 2 to 5. */
  readonly http: readonly (Counter | undefined)[];
}

export class RpcMetricsObserver implements SpanObserver {
  readonly #factory: MetricsFactory;
  readonly #endpointsMax: number;
  /** By operation, as it is written. */
  readonly #byOperation = new Map<string, EndpointMetrics>();
  readonly #byEndpoint = new Map<string, EndpointMetrics>();

  constructor(factory: MetricsFactory, endpointsMax = ENDPOINTS_MAX) {
    this.#factory = factory;
    this.#endpointsMax = endpointsMax;
  }

  startSpan(operation: string, tags?: Readonly<Record<string, unknown>>): ObservedSpan {
    const span = new ObservedCall(this, operation);
    if (typeof tags !== "object" || tags === null) return span;
    try {
      for (const key of SEEN_TAGS) span.setTag(key, tags[key]);
    } catch {
      // A getter of the application's; the tracer counts it when it takes the tags.
    }
    return span;
  }

  /** Counts one call. @param status of HTTP; 0: there is none. */
  count(operation: string, isError: boolean, status: number, durationMs: number): void {
    const endpoint = this.#endpoint(operation);
    (isError ? endpoint.failed : endpoint.ok).increment();
    (isError ? endpoint.failedLatency : endpoint.okLatency).record(durationMs);
    endpoint.http[Math.trunc(status / 100)]?.increment();
  }

  #endpoint(operation: string): EndpointMetrics {
    const known = this.#byOperation.get(operation);
    if (known !== undefined) return known;
    if (operation.length > ENDPOINT_CHARS_MAX || this.#byOperation.size >= this.#endpointsMax) {
      return this.#make(OTHER);
    }
    const made = this.#make(operation.replaceAll(/[^\w\-/.]/g, "-"));
    this.#byOperation.set(operation, made);
    return made;
  }

  /** Two operations may be one endpoint. */
  #make(endpoint: string): EndpointMetrics {
    const known = this.#byEndpoint.get(endpoint);
    if (known !== undefined) return known;
    const made = makeEndpointMetrics(this.#factory, endpoint);
    this.#byEndpoint.set(endpoint, made);
    return made;
  }
}

function makeEndpointMetrics(factory: MetricsFactory, endpoint: string): EndpointMetrics {
  const tagged = (more: MetricTags): MetricTags => ({ component: "jaeger", endpoint, ...more });
  const counter = (name: string, tags: MetricTags): Counter => {
    try {
      return guardCounter(factory.createCounter(name, tagged(tags)));
    } catch {
      return { increment() {} }; // as with counters that throw: the count is lost, not the call
    }
  };
  const latency = (error: string): Timer => {
    try {
      return guardTimer(factory.createTimer?.("jaeger_rpc_request_latency", tagged({ error })));
    } catch {
      return { record() {} };
    }
  };
  const http = (status_code: string): Counter =>
    counter("jaeger_rpc_http_requests_total", { status_code });
  return {
    ok: counter("jaeger_rpc_requests_total", { error: "false" }),
    failed: counter("jaeger_rpc_requests_total", { error: "true" }),
    okLatency: latency("false"),
    failedLatency: latency("true"),
    http: [undefined, undefined, http("2xx"), http("3xx"), http("4xx"), http("5xx")],
  };
}

const SPAN_KIND = "span.kind";
const STATUS = "http.status_code";
const ERROR = "error";
const SEEN_TAGS = [SPAN_KIND, STATUS, ERROR];

class ObservedCall implements ObservedSpan {
  readonly #observer: RpcMetricsObserver;
  #operation: string;
  #isServer = false;
  #isError = false;
  #status = 0;

  constructor(observer: RpcMetricsObserver, operation: string) {
    this.#observer = observer;
    this.#operation = operation;
  }

  setOperationName(operation: string): void {
    this.#operation = operation;
  }

  setTag(key: string, value: unknown): void {
    if (key === SPAN_KIND) {
      if (value === "server" || value === "client") this.#isServer = value === "server";
    } else if (key === ERROR) {
      if (typeof value === "boolean" || value === "true" || value === "false") {
        this.#isError = value === true || value === "true";
      }
    } else if (key === STATUS && (typeof value === "number" || typeof value === "string")) {
      this.#status = Number(value) || 0;
    }
  }

  finish(durationMs: number): void {
    if (!this.#isServer || this.#operation === "") return;
    this.#observer.count(this.#operation, this.#isError, this.#status, durationMs);
  }
}
