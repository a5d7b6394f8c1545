// The caller of the chain: `node caller.ts PORT`, its tracer from the environment. It calls every method in one
// trace and says the trace's id.

import { type Client, credentials } from "@grpc/grpc-js";
import { initTracerFromEnv } from "spoor/client";
import { openTracingClientInterceptor } from "spoor/client/grpc";
import { type Note, Notes } from "./methods.ts";

type Done = (error: Error | null, note?: Note) => void;
interface Writing {
  write(note: Note): void;
  end(): void;
}
type Reading = AsyncIterable<Note>;

interface NotesClient extends Client {
  Put(note: Note, done: Done): void;
  PutMany(done: Done): Writing;
  List(note: Note): Reading;
  Chat(): Reading & Writing;
  Fail(note: Note, done: Done): void;
}

const tracer = initTracerFromEnv();
const client = new Notes(`127.0.0.1:${process.argv[2]}`, credentials.createInsecure(), {
  interceptors: [openTracingClientInterceptor({ tracer })],
}) as unknown as NotesClient;

const answer = (call: (done: Done) => void): Promise<string> =>
  new Promise((resolve) => {
    call((error, note) => resolve(error?.message ?? note?.text ?? ""));
  });

async function count(notes: Reading): Promise<number> {
  let seen = 0;
  for await (const note of notes) if (note.text !== "") seen++;
  return seen;
}

await tracer.startActiveSpan("visit", async (span) => {
  span.setBaggageItem("tenant", "north");
  span.log({ event: "put", text: await answer((done) => client.Put({ text: "put" }, done)) });
  const many = await answer((done) => {
    const writing = client.PutMany(done);
    for (const text of ["first", "second"]) writing.write({ text });
    writing.end();
  });
  span.log({ event: "put many", text: many });
  span.setTag("listed", await count(client.List({ text: "list" })));
  const chat = client.Chat();
  chat.write({ text: "hello" });
  chat.end();
  span.setTag("chatted", await count(chat));
  span.setTag("failed", await answer((done) => client.Fail({ text: "fail" }, done)));
  process.stdout.write(`${span.context().traceIdStr}\n`);
});
client.close();
await tracer.close();
