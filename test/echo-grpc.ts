// A gRPC service with one method of each kind, its client, and a wire between them that can be cut.
//
//   client ─▶ wire (TCP, both ends destroyed by cut()) ─▶ server, whose handlers do what they are told
//
// Messages are JSON: { say, text }. What the last request says is what the handler does.
// Not here: anything of tracing; interceptors come as arguments, `look` is called from handlers.

import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";

export const KINDS = ["unary", "clientStream", "serverStream", "bidi"] as const;
export type Kind = (typeof KINDS)[number];

/** `flaky`: UNAVAILABLE at the first two attempts of a call. */
export type Say = "ok" | "fail" | "throw" | "hang" | "flaky" | "unwritable";

export interface Message {
  readonly say: Say;
  readonly text: string;
}

/** Where in a handler `look` is called. */
export type Place = "start" | "later" | "data" | "end" | "cancelled";
export type Look = (kind: Kind, place: Place) => void;

/** Details of a call that was told to fail. */
export const REFUSAL = "no such thing";
export const RESPONSES = 3;

export function pathOf(kind: Kind): string {
  return `/test.Echo/${kind}`;
}

const write = (message: unknown): Buffer => {
  if ((message as Message).say === "unwritable") throw new Error("cannot be written");
  return Buffer.from(JSON.stringify(message));
};
const writeRequest = (message: Message): Buffer => Buffer.from(JSON.stringify(message));
const read = (bytes: Buffer): Message => JSON.parse(bytes.toString()) as Message;

function methodOf(kind: Kind): grpc.MethodDefinition<Message, Message> {
  return {
    path: pathOf(kind),
    requestStream: kind === "clientStream" || kind === "bidi",
    responseStream: kind === "serverStream" || kind === "bidi",
    requestSerialize: writeRequest,
    requestDeserialize: read,
    responseSerialize: write,
    responseDeserialize: read,
  };
}

/** For servers with handlers of their own. */
export const echoService: grpc.ServiceDefinition = Object.fromEntries(
  KINDS.map((kind) => [kind, methodOf(kind)]),
);

export interface Echo {
  readonly port: number;
  /** Destroys every connection, as a machine does that loses its power. */
  cut(): void;
  /** Ends the server with its calls. */
  stop(): void;
  close(): void;
}

export async function openEcho(
  options: grpc.ServerOptions = {},
  look: Look = () => {},
): Promise<Echo> {
  const server = new grpc.Server(options);
  server.addService(echoService, makeHandlers(look));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const wire = await openWire(port);
  return {
    port: wire.port,
    cut: () => wire.cut(),
    stop: () => server.forceShutdown(),
    close: () => {
      server.forceShutdown();
      wire.close();
    },
  };
}

