// A program as it was written for jaeger-client.

const { initTracerFromEnv, opentracing } = require("jaeger-client");

const { FORMAT_TEXT_MAP, Tags } = opentracing;

const config = { serviceName: "billing", sampler: { type: "const", param: 1 } };
const options = { tags: { "billing.version": "1.4.2" } };
const tracer = initTracerFromEnv(config, options);

const invoice = tracer.startSpan("make invoice", { tags: { "customer.id": "c-7" } });
invoice.setBaggageItem("tenant", "north");

// A message that another process may answer later.
const message = {};
tracer.inject(invoice, FORMAT_TEXT_MAP, message);
const parent = tracer.extract(FORMAT_TEXT_MAP, message);

const print = tracer.startSpan("print", { childOf: parent });
print.setTag("tenant", print.getBaggageItem("tenant"));
print.setTag(Tags.ERROR, true);
print.log({ event: "error", message: "out of paper" });
print.finish();
invoice.finish();

tracer.close(() => console.log(invoice.context().traceIdStr));
