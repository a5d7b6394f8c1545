// The service of the chain: `node service.ts`, its tracer from the environment. It says its port, and ends when
// its standard input does.

import { setImmediate } from "node:timers/promises";
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { activeSpan, initTracerFromEnv } from "spoor/client";
import { openTracingServerInterceptor } from "spoor/client/grpc";
import { type Note, Notes } from "./methods.ts";

const tracer = initTracerFromEnv();

/** Work of the handler in a span of its own, after a wait, as behind a database. */
async function work(name: string): Promise<void> {
  await setImmediate();
  tracer.startActiveSpan(`store ${name}`, (span) => {
    span.setTag("tenant", span.getBaggageItem("tenant"));
    span.log({ event: "stored", name });
  });
}

const server = new Server({
  interceptors: [
    openTracingServerInterceptor({
      tracer,
      tagRequest: (request) => ({ "note.text": (request as Note).text }),
      logMessages: true,
    }),
  ],
});
server.addService(Notes.service, {
  async Put({ request }: ServerUnaryCall<Note, Note>, done: sendUnaryData<Note>) {
    await work("Put");
    done(null, request);
  },
  PutMany(call: ServerReadableStream<Note, Note>, done: sendUnaryData<Note>) {
    call.on("data", () => undefined);
    call.on("end", () => void work("PutMany").then(() => done(null, { text: "all" })));
  },
  async List(call: ServerWritableStream<Note, Note>) {
    await work("List");
    for (const text of ["one", "two"]) call.write({ text });
    call.end();
  },
  Chat(call: ServerDuplexStream<Note, Note>) {
    call.on("data", (note: Note) => call.write(note));
    call.on("end", () => void work("Chat").then(() => call.end()));
  },
  async Fail(_call: ServerUnaryCall<Note, Note>, done: sendUnaryData<Note>) {
    await work("Fail");
    activeSpan()?.setTag("is.bad", true);
    done({ code: status.INVALID_ARGUMENT, details: "no such note" });
  },
});
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${port}\n`);
});
process.stdin.on("end", () => server.tryShutdown(() => void tracer.close())).resume();
