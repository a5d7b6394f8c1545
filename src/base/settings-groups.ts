// Settings that several doors share, each made by one function from the door's prefix.
//
//   tlsSettings("collector.grpc")      collector.grpc.tls.{enabled,cert,key,client-ca,…}
//   corsSettings("collector.zipkin")   collector.zipkin.cors.allowed-{origins,headers}
//   clientTlsSettings("reporter.grpc") reporter.grpc.tls.{enabled,ca,cert,key,server-name,…}
//
// Source: Jaeger's tlscfg and corscfg flag groups.
// Not here: reading certificates and starting TLS (net).

import { SpoorError } from "./errors.ts";
import type { Alias, ConfigOf, Setting } from "./settings.ts";
import { setting } from "./settings.ts";

const TLS_VERSIONS = ["", "1.0", "1.1", "1.2", "1.3"] as const;
type TlsVersion = (typeof TLS_VERSIONS)[number];

type TlsRows = {
  readonly enabled: Setting<boolean>;
  readonly cert: Setting<string>;
  readonly key: Setting<string>;
  readonly "client-ca": Setting<string>;
  readonly "min-version": Setting<TlsVersion>;
  readonly "max-version": Setting<TlsVersion>;
  readonly "cipher-suites": Setting<readonly string[]>;
  readonly "reload-interval": Setting<number>;
};

type Prefixed<P extends string, Rows> = {
  readonly [K in keyof Rows as `${P}.${K & string}`]: Rows[K];
};

/** TLS of one door, as its config says it: what the servers of net take. Files are PEM. */
export interface TlsConfig {
  readonly enabled: true;
  readonly cert: string;
  readonly key: string;
  /** Not empty: peers must show a certificate that one of these authorities signed. */
  readonly clientCa: string;
  /** Empty: the server's own limit. */
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** Empty: the server's own list. */
  readonly cipherSuites: readonly string[];
  /** 0: the files are read once, at the start. */
  readonly reloadIntervalMs: number;
}

export type TlsSettings<P extends string> = Prefixed<`${P}.tls`, TlsRows>;

/** Older names of two rows of a TLS group. */
export interface TlsAliases {
  readonly enabled?: readonly Alias[];
  readonly clientCa?: readonly Alias[];
}

/** The TLS group of the door whose settings start with `prefix`. */
export function tlsSettings<P extends string>(prefix: P, aliases: TlsAliases = {}): TlsSettings<P> {
  return withPrefix(`${prefix}.tls`, {
    enabled: setting("bool", false, { help: "Serve TLS.", aliases: aliases.enabled ?? [] }),
    cert: setting("string", "", { help: "File with the server's certificate chain, PEM." }),
    key: setting("string", "", { help: "File with the private key of the certificate, PEM." }),
    "client-ca": setting("string", "", {
      help: "File with the authorities of client certificates, PEM. Turns on mutual TLS.",
      aliases: aliases.clientCa ?? [],
    }),
    "min-version": setting("choice", "", {
      help: "Oldest TLS version that is accepted.",
      choices: TLS_VERSIONS,
    }),
    "max-version": setting("choice", "", {
      help: "Newest TLS version that is accepted.",
      choices: TLS_VERSIONS,
    }),
    "cipher-suites": setting("list", "", { help: "Cipher suites that are accepted; empty: all." }),
    "reload-interval": setting("duration", "0s", {
      help: "How often the certificate files are looked at for a change; 0s: never.",
    }),
  });
}

/**
 * The TLS group of a door, out of a parsed config.
 *
 * @returns undefined when the door speaks plain text.
 * @throws SpoorError `bad-input` when parts of the group contradict each other.
 */
export function tlsConfigOf<P extends string>(
  config: { readonly [K in keyof TlsSettings<P>]: unknown },
  prefix: P,
): TlsConfig | undefined {
  const names = Object.keys(config).filter((name) => name.startsWith(`${prefix}.tls.`));
  const values = names.map((name) => [name.slice(prefix.length + 5), config[name as never]]);
  // The parameter's type has made sure that all eight rows are there, parseSettings of their types.
  const group = Object.fromEntries(values) as ConfigOf<TlsRows>;
  const tls: TlsConfig = {
    enabled: true,
    cert: group.cert,
    key: group.key,
    clientCa: group["client-ca"],
    minVersion: group["min-version"],
    maxVersion: group["max-version"],
    cipherSuites: group["cipher-suites"],
    reloadIntervalMs: group["reload-interval"],
  };
  const refuse = (what: string): SpoorError =>
    new SpoorError("bad-input", `${prefix}.tls: ${what}`);
  if (!group.enabled) {
    const isPlain = tls.cert + tls.key + tls.clientCa === "";
    if (!isPlain) throw refuse(`files are given, but ${prefix}.tls.enabled is not true`);
    return undefined;
  }
  if (tls.cert === "" || tls.key === "") throw refuse("both cert and key are needed");
  if (tls.minVersion !== "" && tls.maxVersion !== "" && tls.minVersion > tls.maxVersion) {
    throw refuse(`min-version ${tls.minVersion} is above max-version ${tls.maxVersion}`);
  }
  return tls;
}

