// Which route takes a path: exact paths first, then `:name` patterns, then the longest `*`.
//
//   /api/traces            a map, one look
//   /api/traces/:traceId   compared segment by segment, in the order of the routes
//   /static/*   *          everything below; the longest prefix wins
//
// Trust: paths are the peer's: at most SEGMENTS_MAX segments are looked at, parameters are
// percent-decoded after the split (an encoded slash stays inside its segment).
// Not here: base path and query string, which are off already (http-server.ts).

import { SpoorError } from "../base/errors.ts";
import type { HttpRoute } from "./http-route.ts";

export type Params = Readonly<Record<string, string>>;

export type Match =
  | { readonly route: HttpRoute; readonly params: Params }
  /** No route at all (`allow` empty), or none for this method. */
  | { readonly route: undefined; readonly allow: readonly string[] };

export type Router = (method: string, path: string) => Match;

/** The longest pattern of any API of ours has seven. */
const SEGMENTS_MAX = 16;
const NO_PARAMS: Params = Object.freeze(Object.create(null) as Params);

interface Pattern {
  readonly segments: readonly string[];
  /** Ends in `*`. */
  readonly isOpen: boolean;
  readonly routes: Map<string, HttpRoute>;
}

export function makeRouter(routes: readonly HttpRoute[]): Router {
  const exact = new Map<string, Map<string, HttpRoute>>();
  const patterns = new Map<string, Pattern>();
  for (const route of routes) {
    const isExact = !/[:*]/.test(route.path);
    const methods = isExact ? methodsAt(exact, route.path) : patternAt(patterns, route).routes;
    methods.set(route.method, route);
  }
  const ordered = [...patterns.values()].sort((a, b) => rank(b) - rank(a));

  return (method, path) => {
    const methods = exact.get(path);
    if (methods !== undefined) return pick(methods, method, () => NO_PARAMS);
    const segments = path.split("/", SEGMENTS_MAX + 1);
    for (const pattern of ordered) {
      if (!fits(pattern, segments)) continue;
      return pick(pattern.routes, method, () => paramsOf(pattern, segments, path));
    }
    return { route: undefined, allow: [] };
  };
}

function methodsAt<K>(map: Map<K, Map<string, HttpRoute>>, key: K): Map<string, HttpRoute> {
  const methods = map.get(key) ?? new Map<string, HttpRoute>();
  map.set(key, methods);
  return methods;
}

function patternAt(patterns: Map<string, Pattern>, { path }: HttpRoute): Pattern {
  const isOpen = path.endsWith("*");
  const closed = isOpen ? path.slice(0, -1) : path;
  const segments = closed === "" ? [""] : closed.split("/");
  const pattern = patterns.get(path) ?? { segments, isOpen, routes: new Map() };
  patterns.set(path, pattern);
  return pattern;
}

// Closed patterns before open ones, long before short; equal ones stay in the order of the routes.
function rank(pattern: Pattern): number {
  return pattern.segments.length + (pattern.isOpen ? 0 : SEGMENTS_MAX);
}

function fits({ segments, isOpen }: Pattern, path: readonly string[]): boolean {
  const fixed = isOpen ? segments.length - 1 : segments.length;
  if (isOpen ? path.length < segments.length : path.length !== segments.length) return false;
  for (let at = 0; at < fixed; at++) {
    const want = segments[at];
    if (want !== path[at] && !(want?.startsWith(":") && path[at] !== "")) return false;
  }
  return true;
}

function paramsOf({ segments, isOpen }: Pattern, path: readonly string[], whole: string): Params {
  const params = Object.create(null) as Record<string, string>;
  let offset = 0;
  for (const [at, segment] of segments.entries()) {
    const isRest = isOpen && at === segments.length - 1;
    if (isRest) params["*"] = decode(whole.slice(offset));
    else if (segment.startsWith(":")) params[segment.slice(1)] = decode(path[at] ?? "");
    offset += (path[at]?.length ?? 0) + 1;
  }
  return params;
}

function pick(methods: Map<string, HttpRoute>, method: string, params: () => Params): Match {
  // A HEAD is a GET whose answer's body stays away.
  const route = methods.get(method) ?? (method === "HEAD" ? methods.get("GET") : undefined);
  if (route !== undefined) return { route, params: params() };
  return { route: undefined, allow: [...methods.keys()] };
}

/** @throws SpoorError `bad-input` for `%zz` and for what is not UTF-8. */
export function decode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new SpoorError("bad-input", "bad percent-encoding in the path", {}, error);
  }
}
