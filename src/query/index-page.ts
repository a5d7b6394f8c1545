// The page that a browser gets: what is stored, and where to ask for more. Nothing is loaded with it.
//
//   services ─▶ a list, each with a link to its newest traces; below, the routes of the API
//
// Trust: names of services are the peers': they are escaped in text, and encoded in links. The page
// has no script and no address of another host, and its Content-Security-Policy says so.

import { printGoQuoted } from "./go-values.ts";

export interface IndexPage {
  readonly services: readonly string[];
  /** Before each link, e.g. `/jaeger`; "" = none. */
  readonly basePath: string;
}

/** Names beyond are counted: a page of 10,000 links helps nobody. */
const SERVICES_MAX = 500;

export const PAGE_HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-cache",
  "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
};

const ROUTES: readonly (readonly [path: string, what: string])[] = [
  ["/api/services", "services"],
  ["/api/dependencies", "which service calls which"],
  ["/api/v3/services", "services, by api_v3"],
  ["/api/ledger", "what became of received spans"],
];

export function printIndexPage({ services, basePath }: IndexPage): string {
  const base = basePath === "/" ? "" : basePath;
  const link = (path: string, text: string): string =>
    `<a href="${escape(base + path)}">${escape(text)}</a>`;
  const items = services.slice(0, SERVICES_MAX).map((service) => {
    const name = encodeURIComponent(service);
    const traces = link(`/api/traces?service=${name}&limit=20&prettyPrint=true`, show(service));
    const operations = link(`/api/operations?service=${name}&prettyPrint=true`, "operations");
    return `<li>${traces} <span>${operations}</span></li>`;
  });
  const more = services.length - items.length;
  const list =
    items.length === 0
      ? `<p class="empty">No spans yet. Send some to port 4317 or 4318 (OTLP), 14250 or 14268
        (Jaeger), or 9411 (Zipkin), and reload this page.</p>`
      : `<ul>${items.join("\n")}</ul>${more > 0 ? `<p>and ${more} more</p>` : ""}`;
  const routes = ROUTES.map(
    ([path, what]) => `<li>${link(`${path}?prettyPrint=true`, path)} <span>${what}</span></li>`,
  );
  const parts: Readonly<Record<string, string>> = {
    count: String(services.length),
    list,
    routes: `<ul>${routes.join("\n")}</ul>`,
  };
  // One pass over our own text: names that look like a place of a part stay names.
  return PAGE.replaceAll(/\{(count|list|routes)\}/g, (_place, name: string) => parts[name] ?? "");
}

/** What nobody could see or click, or what turns the text around it, is shown quoted and escaped. */
function show(name: string): string {
  return name.trim() !== name || name === "" || /\p{C}/u.test(name) ? printGoQuoted(name) : name;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => ENTITIES[char] ?? "");
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E" +
  "%3Cpath fill='%230a7d6c' d='M2 3h8v2H2zm3 4h8v2H5zm4 4h5v2H9z'/%3E%3C/svg%3E";

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Spoor</title>
<link rel="icon" href="${ICON}">
<style>
:root {
  color-scheme: light dark;
  --ground: #fbfaf7; --ink: #1d2524; --soft: #62706d; --line: #dfe3df; --mark: #0a7d6c;
}
@media (prefers-color-scheme: dark) {
  :root { --ground: #12181a; --ink: #e4eae8; --soft: #93a29f; --line: #2a3435; --mark: #4fc9b3; }
}
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif;
}
main { max-width: 44rem; margin: 0 auto; padding: 3rem 1.25rem 4rem; }
h1 { margin: 0; font-size: 1.75rem; letter-spacing: -0.01em; }
h1::before { content: ""; display: inline-block; width: 0.55em; height: 0.55em; margin-right: 0.4em;
  border-radius: 2px; background: var(--mark); }
h1 + p { margin: 0.25rem 0 2.5rem; color: var(--soft); }
h2 { margin: 2.5rem 0 0.5rem; font-size: 0.85rem; color: var(--soft); font-weight: 600; }
ul { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
li { display: flex; gap: 1rem; justify-content: space-between; padding: 0.5rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
li span { color: var(--soft); flex: none; }
a { color: var(--mark); text-underline-offset: 0.2em; }
li a { text-decoration: none; }
li a:hover { text-decoration: underline; }
a:focus-visible { outline: 2px solid var(--mark); outline-offset: 3px; border-radius: 2px; }
.empty { color: var(--soft); }
</style>
</head>
<body>
<main>
<h1>Spoor</h1>
<p>Distributed tracing, answering Jaeger's query API.</p>
<h2>Services with stored spans: {count}</h2>
{list}
<h2>API</h2>
{routes}
</main>
</body>
</html>
`;
