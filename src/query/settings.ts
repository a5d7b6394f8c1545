// Settings of the query service: its two doors and how answers look.
//
// Source: the flags of Jaeger's query service up to v1.76.
// Not here: settings of every role (cli/settings.ts), of a store (store/memory/settings.ts).

import type { ConfigOf, Settings } from "../base/settings.ts";
import { deprecatedAlias, ignored, setting } from "../base/settings.ts";
import { corsSettings, tlsSettings } from "../base/settings-groups.ts";

export const querySettings = {
  "query.http-server.host-port": setting("host-port", ":16686", {
    help: "Where the HTTP API and the pages are served.",
    aliases: [deprecatedAlias("query.port", "port"), deprecatedAlias("query.host-port")],
  }),
  ...tlsSettings("query.http"),
  ...corsSettings("query.http"),
  "query.grpc-server.host-port": setting("host-port", ":16685", {
    help: "Where the gRPC API (api_v2 and api_v3) is served.",
  }),
  ...tlsSettings("query.grpc"),
  "query.base-path": setting("string", "/", {
    help: "Path before every route, e.g. `/jaeger` behind a proxy.",
    check: (path) =>
      path === "/" || /^\/[^\s?#]*[^\s?#/]$/.test(path)
        ? undefined
        : 'a path that starts with "/" and does not end with one',
  }),
  "query.additional-headers": setting("headers", "", {
    help: "Headers of every answer, `Name: value`; may be given several times.",
  }),
  "query.bearer-token-propagation": setting("bool", false, {
    help: "Whether the bearer token of a request is passed on to the store.",
  }),
  "query.max-clock-skew-adjustment": setting("duration", "0s", {
    help: "Most that a span is moved when its host's clock contradicts its parent's; 0s: never.",
  }),
  "query.static-files": ignored("value", "there is one page, and it is built in"),
  "query.ui-config": ignored("value", "there is one page, and it is built in"),
  "query.enable-tracing": ignored("no value", "the query service does not trace itself"),
  "query.log-static-assets-access": ignored("no value", "requests for pages are not logged"),
  // Jaeger reads this one from the environment only.
  "metrics-storage.type": ignored("value", "rates and latencies are computed from stored spans"),
} satisfies Settings;

/** `{ "query.http-server.host-port": HostPort | undefined, … }`. */
export type QueryConfig = ConfigOf<typeof querySettings>;
