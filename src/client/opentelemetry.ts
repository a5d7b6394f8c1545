// `spoor/client/opentelemetry`: what is instrumented for OpenTelemetry reports through this tracer.
//
//   instrumentation ─▶ @opentelemetry/api ─▶ provider ─▶ Tracer.startSpan ─▶ the client's reporter
//                                            context ──▶ the client's active span, both ways
//                                            propagation ─▶ the client's headers
//
// Source: @opentelemetry/api 1.9. It is the application's own package and is loaded only from here.
// Not here: what becomes of a span's parts (opentelemetry/bridge-span.ts), of its parent
// (bridge-tracer.ts), of the context (bridge-context.ts) and of headers (bridge-propagator.ts).

import { context, propagation, trace } from "@opentelemetry/api";
import type {
  ContextManager,
  TextMapPropagator,
  Tracer as ApiTracer,
  TracerProvider,
} from "@opentelemetry/api";
import { globalTracer } from "opentracing";
import { SpoorError } from "../base/errors.ts";
import { BridgeContextManager } from "./opentelemetry/bridge-context.ts";
import { BridgePropagator } from "./opentelemetry/bridge-propagator.ts";
import { BridgeTracer, type ClientTracer } from "./opentelemetry/bridge-tracer.ts";

export interface OpenTelemetryOptions {
  /** Without it: the global tracer of `opentracing` at the time of each span. */
  readonly tracer?: ClientTracer;
}

/** What has been registered, for whoever passes it to an instrumentation by hand. */
export interface OpenTelemetryBridge {
  readonly tracerProvider: TracerProvider;
  readonly contextManager: ContextManager;
  readonly propagator: TextMapPropagator;
  /** Takes all three off again; spans that are under way can still be ended. */
  unregister(): void;
}

/** Tracers that are remembered by name and version; instrumentations have one each. */
const TRACERS_MAX = 1_000;

/**
 * Makes a client's tracer the OpenTelemetry tracer of this process: spans of every instrumented
 * library go to its reporter, with the client's span as their parent and the other way round.
 *
 * @throws SpoorError `bad-input` if another SDK has been registered before.
 */
export function registerOpenTelemetry(options: OpenTelemetryOptions = {}): OpenTelemetryBridge {
  const findTracer = (): ClientTracer => options.tracer ?? (globalTracer() as ClientTracer);
  const tracerProvider = makeProvider(findTracer);
  const contextManager = new BridgeContextManager();
  const propagator = new BridgePropagator(findTracer);
  if (!trace.setGlobalTracerProvider(tracerProvider)) throw taken("tracer provider");
  if (!context.setGlobalContextManager(contextManager)) {
    trace.disable();
    throw taken("context manager");
  }
  if (!propagation.setGlobalPropagator(propagator)) {
    trace.disable();
    context.disable();
    throw taken("propagator");
  }
  const unregister = (): void => {
    trace.disable();
    context.disable();
    propagation.disable();
  };
  return { tracerProvider, contextManager, propagator, unregister };
}

function taken(what: string): SpoorError {
  return new SpoorError("bad-input", `OpenTelemetry has a ${what} already, expected none`);
}

function makeProvider(findTracer: () => ClientTracer): TracerProvider {
  const tracers = new Map<string, ApiTracer>();
  return {
    getTracer(name, version) {
      const key = `${name}@${version ?? ""}`;
      const known = tracers.get(key);
      if (known !== undefined) return known;
      const made = new BridgeTracer(findTracer, { name, version });
      if (tracers.size < TRACERS_MAX) tracers.set(key, made);
      return made;
    },
  };
}
