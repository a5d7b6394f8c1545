// One service of the demo, a process of its own: `node service.ts NAME`.
//
//   parent ─{ targets, ports }─▶ service ─{ port }─▶ parent       by the channel of the child process
//
// It serves its route, does a little work, calls the services behind it, and at times is slow or fails.
// It ends when its parent does, and not before: Ctrl-C in a terminal reaches it too.

import type * as Grpc from "@grpc/grpc-js";
import type * as Http from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { systemClock } from "../base/clock.ts";
import { SHOP, type ServiceName, type ServicePlan } from "./shop.ts";
import { type Targets, type Tracing, openTracing, require } from "./tracing.ts";

export interface FromParent {
  readonly targets: Targets;
  /** Ports of the services that are up already. */
  readonly ports: Readonly<Partial<Record<ServiceName, number>>>;
}

export interface FromService {
  readonly port: number;
}

/** A call behind this one that takes longer is given up. */
const CALL_MS_MAX = 5_000;

interface Order {
  readonly user: string;
  readonly item: string;
}

type Work = (order: Order) => Promise<void>;

async function play(name: ServiceName, { targets, ports }: FromParent): Promise<void> {
  const plan = SHOP[name];
  const tracing = await openTracing(name, plan.exporter, targets);
  const http = require("node:http") as typeof Http;
  const grpc = require("@grpc/grpc-js") as typeof Grpc;
  const calls = plan.calls.map(({ to, by }) => {
    const target = `127.0.0.1:${ports[to]}`;
    return by === "http"
      ? makeHttpCall(http, target, to)
      : makeGrpcCall({ grpc, tracing }, target, to);
  });
  const work = makeWork(plan, tracing, calls);
  const port =
    plan.serves === "http"
      ? await serveHttp(http, work)
      : await serveGrpc({ grpc, tracing }, name, work);
  const message: FromService = { port };
  process.send?.(message);
  process.once("disconnect", () => {
    void tracing.close().finally(() => process.exit(0));
  });
}

function makeWork(plan: ServicePlan, tracing: Tracing, calls: readonly Work[]): Work {
  return async (order) => {
    const [from, to] = plan.workMs;
    const isSlow = Math.random() < plan.slowShare;
    const tags = { "user.id": order.user, "item.id": order.item, "cache.hit": !isSlow };
    await tracing.inSpan(`${plan.route} work`, tags, async (tell) => {
      if (isSlow) tell("cache miss", { "cache.key": `item:${order.item}` });
      await wait(from + Math.random() * (to - from) + (isSlow ? plan.slowMs : 0));
    });
    for (const call of calls) await call(order);
    if (Math.random() < plan.errorShare) throw new Error(plan.errorText);
  };
}

function makeHttpCall(http: typeof Http, target: string, to: ServiceName): Work {
  return ({ user, item }) =>
    new Promise((resolve, reject) => {
      const url = `http://${target}${SHOP[to].route}?user=${user}&item=${item}`;
      const request = http.get(url, { timeout: CALL_MS_MAX }, (response) => {
        response.resume();
        response.on("end", () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`${to} answered ${response.statusCode}`));
        });
      });
      request.on("timeout", () => request.destroy(new Error(`${to} did not answer`)));
      request.on("error", reject);
    });
}

async function serveHttp(http: typeof Http, work: Work): Promise<number> {
  const server = http.createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://demo");
    const order = { user: searchParams.get("user") ?? "", item: searchParams.get("item") ?? "" };
    work(order).then(
      () => response.end("ok"),
      (error: unknown) => {
        response.statusCode = 500;
        response.end(String(error));
      },
    );
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as { port: number }).port;
}

/** gRPC, and what of it is traced how. */
interface TracedGrpc {
  readonly grpc: typeof Grpc;
  readonly tracing: Tracing;
}

type UnaryCall = Grpc.ServerUnaryCall<Order, Order>;
type UnaryDone = Grpc.sendUnaryData<Order>;

const json = {
  write: (value: Order): Buffer => Buffer.from(JSON.stringify(value)),
  read: (bytes: Buffer): Order => JSON.parse(bytes.toString()) as Order,
};

function definitionOf(grpc: typeof Grpc, name: ServiceName): Grpc.ServiceClientConstructor {
  const method = SHOP[name].route;
  return grpc.makeGenericClientConstructor(
    {
      [method]: {
        path: `/shop.${name}/${method}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: json.write,
        requestDeserialize: json.read,
        responseSerialize: json.write,
        responseDeserialize: json.read,
      },
    },
    `shop.${name}`,
  );
}

function makeGrpcCall({ grpc, tracing }: TracedGrpc, target: string, to: ServiceName): Work {
  const client = new (definitionOf(grpc, to))(target, grpc.credentials.createInsecure(), {
    interceptors: [...tracing.clientInterceptors],
  });
  const method = SHOP[to].route;
  return (order) =>
    new Promise((resolve, reject) => {
      const done = (error: Grpc.ServiceError | null): void => {
        if (error === null) resolve();
        else reject(new Error(`${to}: ${error.details}`));
      };
      const deadline = new Date(systemClock.nowUs() / 1e3 + CALL_MS_MAX);
      const call = client[method] as (...args: readonly unknown[]) => void;
      call.call(client, order, { deadline }, done);
    });
}

async function serveGrpc(
  { grpc, tracing }: TracedGrpc,
  name: ServiceName,
  work: Work,
): Promise<number> {
  const server = new grpc.Server({ interceptors: [...tracing.serverInterceptors] });
  const answer = async ({ request }: UnaryCall, done: UnaryDone): Promise<void> => {
    let failure: Partial<Grpc.ServiceError> | null = null;
    try {
      await work(request);
    } catch (error) {
      failure = { code: grpc.status.INTERNAL, details: String(error) };
    }
    done(failure, request);
  };
  server.addService(definitionOf(grpc, name).service, {
    [SHOP[name].route]: (call: UnaryCall, done: UnaryDone) => void answer(call, done),
  });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

process.on("SIGINT", () => undefined);
process.once("message", (message: FromParent) => {
  void play(process.argv[2] as ServiceName, message);
});
