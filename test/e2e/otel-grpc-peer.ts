// A gRPC service as OpenTelemetry's users have it: their SDK and their instrumentation of grpc-js, W3C's headers.
// It hands every call of test.Echo on, and says when its standard input ends what spans it made.
//
//   otel-grpc-peer.ts 127.0.0.1:50051   prints its port; at the end of stdin {"spans": [...]}

import { createRequire } from "node:module";
import { propagation } from "@opentelemetry/api";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { GrpcInstrumentation } from "@opentelemetry/instrumentation-grpc";
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import type * as Grpc from "@grpc/grpc-js";
import type { Called, Message } from "../echo-grpc.ts";

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
registerInstrumentations({
  instrumentations: [new GrpcInstrumentation()],
  tracerProvider: provider,
});

// By `require`, and before anything else loads it: the instrumentation takes hold there.
const grpc = createRequire(import.meta.url)("@grpc/grpc-js") as typeof Grpc;
const { callEcho, echoService } = await import("../echo-grpc.ts");

const next = new grpc.Client(process.argv[2] ?? "", grpc.credentials.createInsecure());
const heard: unknown[] = [];

function ask(kind: "unary" | "clientStream" | "serverStream" | "bidi", requests: Message[]) {
  heard.push(propagation.getActiveBaggage()?.getEntry("user")?.value);
  return callEcho(next, kind, { requests }).done;
}

type Answer = Grpc.sendUnaryData<Message>;
type Reading = Grpc.ServerReadableStream<Message, Message>;
type Writing =
  | Grpc.ServerWritableStream<Message, Message>
  | Grpc.ServerDuplexStream<Message, Message>;

function answer(called: Called, done: Answer): void {
  if (called.code === 0) done(null, called.answers[0]);
  else done({ code: called.code, details: called.details });
}

function stream(called: Called, call: Writing): void {
  if (called.code !== 0) {
    call.emit("error", { code: called.code, details: called.details });
    return;
  }
  for (const message of called.answers) call.write(message);
  call.end();
}

function follow(call: Reading, then: (requests: Message[]) => void): void {
  const requests: Message[] = [];
  call.on("data", (message: Message) => requests.push(message));
  call.on("end", () => then(requests));
}

const server = new grpc.Server();
server.addService(echoService, {
  unary: (call: Grpc.ServerUnaryCall<Message, Message>, done: Answer) => {
    void ask("unary", [call.request]).then((called) => answer(called, done));
  },
  clientStream: (call: Reading, done: Answer) =>
    follow(call, (requests) => {
      void ask("clientStream", requests).then((called) => answer(called, done));
    }),
  serverStream: (call: Grpc.ServerWritableStream<Message, Message>) => {
    void ask("serverStream", [call.request]).then((called) => stream(called, call));
  },
  bidi: (call: Grpc.ServerDuplexStream<Message, Message>) =>
    follow(call, (requests) => {
      void ask("bidi", requests).then((called) => stream(called, call));
    }),
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${port}\n`);
});

process.stdin.resume();
process.stdin.on("end", () => {
  const spans = exporter.getFinishedSpans().map((span) => ({
    traceId: span.spanContext().traceId,
    spanId: span.spanContext().spanId,
    parentId: span.parentSpanContext?.spanId ?? "",
    name: span.name,
    kind: span.kind,
    code: span.attributes["rpc.grpc.status_code"],
  }));
  process.stdout.write(`${JSON.stringify({ spans, heard })}\n`);
  server.forceShutdown();
  next.close();
});
