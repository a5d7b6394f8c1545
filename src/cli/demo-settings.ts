// Settings of `spoor demo`.

import { type Settings, setting } from "../base/settings.ts";

const address = (what: string): string =>
  `${what} of the Spoor that is sent to; one is started if none answers.`;

export const demoSettings = {
  "demo.rate": setting("count", 5, {
    help: "Requests a second that the shop gets.",
    min: 1,
    max: 1_000,
  }),
  "demo.duration": setting("duration", "0s", {
    help: "How long the shop is open; 0s: until it is told to end.",
  }),
  "demo.otlp-grpc": setting("host-port", ":4317", { help: address("OTLP gRPC address") }),
  "demo.otlp-http": setting("host-port", ":4318", { help: address("OTLP HTTP address") }),
  "demo.query": setting("host-port", ":16686", { help: address("HTTP query address") }),
} satisfies Settings;
