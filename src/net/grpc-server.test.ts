// What a gRPC door does for peers that behave: the real client of @grpc/grpc-js.

import assert from "node:assert/strict";
import { once } from "node:events";
import * as http2 from "node:http2";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";
import { until, untilStill } from "../../test/until.ts";
import { SpoorError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { makeByteBudget } from "./byte-budget.ts";
import type { GrpcFailure } from "./grpc-call.ts";
import { type GrpcServer, type GrpcServerOptions, openGrpcServer } from "./grpc-server.ts";
import { GrpcError, type GrpcMethod, type GrpcUnaryMethod } from "./grpc-service.ts";

const host = "127.0.0.1";
const golden = (name: string) => join(import.meta.dirname, "../../test/golden/tls", name);
const same = (bytes: Buffer): Buffer => bytes;

const unary = (handle: GrpcUnaryMethod["handle"]): GrpcMethod => ({ kind: "unary", handle });
const echo = unary((message) => message);

/** A door for one test with the service `test.Service`; a bug fails the test. */
async function open(
  t: TestContext,
  methods: Record<string, GrpcMethod>,
  more: Partial<GrpcServerOptions> = {},
): Promise<GrpcServer> {
  const services = [{ name: "test.Service", methods }];
  const onBug = (error: unknown) => assert.fail(`a bug: ${String(error)}`);
  const options = { name: "test", hostPort: { host, port: 0 }, services, log: silentLog };
  const server = await openGrpcServer({ ...options, onBug, ...more });
  t.after(() => server.close(0));
  return server;
}

function connect(
  t: TestContext,
  { port }: GrpcServer,
  credentials = grpc.credentials.createInsecure(),
  options: grpc.ClientOptions = {},
): grpc.Client {
  const big = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
  const client = new grpc.Client(`localhost:${port}`, credentials, { ...big, ...options });
  t.after(() => client.close());
  return client;
}

interface Ask {
  readonly message?: Uint8Array;
  readonly metadata?: Record<string, string | Buffer>;
  readonly options?: grpc.CallOptions;
}

const metadataOf = (entries: Ask["metadata"] = {}): grpc.Metadata => {
  const metadata = new grpc.Metadata();
  for (const [key, value] of Object.entries(entries)) metadata.add(key, value);
  return metadata;
};

/** @returns the answer; rejects with a ServiceError. */
function ask(client: grpc.Client, path: string, more: Ask = {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const message = Buffer.from(more.message ?? Buffer.alloc(0));
    const done = (error: grpc.ServiceError | null, answer?: Buffer) => {
      if (error === null) resolve(answer ?? Buffer.alloc(0));
      else reject(error);
    };
    const { metadata, options = {} } = more;
    client.makeUnaryRequest(path, same, same, message, metadataOf(metadata), options, done);
  });
}

for (const bytes of [0, 1, 16_384, 250_000, 4_194_304]) {
  test(`openGrpcServer() takes and gives messages of ${bytes} bytes`, async (t) => {
    const budget = makeByteBudget(10_000_000);
    const client = connect(t, await open(t, { Echo: echo }, { budget }));
    const message = Buffer.alloc(bytes, "spoor");
    for (let turn = 0; turn < 3; turn++) {
      assert.ok(message.equals(await ask(client, "/test.Service/Echo", { message })));
    }
    await until(() => budget.heldBytes === 0);
  });
}

for (const [name, algorithm] of [
  ["deflate", 1],
  ["gzip", 2],
] as const) {
  test(`openGrpcServer() unpacks messages in ${name}`, async (t) => {
    const server = await open(t, { Echo: echo });
    const options = { "grpc.default_compression_algorithm": algorithm };
    const client = connect(t, server, undefined, options);
    const message = Buffer.from("attributes repeat themselves, ".repeat(5_000));
    assert.ok(message.equals(await ask(client, "/test.Service/Echo", { message })));
  });
}

