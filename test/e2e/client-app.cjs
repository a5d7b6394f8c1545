// An application that is not a module: two spans of one trace, and one line on what became of them.
const { InMemoryReporter, initTracer } = require("spoor/client");
const { openTracingClientInterceptor } = require("spoor/client/grpc");

const reporter = new InMemoryReporter();
const sampler = { type: "const", param: 1 };
const tracer = initTracer({ serviceName: "script", sampler }, { reporter });
openTracingClientInterceptor({ tracer });
tracer.startActiveSpan("outer", (outer) => {
  tracer.startSpan("inner", { childOf: outer }).finish();
  outer.finish();
});
const traces = new Set(reporter.spans.map((span) => span.context().toTraceId()));
console.log(`${process.version} ${reporter.spans.length} spans, ${traces.size} trace`);
void tracer.close();
