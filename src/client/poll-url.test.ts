// What users write, and the URL that is meant.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type PollPlace, makePollUrl } from "./poll-url.ts";

const cases: readonly (readonly [place: PollPlace, path: string, url: string])[] = [
  [{}, "/sampling", "http://localhost:5778/sampling?service=shop"],
  [{ host: "agent" }, "/sampling", "http://agent:5778/sampling?service=shop"],
  [{ host: "agent", port: 1234 }, "sampling", "http://agent:1234/sampling?service=shop"],
  [{ host: "::1" }, "/sampling", "http://[::1]:5778/sampling?service=shop"],
  [{ hostPort: "agent:80" }, "/sampling", "http://agent/sampling?service=shop"],
  [{ hostPort: "agent" }, "/sampling", "http://agent:5778/sampling?service=shop"],
  [{ hostPort: ":1234" }, "/sampling", "http://localhost:1234/sampling?service=shop"],
  [{ hostPort: "[::1]:1234" }, "/sampling", "http://[::1]:1234/sampling?service=shop"],
  [{ hostPort: "http://agent" }, "/sampling", "http://agent:5778/sampling?service=shop"],
  [{ hostPort: "http://agent:80/" }, "/sampling", "http://agent/sampling?service=shop"],
  [{ hostPort: "https://agent:1/x" }, "/credits", "https://agent:1/credits?service=shop"],
  [{ hostPort: "a:1", host: "b", port: 2 }, "/s", "http://a:1/s?service=shop"],
  [
    { endpoint: "https://collector:14268/api/sampling", hostPort: "a:1" },
    "/sampling",
    "https://collector:14268/api/sampling?service=shop",
  ],
  [
    { endpoint: "http://collector/sampling?tenant=a&service=b" },
    "/sampling",
    "http://collector/sampling?tenant=a&service=shop",
  ],
  [{ endpoint: "", hostPort: "", host: "" }, "/s", "http://localhost:5778/s?service=shop"],
];
for (const [place, path, url] of cases) {
  test(`makePollUrl() makes ${url} of ${JSON.stringify(place)}`, () => {
    assert.equal(makePollUrl(place, path, { service: "shop" }).href, url);
  });
}

test("makePollUrl() writes any name into the query", () => {
  const service = "a&b=c#d e/ü\ud800";
  const url = makePollUrl({}, "/sampling", { service });
  assert.equal(new URL(url.href).searchParams.get("service"), "a&b=c#d e/ü\ufffd");
  assert.equal([...url.searchParams].length, 1);
});

for (const place of [
  { hostPort: "agent:99999" },
  { hostPort: "two words:1" },
  { endpoint: "collector:14268" },
  { endpoint: "ftp://collector" },
  { endpoint: "/api/sampling" },
  { host: "a b" },
  { port: Number.NaN },
]) {
  test(`makePollUrl() refuses ${JSON.stringify(place)}`, () => {
    assert.throws(() => makePollUrl(place, "/s", {}), { code: "bad-input", message: /expected/ });
  });
}
