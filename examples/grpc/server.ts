// A gRPC service with a span for each call, whatever its kind, and spans of its own below it.
//
//   JAEGER_SERVICE_NAME=catalog node server.ts [127.0.0.1:50051]

import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { activeSpan } from "spoor/client";
import { openTracingServerInterceptor } from "spoor/client/grpc";
import { Catalog, type Item, type ItemRequest, type Price } from "./catalog.ts";
import { newTracer } from "./tracer.ts";

const STOCK = new Map([
  ["7", { id: "7", name: "kettle", stock: 3 }],
  ["8", { id: "8", name: "toaster", stock: 0 }],
]);

const tracer = newTracer();
const server = new Server({ interceptors: [openTracingServerInterceptor({ tracer })] });

server.addService(Catalog.service, {
  getItem(call: ServerUnaryCall<ItemRequest, Item>, done: sendUnaryData<Item>) {
    // A child of the call's span, which is the active one.
    const item = tracer.startActiveSpan("read stock", (span) => {
      span.setTag("item.id", call.request.id);
      const found = STOCK.get(call.request.id);
      span.log({ event: found === undefined ? "not found" : "found" });
      return found;
    });
    if (item === undefined) done({ code: status.NOT_FOUND, details: "no such item" });
    else done(null, item);
  },

  watchPrices(call: ServerWritableStream<ItemRequest, Price>) {
    activeSpan()?.setTag("item.id", call.request.id);
    for (const cents of [1_990, 1_890, 2_090]) call.write({ cents });
    call.end();
  },
});

const at = process.argv[2] ?? "127.0.0.1:50051";
server.bindAsync(at, ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  console.log(`listening on 127.0.0.1:${port}`);
});

process.once("SIGTERM", () => {
  server.tryShutdown(() => void tracer.close());
});