test("openGrpcServer() hands path, peer and metadata to the handler", async (t) => {
  const seen: unknown[] = [];
  const server = await open(t, {
    Look: unary((_, { path, peer, metadata }) => {
      seen.push(path, metadata.get("x-tenant"), metadata.getBytes("x-bytes-bin"));
      assert.match(peer, /^(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1):\d+$/);
      return new Uint8Array(0);
    }),
  });
  const metadata = { "X-Tenant": "acme", "x-bytes-bin": Buffer.of(0, 255) };
  await ask(connect(t, server), "/test.Service/Look", { metadata });
  assert.deepEqual(seen, ["/test.Service/Look", "acme", Buffer.of(0, 255)]);
});

test("openGrpcServer() keeps a message as it is until an asynchronous answer is out", async (t) => {
  const gate = Promise.withResolvers<void>();
  const late = unary(async (message) => {
    await gate.promise;
    return message;
  });
  const client = connect(t, await open(t, { Late: late, Echo: echo }));
  const first = ask(client, "/test.Service/Late", { message: Buffer.alloc(50_000, "a") });
  for (let turn = 0; turn < 5; turn++) {
    await ask(client, "/test.Service/Echo", { message: Buffer.alloc(50_000, "b") });
  }
  gate.resolve();
  assert.ok(Buffer.alloc(50_000, "a").equals(await first));
});

const failures: readonly (readonly [what: string, error: Error, code: number, details: string])[] =
  [
    ["bad-input", new SpoorError("bad-input", "é wrong", { at: 1 }), 3, "é wrong (at 1)"],
    ["overloaded", new SpoorError("overloaded", "full"), 8, "full"],
    ["unavailable", new SpoorError("unavailable", "away"), 14, "away"],
    ["unsupported", new SpoorError("unsupported", "cannot"), 12, "cannot"],
    ["an exact status", new GrpcError("NOT_FOUND", "trace not found"), 5, "trace not found"],
  ];

for (const [what, error, code, details] of failures) {
  test(`openGrpcServer() answers ${what} with ${grpc.status[code]}, thrown now, later or after an answer`, async (t) => {
    const told: GrpcFailure[] = [];
    const onFailure = (failure: GrpcFailure) => void told.push(failure);
    async function* failing(pieces: readonly Uint8Array[]) {
      yield* pieces;
      await Promise.resolve();
      throw error;
    }
    const methods: Record<string, GrpcMethod> = {
      Now: unary(() => {
        throw error;
      }),
      Later: unary(() => Promise.reject(error)),
      First: { kind: "server-stream", handle: () => failing([]) },
      Second: { kind: "server-stream", handle: () => failing([Buffer.from("one")]) },
    };
    const client = connect(t, await open(t, methods, { onFailure }));
    for (const name of Object.keys(methods)) {
      await assert.rejects(ask(client, `/test.Service/${name}`), { code, details }, name);
    }
    assert.deepEqual(
      told,
      Object.keys(methods).map((name) => ({
        path: `/test.Service/${name}`,
        status: code,
        message: details,
        wasHandled: true,
        isForNow: what === "overloaded",
      })),
    );
  });
}

test("openGrpcServer() tells a sender to repeat when it is overloaded", async (t) => {
  const client = connect(
    t,
    await open(t, {
      Full: unary(() => {
        throw new SpoorError("overloaded", "full");
      }),
    }),
  );
  const error: grpc.ServiceError = await ask(client, "/test.Service/Full").then(
    () => assert.fail("it was taken"),
    (error: unknown) => error as grpc.ServiceError,
  );
  const [details] = error.metadata.get("grpc-status-details-bin");
  assert.match(String(details), /google\.rpc\.RetryInfo/);
});

test("openGrpcServer() answers a bug with INTERNAL, reports it, and goes on", async (t) => {
  const bugs: unknown[] = [];
  const bug = new TypeError("secret detail");
  const onBug = (error: unknown) => void bugs.push(error);
  const methods = { Bug: unary(() => Promise.reject(bug)), Echo: echo };
  const client = connect(t, await open(t, methods, { onBug }));
  const refused = { code: grpc.status.INTERNAL, details: "internal error" };
  await assert.rejects(ask(client, "/test.Service/Bug"), refused);
  assert.deepEqual(bugs, [bug]);
  await ask(client, "/test.Service/Echo");
});

const unknown: readonly (readonly [path: string, details: string])[] = [
  ["/test.Service/None", "unknown method None for service test.Service"],
  ["/no.Service/Echo", "unknown service no.Service"],
  ["/Echo", "malformed method name"],
  ["/test.Service/constructor", "unknown method constructor for service test.Service"],
];

