// OpenTelemetry's context over the client's: one of them is active, whichever of the two was used last.
//
//   with(context, run)    the context is kept beside the client's active span, and its span is that one
//   active()              what `with` was given last; with the client's active span, if that has changed
//
// Source: @opentelemetry/api 1.9, ContextManager.
// Not here: how the client keeps its active span (../active-span.ts).

import { AsyncLocalStorage } from "node:async_hooks";
import { EventEmitter } from "node:events";
import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Context, ContextManager } from "@opentelemetry/api";
import { activeSpan, runWithSpan } from "../active-span.ts";
import type { Span } from "../span.ts";
import { BridgeSpan } from "./bridge-span.ts";

interface Entered {
  readonly context: Context;
  readonly span: Span | undefined;
}

type AnyFunction = (this: unknown, ...args: readonly unknown[]) => unknown;

export class BridgeContextManager implements ContextManager {
  readonly #entered = new AsyncLocalStorage<Entered>();
  readonly #bound = new WeakSet<EventEmitter>();

  active(): Context {
    const entered = this.#entered.getStore();
    const context = entered?.context ?? ROOT_CONTEXT;
    const span = activeSpan();
    if (span === entered?.span) return context;
    return span === undefined
      ? trace.deleteSpan(context)
      : trace.setSpan(context, new BridgeSpan(span));
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    run: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const spanOfContext = trace.getSpan(context);
    const span = spanOfContext instanceof BridgeSpan ? spanOfContext.client : undefined;
    return this.#entered.run({ context, span }, () =>
      runWithSpan(span, () => run.call(thisArg, ...args)),
    );
  }

  /** A function runs, and the listeners of an emitter are called, in `context` from here on. */
  bind<T>(context: Context, target: T): T {
    if (target instanceof EventEmitter) {
      this.#bindEmitter(context, target);
      return target;
    }
    if (typeof target !== "function") return target;
    const run = target as unknown as AnyFunction;
    const enter = (thisArg: unknown, args: unknown[]): unknown =>
      this.with(context, run, thisArg, ...args);
    const bound = function bound(this: unknown, ...args: unknown[]): unknown {
      return enter(this, args);
    };
    Object.defineProperty(bound, "length", { configurable: true, value: run.length });
    return bound as T;
  }

  /** The first context stays: what is bound again has been handed on by the one who began it. */
  #bindEmitter(context: Context, emitter: EventEmitter): void {
    if (this.#bound.has(emitter)) return;
    this.#bound.add(emitter);
    const emit = emitter.emit.bind(emitter);
    const emitInside = (args: Parameters<EventEmitter["emit"]>): boolean =>
      this.with(context, () => emit(...args));
    emitter.emit = (...args: Parameters<EventEmitter["emit"]>): boolean => emitInside(args);
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#entered.disable();
    return this;
  }
}
