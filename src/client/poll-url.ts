// Where is polled: what users write, in the ways that jaeger-client takes, as one URL.
//
//   endpoint "http://collector:14268/api/sampling"    taken as it is
//   hostPort "agent:5778", "https://agent", ":5778"    + the path
//   host "agent", port 5778                            + the path
//   nothing                                            http://localhost:5778 + the path
//
// Source: jaeger-client 3.19, remote_sampler.js; jaeger-client-go 2.30 (JAEGER_SAMPLING_ENDPOINT).
// Not here: which variables say it (env.ts).

import { SpoorError } from "../base/errors.ts";

export interface PollPlace {
  /** The whole URL; all other fields are then without meaning. */
  readonly endpoint?: string | undefined;
  readonly hostPort?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
}

const AGENT_PORT = 5_778;

/**
 * @param path of the agent, where only the place of the agent is said.
 * @throws SpoorError `bad-input` if that is no place.
 */
export function makePollUrl(
  { endpoint, hostPort, host, port }: PollPlace,
  path: string,
  query: Readonly<Record<string, string>>,
): URL {
  const url =
    endpoint === undefined || endpoint === ""
      ? agentUrl(hostPort, host, port, path)
      : parseUrl(endpoint);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  return url;
}

function agentUrl(
  hostPort: string | undefined,
  host: string | undefined,
  port: number | undefined,
  path: string,
): URL {
  const rooted = path.startsWith("/") ? path : `/${path}`;
  if (hostPort === undefined || hostPort === "") {
    const name = host === undefined || host === "" ? "localhost" : host;
    const bracketed = name.includes(":") && !name.startsWith("[") ? `[${name}]` : name;
    return parseUrl(`http://${bracketed}:${port ?? AGENT_PORT}${rooted}`);
  }
  const text = hostPort.startsWith(":") ? `localhost${hostPort}` : hostPort;
  const hasScheme = /^https?:\/\//i.test(text);
  const url = parseUrl(hasScheme ? text : `http://${text}`);
  // The port of a URL is "" when it is the scheme's own, said or not.
  if (url.port === "" && !/:\d+\/*$/.test(text)) url.port = String(AGENT_PORT);
  url.pathname = rooted;
  return url;
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  const expected = "expected host:port or a URL of http or https";
  throw new SpoorError("bad-input", `"${text}" is no place to poll, ${expected}`);
}