async function openWire(to: number): Promise<{ port: number; cut(): void; close(): void }> {
  const sockets = new Set<Socket>();
  const wire = createServer((near) => {
    const far = connect(to, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        near.destroy();
        far.destroy();
        sockets.delete(socket);
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => {
    wire.listen(0, "127.0.0.1", resolve);
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (wire.address() as AddressInfo).port,
    cut,
    close: () => {
      cut();
      wire.close();
    },
  };
}

interface Outcome {
  readonly refused?: Partial<grpc.StatusObject>;
  readonly answer?: Message;
}

/** What becomes of a call; undefined: nothing ever. */
function decide(message: Message, metadata: grpc.Metadata): Outcome | undefined {
  const { say, text } = message;
  if (say === "throw") throw new Error(REFUSAL);
  if (say === "hang") return undefined;
  if (say === "fail") {
    return { refused: { code: grpc.status.INVALID_ARGUMENT, details: REFUSAL } };
  }
  const attempts = Number(metadata.get("grpc-previous-rpc-attempts")[0] ?? 0);
  if (say === "flaky" && attempts < 2) {
    return { refused: { code: grpc.status.UNAVAILABLE, details: "not yet" } };
  }
  return { answer: { say, text } };
}

function makeHandlers(look: Look): grpc.UntypedServiceImplementation {
  const begin = (kind: Kind, call: { on(event: string, run: () => void): unknown }): void => {
    look(kind, "start");
    call.on("cancelled", () => look(kind, "cancelled"));
  };
  return {
    unary: (call: grpc.ServerUnaryCall<Message, Message>, done: grpc.sendUnaryData<Message>) => {
      begin("unary", call);
      const outcome = decide(call.request, call.metadata);
      void nextTurn().then(() => {
        look("unary", "later");
        if (outcome !== undefined) done(outcome.refused ?? null, outcome.answer);
      });
    },
    clientStream: (
      call: grpc.ServerReadableStream<Message, Message>,
      done: grpc.sendUnaryData<Message>,
    ) => {
      begin("clientStream", call);
      const last = follow("clientStream", call, look);
      void last.then((message) => {
        look("clientStream", "later");
        const outcome = decide(message, call.metadata);
        if (outcome !== undefined) done(outcome.refused ?? null, outcome.answer);
      });
    },
    serverStream: (call: grpc.ServerWritableStream<Message, Message>) => {
      begin("serverStream", call);
      const outcome = decide(call.request, call.metadata);
      void nextTurn().then(() => {
        look("serverStream", "later");
        respond(call, outcome, RESPONSES);
      });
    },
    bidi: (call: grpc.ServerDuplexStream<Message, Message>) => {
      begin("bidi", call);
      void follow("bidi", call, look).then((message) => {
        look("bidi", "later");
        respond(call, decide(message, call.metadata), 1);
      });
    },
  };
}

/** Reads the requests of a stream until its end, or one that says what to do at once. */
function follow(
  kind: Kind,
  call: {
    on(event: "data", run: (message: Message) => void): unknown;
    on(event: "end", run: () => void): unknown;
  },
  look: Look,
): Promise<Message> {
  return new Promise((resolve) => {
    let last: Message = { say: "ok", text: "" };
    call.on("data", (message) => {
      look(kind, "data");
      last = message;
      if (message.say === "hang") resolve(message);
    });
    call.on("end", () => {
      look(kind, "end");
      resolve(last);
    });
  });
}

function respond(
  call: grpc.ServerWritableStream<Message, Message> | grpc.ServerDuplexStream<Message, Message>,
  outcome: Outcome | undefined,
  times: number,
): void {
  if (outcome === undefined) return;
  if (outcome.refused !== undefined) {
    call.emit("error", outcome.refused);
    return;
  }
  for (let sent = 0; sent < times; sent++) call.write(outcome.answer as Message);
  call.end();
}

export interface Called {
  readonly code: number;
  readonly details: string;
  readonly answers: readonly Message[];
}

/** A call that has been made: what it came to, and the way to take it back. */
export interface Calling {
  readonly done: Promise<Called>;
  cancel(): void;
}

export interface CallArguments {
  readonly requests: readonly Message[];
  readonly metadata?: grpc.Metadata;
  readonly options?: grpc.CallOptions;
  /** Called from the application's callbacks and event handlers. */
  readonly heard?: () => void;
  /** Keeps the stream of requests open. */
  readonly isOpen?: boolean;
}

export function callEcho(client: grpc.Client, kind: Kind, call: CallArguments): Calling {
  const { metadata = new grpc.Metadata(), options = {}, heard = () => {} } = call;
  const { path, requestSerialize: write, responseDeserialize: read } = methodOf(kind);
  const first: Message = call.requests[0] ?? { say: "ok", text: "" };
  const answers: Message[] = [];
  let cancel = (): void => {};
  const done = new Promise<Called>((resolve) => {
    const settle = (status: { code: number; details: string }): void => {
      heard();
      resolve({ code: status.code, details: status.details, answers });
    };
    const answered = (error: grpc.ServiceError | null, answer?: Message): void => {
      if (answer !== undefined) answers.push(answer);
      settle(error ?? { code: 0, details: "" });
    };
    const listen = (stream: NodeJS.ReadableStream & { cancel(): void }): void => {
      cancel = () => stream.cancel();
      stream.on("data", (answer) => {
        heard();
        answers.push(answer);
      });
      stream.on("error", heard);
      stream.on("status", settle);
    };
    if (kind === "unary") {
      const made = client.makeUnaryRequest<Message, Message>(
        path,
        write,
        read,
        first,
        metadata,
        options,
        answered,
      );
      cancel = () => made.cancel();
    } else if (kind === "serverStream") {
      listen(client.makeServerStreamRequest(path, write, read, first, metadata, options));
    } else {
      const stream =
        kind === "bidi"
          ? client.makeBidiStreamRequest(path, write, read, metadata, options)
          : client.makeClientStreamRequest<Message, Message>(
              path,
              write,
              read,
              metadata,
              options,
              answered,
            );
      if (kind === "bidi") listen(stream as unknown as Parameters<typeof listen>[0]);
      else cancel = () => stream.cancel();
      for (const request of call.requests) stream.write(request);
      if (call.isOpen !== true) stream.end();
    }
  });
  return { done, cancel: () => cancel() };
}
