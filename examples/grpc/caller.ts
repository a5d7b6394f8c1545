// Calls the service, once for an answer and once for a stream, both within one trace.
//
//   JAEGER_SERVICE_NAME=caller node caller.ts [127.0.0.1:50051]

import { type ClientReadableStream, type ServiceError, credentials } from "@grpc/grpc-js";
import { openTracingClientInterceptor } from "spoor/client/grpc";
import { Catalog, type Item, type ItemRequest, type Price } from "./catalog.ts";
import { newTracer } from "./tracer.ts";

interface CatalogClient {
  getItem(request: ItemRequest, done: (error: ServiceError | null, item?: Item) => void): void;
  watchPrices(request: ItemRequest): ClientReadableStream<Price>;
  close(): void;
}

const tracer = newTracer();
const client = new Catalog(process.argv[2] ?? "127.0.0.1:50051", credentials.createInsecure(), {
  interceptors: [openTracingClientInterceptor({ tracer })],
}) as unknown as CatalogClient;

function getItem(id: string): Promise<Item | undefined> {
  return new Promise((resolve, reject) => {
    client.getItem({ id }, (error, item) => {
      if (error === null) resolve(item);
      else reject(error);
    });
  });
}

await tracer.startActiveSpan("look around", async () => {
  // What is called in here, also after an await, is a child of this span; it ends with the function.
  const item = await getItem("7");
  console.log(`${item?.name}: ${item?.stock} left`);
  await getItem("9").catch((error: ServiceError) => console.log(error.details));
  for await (const { cents } of client.watchPrices({ id: "7" }) as AsyncIterable<Price>) {
    console.log(`now ${(cents / 100).toFixed(2)}`);
  }
});

client.close();
await tracer.close();