type ClientTlsRows = {
  readonly enabled: Setting<boolean>;
  readonly ca: Setting<string>;
  readonly cert: Setting<string>;
  readonly key: Setting<string>;
  readonly "server-name": Setting<string>;
  readonly "skip-host-verify": Setting<boolean>;
};

/** TLS towards a server, as its config says it: what the clients of net take. Files are PEM. */
export interface ClientTlsConfig {
  /** Empty: the authorities of the system. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Empty: the name that is dialled. */
  readonly serverName: string;
  readonly skipHostVerify: boolean;
}

export type ClientTlsSettings<P extends string> = Prefixed<`${P}.tls`, ClientTlsRows>;

/** The TLS group of the connections whose settings start with `prefix`. */
export function clientTlsSettings<P extends string>(
  prefix: P,
  aliases: { readonly enabled?: readonly Alias[] } = {},
): ClientTlsSettings<P> {
  return withPrefix(`${prefix}.tls`, {
    enabled: setting("bool", false, { help: "Speak TLS.", aliases: aliases.enabled ?? [] }),
    ca: setting("string", "", {
      help: "File with the authorities of the server's certificate, PEM; empty: the system's.",
    }),
    cert: setting("string", "", { help: "File with our certificate chain, PEM." }),
    key: setting("string", "", { help: "File with the private key of the certificate, PEM." }),
    "server-name": setting("string", "", {
      help: "Name that the server's certificate must have; empty: the one that is dialled.",
    }),
    "skip-host-verify": setting("bool", false, {
      help: "Take any certificate of the server: protects from nobody who can get in between.",
    }),
  });
}

/**
 * The TLS group of a client, out of a parsed config.
 *
 * @returns undefined when it speaks plain text.
 * @throws SpoorError `bad-input` when parts of the group contradict each other.
 */
export function clientTlsConfigOf<P extends string>(
  config: { readonly [K in keyof ClientTlsSettings<P>]: unknown },
  prefix: P,
): ClientTlsConfig | undefined {
  const names = Object.keys(config).filter((name) => name.startsWith(`${prefix}.tls.`));
  const values = names.map((name) => [name.slice(prefix.length + 5), config[name as never]]);
  // The parameter's type has made sure that all six rows are there, parseSettings of their types.
  const group = Object.fromEntries(values) as ConfigOf<ClientTlsRows>;
  const { ca, cert, key, enabled } = group;
  if (enabled) {
    const serverName = group["server-name"];
    return { ca, cert, key, serverName, skipHostVerify: group["skip-host-verify"] };
  }
  if (ca + cert + key === "") return undefined;
  const message = `${prefix}.tls: files are given, but ${prefix}.tls.enabled is not true`;
  throw new SpoorError("bad-input", message);
}

interface CorsRows {
  readonly "allowed-origins": Setting<readonly string[]>;
  readonly "allowed-headers": Setting<readonly string[]>;
}

/** The CORS group of the door whose settings start with `prefix`. */
export function corsSettings<P extends string>(
  prefix: P,
  aliases: { readonly origins?: readonly Alias[]; readonly headers?: readonly Alias[] } = {},
): Prefixed<`${P}.cors`, CorsRows> {
  return withPrefix(`${prefix}.cors`, {
    "allowed-origins": setting("list", "", {
      help: "Origins whose pages may send to this door, `*` for all; empty: no CORS headers.",
      aliases: aliases.origins ?? [],
    }),
    "allowed-headers": setting("list", "", {
      help: "Request headers that such pages may use, besides the safe ones.",
      aliases: aliases.headers ?? [],
    }),
  });
}

function withPrefix<P extends string, Rows extends object>(
  prefix: P,
  rows: Rows,
): Prefixed<P, Rows> {
  const entries = Object.entries(rows).map(([name, row]) => [`${prefix}.${name}`, row] as const);
  // Object.fromEntries forgets the names; Prefixed says which they are.
  return Object.fromEntries(entries) as Prefixed<P, Rows>;
}
