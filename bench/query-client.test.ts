// The bench's client against Node's own server: answers whole, in chunks, of any size.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { QueryClient } from "./query-client.ts";

test("QueryClient reads answers as they were sent, one after the other", async () => {
  const server = createServer(({ url = "" }, response) => {
    const [, how, bytes = "0"] = url.split("/");
    const body = Buffer.alloc(Number(bytes), "abcdefg");
    if (how === "missing") response.statusCode = 404;
    if (how === "whole") response.setHeader("Content-Length", body.length);
    for (let at = 0; at < body.length; at += 70_000) response.write(body.subarray(at, at + 70_000));
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new QueryClient(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    for (const bytes of [0, 1, 3_000_000, 7, 70_000, 140_001]) {
      for (const how of ["whole", "chunks"]) {
        const body = await client.get(`/${how}/${bytes}`);
        assert.ok(body.equals(Buffer.alloc(bytes, "abcdefg")), `${how} ${bytes}`);
      }
    }
    await assert.rejects(client.get("/missing/3"), /answered 404: abc/);
  } finally {
    client.close();
    server.close();
  }
});
