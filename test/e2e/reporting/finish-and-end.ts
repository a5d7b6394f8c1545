// An application that finishes spans and ends by itself, without a word to its tracer; the environment says where
// they go. Prints how long the process lived after its last span.
//
//   node finish-and-end.ts 300 [large]

import { initTracerFromEnv } from "../../../src/client/env.ts";

const [count, large] = process.argv.slice(2);
const tracer = initTracerFromEnv();
for (let index = 0; index < Number(count); index++) {
  tracer
    .startSpan(`op ${index % 3}`)
    .setTag("index", index)
    .setTag("http.method", "GET")
    .finish();
}
if (large !== undefined) {
  const span = tracer.startSpan("large");
  for (let index = 0; index < 4; index++) span.setTag(`text ${index}`, "x".repeat(30_000));
  span.finish();
}
const finishedMs = performance.now();
process.on("exit", () => {
  process.stdout.write(`${Math.round(performance.now() - finishedMs)}\n`);
});
