// The bridge to OpenTelemetry for those who have not loaded it by `spoor/client/opentelemetry`.
//
// A promise, as @opentelemetry/api is loaded only now: applications that have not installed it can use
// everything else. What is instrumented in the meantime reports from then on, too.
// Not here: the bridge (opentelemetry.ts).

import type { Tracer } from "./tracer.ts";

/**
 * Makes a client's tracer the OpenTelemetry tracer of this process.
 *
 * @param options without a tracer: the global one of `opentracing` at the time of each span.
 * @returns what takes it off again.
 * @throws SpoorError `bad-input` if another SDK has been registered before; Error if @opentelemetry/api
 *   is not installed.
 */
export async function registerOpenTelemetry(
  options: { readonly tracer?: Tracer } = {},
): Promise<{ unregister(): void }> {
  const { registerOpenTelemetry: register } = await import("./opentelemetry.ts");
  return register(options);
}
