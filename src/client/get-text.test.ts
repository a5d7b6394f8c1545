// One question to a server that answers well, badly, or not at all.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { type PolledServer, answerEndlessly, openPolledServer } from "../../test/polled-server.ts";
import { makeGetText } from "./get-text.ts";

let server: PolledServer;
before(async () => {
  server = await openPolledServer();
});
after(() => server.close());

const open = new AbortController().signal;
const urlOf = (path: string): URL => new URL(`http://${server.hostPort}${path}`);

test("makeGetText() gives the text of a 200, characters whole", async () => {
  server.answer = (response) => {
    const bytes = Buffer.from("größer ✓");
    for (const byte of bytes) response.write(Buffer.of(byte));
    response.end();
  };
  assert.equal(await makeGetText()(urlOf("/sampling?service=a%20b"), open), "größer ✓");
  assert.equal(server.paths.at(-1), "/sampling?service=a%20b");
});

test("makeGetText() takes an answer of just as many bytes as it may, and no more", async () => {
  const getText = makeGetText({ bytesMax: 100_000 });
  server.answer = "x".repeat(100_000);
  assert.equal((await getText(urlOf("/"), open)).length, 100_000);
  server.answer = "x".repeat(100_001);
  const refused = { code: "unavailable", message: "the answer is too large" };
  await assert.rejects(getText(urlOf("/"), open), refused);
  server.answer = answerEndlessly("x");
  await assert.rejects(getText(urlOf("/"), open), refused);
});

for (const status of [204, 301, 404, 500]) {
  test(`makeGetText() takes no answer with status ${status}`, async () => {
    server.answer = (response) => response.writeHead(status, { location: "/elsewhere" }).end();
    const where = { status };
    await assert.rejects(makeGetText()(urlOf("/"), open), { code: "unavailable", where });
  });
}

test("makeGetText() takes no answer that breaks off", async () => {
  server.answer = (response) => {
    response.writeHead(200, { "content-length": "10" });
    response.write("12345", () => response.destroy());
  };
  await assert.rejects(makeGetText()(urlOf("/"), open), { code: "unavailable" });
});

test("makeGetText() takes no answer that is slower than its time, however it trickles", async () => {
  server.answer = (response) => {
    const trickle = setInterval(() => response.write("x"), 5);
    response.on("close", () => clearInterval(trickle));
  };
  const refused = { code: "unavailable", message: "no whole answer in time" };
  await assert.rejects(makeGetText({ timeoutMs: 60 })(urlOf("/"), open), refused);
});

test("makeGetText() says that nobody answers", async () => {
  const gone = createServer().listen(0, "127.0.0.1");
  await once(gone, "listening");
  const { port } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, "close");
  const url = new URL(`http://127.0.0.1:${port}/`);
  await assert.rejects(makeGetText()(url, open), { code: "unavailable", message: /ECONNREFUSED/ });
});

test("makeGetText() takes a question back", async () => {
  const answered = new Promise<void>((resolve) => {
    server.answer = () => resolve();
  });
  const controller = new AbortController();
  const asked = makeGetText()(urlOf("/"), controller.signal);
  await answered;
  controller.abort();
  await assert.rejects(asked, { code: "unavailable", message: "the question was taken back" });
  await assert.rejects(makeGetText()(urlOf("/"), controller.signal), { code: "unavailable" });
});

test("makeGetText() keeps no process alive", async () => {
  server.answer = () => {}; // never
  const asks = `
    const { makeGetText } = await import(${JSON.stringify(import.meta.resolve("./get-text.ts"))});
    makeGetText({ timeoutMs: 600_000 })(new URL(${JSON.stringify(urlOf("/").href)}),
      new AbortController().signal).catch(() => {});
    await import("node:http");
  `;
  const args = ["--input-type=module", "-e", asks];
  await promisify(execFile)(process.execPath, args, { timeout: 10_000 });
});
