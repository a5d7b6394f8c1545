// An Express service: a span for each request, child of the caller's, active in all that the request does.
//
//   JAEGER_SERVICE_NAME=orders node service.js [8080]

import express from "express";
import { activeSpan, initTracerFromEnv, opentracing, runWithSpan } from "spoor/client";

const { FORMAT_HTTP_HEADERS, Tags } = opentracing;

const tracer = initTracerFromEnv();

/** Middleware: to be used before all others. */
function traceRequests(request, response, next) {
  const parent = tracer.extract(FORMAT_HTTP_HEADERS, request.headers);
  const span = tracer.startSpan(request.method, {
    childOf: parent ?? undefined,
    tags: {
      [Tags.SPAN_KIND]: Tags.SPAN_KIND_RPC_SERVER,
      [Tags.HTTP_METHOD]: request.method,
      [Tags.HTTP_URL]: request.originalUrl,
    },
  });
  response.once("close", () => {
    span.setOperationName(`${request.method} ${request.route?.path ?? "unknown route"}`);
    span.setTag(Tags.HTTP_STATUS_CODE, response.statusCode);
    if (response.statusCode >= 500) span.setTag(Tags.ERROR, true);
    span.finish();
  });
  runWithSpan(span, next);
}

/** Headers for a call to the next service, so that it goes on with this trace. */
function headersForCall() {
  const headers = {};
  const span = activeSpan();
  if (span !== undefined) tracer.inject(span, FORMAT_HTTP_HEADERS, headers);
  return headers;
}

const app = express();
app.use(traceRequests);

app.get("/orders/:id", async (request, response) => {
  activeSpan()?.setTag("order.id", request.params.id);
  const { port } = server.address();
  const answer = await fetch(`http://127.0.0.1:${port}/stock/7`, { headers: headersForCall() });
  response.json({ id: request.params.id, stock: await answer.json() });
});

app.get("/stock/:item", async (request, response) => {
  const stock = await tracer.startActiveSpan("read stock", async (span) => {
    span.log({ event: "read", item: request.params.item });
    return 3;
  });
  response.json(stock);
});

const server = app.listen(Number(process.argv[2] ?? 8080), "127.0.0.1", () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});

process.once("SIGTERM", () => {
  server.close(() => void tracer.close());
});
