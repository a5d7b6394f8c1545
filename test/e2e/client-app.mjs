// An application that is a module: two spans of one trace, and one line on what became of them.
import { InMemoryReporter, initTracer } from "spoor/client";
import { openTracingClientInterceptor } from "spoor/client/grpc";

const reporter = new InMemoryReporter();
const sampler = { type: "const", param: 1 };
const tracer = initTracer({ serviceName: "module", sampler }, { reporter });
openTracingClientInterceptor({ tracer });
tracer.startActiveSpan("outer", (outer) => {
  tracer.startSpan("inner", { childOf: outer }).finish();
  outer.finish();
});
const traces = new Set(reporter.spans.map((span) => span.context().toTraceId()));
console.log(`${process.version} ${reporter.spans.length} spans, ${traces.size} trace`);
await tracer.close();
