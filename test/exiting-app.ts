// A small application with a tracer, which ends in one of the ways in which applications end.
//
//   node exiting-app.ts <way> <port of an agent>
//
// Run by src/client/flush-at-exit.test.ts; it prints `ready` when it may be sent a signal.

import { initTracer } from "../src/client/index.ts";

const [, , way, port] = process.argv;
const tracer = initTracer({
  serviceName: "exiting",
  sampler: { type: "const", param: 1 },
  reporter: { agentHost: "127.0.0.1", agentPort: Number(port), flushIntervalMs: 3_600_000 },
});
if (way === "alone-listener") {
  // Nobody waits for a socket that is not open yet.
  tracer.startSpan("first words").finish();
  await tracer.flush();
}
tracer.startSpan("last words").finish();

const keepAlive = (): void => {
  setInterval(() => {}, 1_000);
  process.stdout.write("ready\n");
};

switch (way) {
  case "end":
    break;
  case "exit-code":
    process.exitCode = 7;
    break;
  case "close":
    await tracer.close();
    break;
  case "throw":
    setImmediate(() => {
      throw new Error("on purpose");
    });
    break;
  case "listener":
    process.on("SIGTERM", () => {
      process.stdout.write("graceful\n");
      setTimeout(() => process.exit(3), 50);
    });
    keepAlive();
    break;
  case "once":
    process.once("SIGTERM", () => {
      process.stdout.write("graceful\n");
      setTimeout(() => process.exit(3), 50);
    });
    keepAlive();
    break;
  case "alone-listener":
    // As signal-exit does it: whoever is the only listener ends the process by the signal.
    process.on("SIGTERM", function onSignal() {
      if (process.listeners("SIGTERM").length > 1) return;
      process.removeListener("SIGTERM", onSignal);
      process.kill(process.pid, "SIGTERM");
    });
    keepAlive();
    break;
  default:
    keepAlive();
}
