// The page: what stands on it, and that no name of a service can become markup or leave the page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGE_HEADERS, printIndexPage } from "./index-page.ts";

test("printIndexPage() links each service to its traces and operations", () => {
  const page = printIndexPage({ services: ["shop", "a b/ü"], basePath: "/jaeger" });
  assert.ok(
    page.includes(
      '<li><a href="/jaeger/api/traces?service=shop&amp;limit=20&amp;prettyPrint=true">shop</a>',
    ),
  );
  assert.ok(
    page.includes('href="/jaeger/api/operations?service=a%20b%2F%C3%BC&amp;prettyPrint=true"'),
  );
  assert.ok(page.includes("Services with stored spans: 2"));
});

test("printIndexPage() escapes names in text and in links", () => {
  const services = [`<script>alert("1")</script>`, `" onload='x`, "$&$1{list}{routes}"];
  const page = printIndexPage({ services, basePath: "/" });
  assert.ok(!page.includes("<script"));
  assert.ok(page.includes("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"));
  assert.ok(page.includes(">&quot; onload=&#39;x<"));
  assert.ok(page.includes(">$&amp;$1{list}{routes}<"));
});

for (const [name, shown] of [
  [" ", "&quot; &quot;"],
  ["a\nb", "&quot;a\\nb&quot;"],
  ["\u202ea", "&quot;\\u202ea&quot;"],
  ["a b", "a b"],
  ["日本語 🙂", "日本語 🙂"],
] as const) {
  test(`printIndexPage() shows ${JSON.stringify(name)} so that it can be seen and clicked`, () => {
    const page = printIndexPage({ services: [name], basePath: "/" });
    assert.ok(page.includes(`prettyPrint=true">${shown}</a>`));
  });
}

test("printIndexPage() stops after 500 services and says how many more there are", () => {
  const services = Array.from({ length: 502 }, (_, index) => `s${index}`);
  const page = printIndexPage({ services, basePath: "/" });
  assert.ok(page.includes(">s499<"));
  assert.ok(!page.includes(">s500<"));
  assert.ok(page.includes("and 2 more"));
});

test("printIndexPage() says what to do when there is nothing yet", () => {
  assert.ok(printIndexPage({ services: [], basePath: "/" }).includes("No spans yet."));
});

test("the page loads nothing from anywhere", () => {
  const page = printIndexPage({ services: ["a"], basePath: "/" });
  const addresses = page.match(/(?:src|href|url)\s*[=(]\s*["'](?!\/(?!\/))[^"']*/g) ?? [];
  assert.ok(addresses.every((address) => address.includes("data:image/svg+xml")));
  assert.match(PAGE_HEADERS["Content-Security-Policy"], /^default-src 'none';/);
});