for (const [path, details] of unknown) {
  test(`openGrpcServer() does not know ${path}`, async (t) => {
    const client = connect(t, await open(t, { Echo: echo }));
    for (const message of [Buffer.alloc(0), Buffer.alloc(1_000_000)]) {
      await assert.rejects(ask(client, path, { message }), { code: 12, details });
    }
    await ask(client, "/test.Service/Echo");
  });
}

test("openGrpcServer() streams messages of all sizes in their order", async (t) => {
  const sizes = [0, 1, 16_384, 16_385, 70_000, 300_000, 5];
  async function* pieces() {
    for (const size of sizes) yield Buffer.alloc(size, size % 251);
  }
  const client = connect(t, await open(t, { All: { kind: "server-stream", handle: pieces } }));
  const call = client.makeServerStreamRequest("/test.Service/All", same, same, Buffer.alloc(0));
  const got = (await call.toArray()) as Buffer[];
  assert.deepEqual(
    got.map(({ length }) => length),
    sizes,
  );
  for (const piece of got) assert.ok(piece.every((byte) => byte === piece.length % 251));
});

test("openGrpcServer() asks a stream for no more than its reader takes, and ends it with the call", async (t) => {
  let given = 0;
  let isEnded = false;
  async function* endless() {
    try {
      for (;;) {
        given++;
        yield Buffer.alloc(100_000);
      }
    } finally {
      isEnded = true;
    }
  }
  const server = await open(t, { Endless: { kind: "server-stream", handle: endless } });
  const session = http2.connect(`http://${host}:${server.port}`);
  const stream = session.request({
    ":method": "POST",
    ":path": "/test.Service/Endless",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  stream.end(Buffer.alloc(5));
  await until(() => given > 0);
  await untilStill(() => given);
  assert.ok(given < 10, `${given} messages without a reader`);
  stream.close(http2.constants.NGHTTP2_CANCEL);
  await until(() => isEnded);
  session.destroy();
});

test("openGrpcServer() talks in both directions at once", async (t) => {
  const method: GrpcMethod = {
    kind: "duplex",
    async *handle(messages) {
      for await (const message of messages) yield Buffer.from(`${String(message)}!`);
      yield Buffer.from("end");
    },
  };
  const client = connect(t, await open(t, { Talk: method }));
  const call = client.makeBidiStreamRequest("/test.Service/Talk", same, same);
  const answers = call.iterator() as AsyncIterator<Buffer>;
  for (const word of ["one", "two"]) {
    call.write(Buffer.from(word));
    assert.equal(String((await answers.next()).value), `${word}!`);
  }
  call.end();
  assert.equal(String((await answers.next()).value), "end");
  assert.equal((await answers.next()).done, true);
});

test("openGrpcServer() ends a call at its deadline, and tells the handler", async (t) => {
  const aborted = Promise.withResolvers<void>();
  const told: number[] = [];
  const slow = unary(async (_, { signal }) => {
    await once(signal, "abort");
    aborted.resolve();
    throw signal.reason;
  });
  const onFailure = ({ status }: GrpcFailure) => void told.push(status);
  const client = connect(t, await open(t, { Slow: slow }, { onFailure }));
  const options = { deadline: Date.now() + 50 };
  await assert.rejects(ask(client, "/test.Service/Slow", { options }), { code: 4 });
  await aborted.promise;
  await until(() => told.length === 1);
  // The client's own clock may be first, and cancel.
  assert.ok(told[0] === grpc.status.DEADLINE_EXCEEDED || told[0] === grpc.status.CANCELLED);
});

test("openGrpcServer() tells the handler when the peer cancels or its connection is lost", async (t) => {
  const budget = makeByteBudget(1_000_000);
  let aborts = 0;
  let calls = 0;
  const slow = unary(async (_, { signal }) => {
    calls++;
    await once(signal, "abort");
    aborts++;
    throw signal.reason;
  });
  const server = await open(t, { Slow: slow }, { budget });
  const done = () => {};
  const message = Buffer.alloc(1_000);
  const first = connect(t, server);
  const call = first.makeUnaryRequest("/test.Service/Slow", same, same, message, done);
  await until(() => calls === 1);
  call.cancel();
  await until(() => aborts === 1 && budget.heldBytes === 0);
  first.makeUnaryRequest("/test.Service/Slow", same, same, message, done);
  await until(() => calls === 2);
  first.close();
  await server.close(0);
  await until(() => aborts === 2 && budget.heldBytes === 0);
});

test("openGrpcServer() speaks TLS, and mutual TLS", async (t) => {
  const tls = {
    enabled: true,
    cert: golden("server.pem"),
    key: golden("server.key"),
    clientCa: golden("ca.pem"),
    minVersion: "",
    maxVersion: "",
    cipherSuites: [],
    reloadIntervalMs: 0,
  };
  const server = await open(t, { Echo: echo }, { tls });
  const read = (name: string) => readFileSync(golden(name));
  const as = (name: string) =>
    connect(
      t,
      server,
      grpc.credentials.createSsl(read("ca.pem"), read(`${name}.key`), read(`${name}.pem`)),
    );
  const message = Buffer.from("private");
  assert.ok(message.equals(await ask(as("client"), "/test.Service/Echo", { message })));
  const options = { deadline: Date.now() + 2_000 };
  await assert.rejects(ask(as("stranger"), "/test.Service/Echo", { message, options }));
  const nobody = connect(t, server, grpc.credentials.createSsl(read("ca.pem")));
  await assert.rejects(ask(nobody, "/test.Service/Echo", { message, options }));
});

test("openGrpcServer() says which door cannot listen, and why", async (t) => {
  const { port } = await open(t, {});
  const again = open(t, {}, { name: "otlp-grpc", hostPort: { host, port } });
  const message = `otlp-grpc cannot listen on ${host}:${port}: the port is taken`;
  await assert.rejects(again, { code: "unavailable", message });
});

test("close() lets calls finish, takes no new ones, and ends those without an end", async (t) => {
  const gate = Promise.withResolvers<void>();
  let calls = 0;
  const slow = unary(async (message) => {
    calls++;
    await gate.promise;
    return message;
  });
  async function* never(): AsyncGenerator<Uint8Array> {
    calls++;
    yield Buffer.from("one");
    await new Promise(() => {});
  }
  const endless: GrpcMethod = { kind: "server-stream", isEndless: true, handle: never };
  const server = await open(t, { Slow: slow, Endless: endless });
  const client = connect(t, server);
  const message = Buffer.from("kept");
  const answer = ask(client, "/test.Service/Slow", { message });
  const watch = client.makeServerStreamRequest("/test.Service/Endless", same, same, message);
  const ended = assert.rejects(watch.toArray(), { code: 14, details: "the connection is closing" });
  await until(() => calls === 2);
  const closed = server.close(60_000);
  await ended;
  await assert.rejects(ask(client, "/test.Service/Slow", { message }), { code: 14 });
  gate.resolve();
  assert.ok(message.equals(await answer));
  await closed;
});

test("close() cuts what does not finish in time", async (t) => {
  let calls = 0;
  const never = unary(() => {
    calls++;
    return new Promise(() => {});
  });
  const server = await open(t, { Never: never });
  const cut = assert.rejects(ask(connect(t, server), "/test.Service/Never"));
  await until(() => calls === 1);
  await server.close(20);
  await cut;
});

test("openGrpcServer() sends old connections away without losing a call", async (t) => {
  const peers = new Set<string>();
  const see = unary(async (message, { peer }) => {
    peers.add(peer);
    await setImmediate();
    return message;
  });
  const limits = { connectionAgeMaxMs: 60 };
  const client = connect(t, await open(t, { See: see }, { limits, random: () => 0.5 }));
  let calls = 0;
  const work = async () => {
    while (peers.size < 4) {
      assert.ok(calls++ < 100_000);
      const message = Buffer.alloc(40_000, calls & 255);
      assert.ok(message.equals(await ask(client, "/test.Service/See", { message })));
    }
  };
  await Promise.all([work(), work(), work(), work()]);
});

test("openGrpcServer() closes a connection that it sent away", async (t) => {
  const server = await open(t, { Echo: echo }, { limits: { connectionAgeMaxMs: 30 } });
  const session = http2.connect(`http://${host}:${server.port}`);
  await once(session, "close");
});
