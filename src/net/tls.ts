// TLS of a door: Jaeger's flag group, made into what node:tls takes, and kept fresh.
//
//   files ─ readTls ─▶ TlsOptions ─▶ http(s) or http2 server
//     └ every reloadIntervalMs ─ changed? ─▶ setSecureContext: old connections go on, new ones see it
//
// Source: Jaeger's `*.tls.*` flags; cipher names of Go's crypto/tls (tls.CipherSuites), which are
// IANA's; OpenSSL's names of the same suites from its `ciphers` manual.
// Trust: the operator's files and words. A mistake at start is a SpoorError that names the file; a
// mistake at a reload is logged, and what was read before stays.
// Not here: TLS of clients (a store's connection).

import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContextOptions, type SecureVersion } from "node:tls";
import { SpoorError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

/** `*.tls.{enabled,cert,key,client-ca,min-version,max-version,cipher-suites,reload-interval}`. */
export interface TlsSettings {
  readonly enabled: boolean;
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
  /** Not empty = every client must show a certificate that one of these authorities signed. */
  readonly clientCa: string;
  /** "1.0", "1.1", "1.2", "1.3"; "" = 1.2 and 1.3. */
  readonly minVersion: string;
  readonly maxVersion: string;
  /** Go's names, as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256; empty = node's default. */
  readonly cipherSuites: readonly string[];
  /** How often the files are looked at for a change, in ms; 0 = never. */
  readonly reloadIntervalMs: number;
}

export type TlsOptions = SecureContextOptions & {
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
};

const VERSIONS: Readonly<Record<string, SecureVersion>> = {
  "1.0": "TLSv1",
  "1.1": "TLSv1.1",
  "1.2": "TLSv1.2",
  "1.3": "TLSv1.3",
};

// Suites of TLS 1.3 have one name everywhere. Go always allows them; so do we when none is named.
const SUITES_1_3 = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
];

const SUITES_1_2: ReadonlyMap<string, string> = new Map([
  ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"],
  ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "ECDHE-ECDSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"],
  ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"],
  ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"],
  ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"],
  ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"],
  ["TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"],
  ["TLS_RSA_WITH_AES_256_GCM_SHA384", "AES256-GCM-SHA384"],
  ["TLS_RSA_WITH_AES_128_CBC_SHA256", "AES128-SHA256"],
  ["TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"],
  ["TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"],
]);

/**
 * Reads the files and checks that they belong together.
 *
 * @throws SpoorError `bad-input` naming the file or the word that is wrong.
 */
export function readTls(settings: TlsSettings): TlsOptions {
  const cert = readPem(settings.cert, "tls.cert");
  const key = readPem(settings.key, "tls.key");
  const isMutual = settings.clientCa !== "";
  const options: TlsOptions = {
    cert,
    key,
    ...(isMutual ? { ca: readPem(settings.clientCa, "tls.client-ca") } : {}),
    requestCert: isMutual,
    rejectUnauthorized: isMutual,
    ...parseVersions(settings),
    ...parseCiphers(settings),
  };
  checkCertificates(settings, options);
  return options;
}

/**
 * Looks at the files every `reloadIntervalMs` and calls `apply` when their contents changed.
 *
 * @returns a function that ends it.
 */
export function watchTls(
  settings: TlsSettings,
  log: Log,
  apply: (options: TlsOptions) => void,
): () => void {
  if (settings.reloadIntervalMs <= 0) return () => {};
  let last = print(readTls(settings));
  const look = () => {
    try {
      const options = readTls(settings);
      if (print(options) === last) return;
      apply(options);
      last = print(options);
      log.info("tls files changed and were read again", { cert: settings.cert });
    } catch (error) {
      log.error("tls files cannot be read again, the old ones stay", { error: String(error) });
    }
  };
  const timer = setInterval(look, settings.reloadIntervalMs).unref();
  return () => clearInterval(timer);
}

function print({ cert, key, ca }: TlsOptions): string {
  return JSON.stringify([cert, key, ca]);
}

function readPem(path: string, flag: string): string {
  if (path === "") throw new SpoorError("bad-input", `${flag} is empty, expected a PEM file`);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SpoorError("bad-input", `${flag}: cannot read ${path} (${code})`, {}, error);
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new SpoorError("bad-input", `${flag}: no PEM block in ${path}`);
}

function checkCertificates(settings: TlsSettings, options: TlsOptions): void {
  for (const [flag, path, pem] of [
    ["tls.cert", settings.cert, options.cert],
    ["tls.client-ca", settings.clientCa, options.ca],
  ] as const) {
    if (pem === undefined) continue;
    attempt(() => new X509Certificate(pem as string), `${flag}: ${path} holds no certificate`);
  }
  const { cert, key } = settings;
  attempt(() => createSecureContext(options), `tls: ${cert} and ${key} do not go together`);
}

function attempt(make: () => unknown, message: string): void {
  try {
    make();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SpoorError("bad-input", `${message} (${code ?? "no code"})`, {}, error);
  }
}

function parseVersions(settings: TlsSettings): Pick<TlsOptions, "minVersion" | "maxVersion"> {
  const minVersion = parseVersion(settings.minVersion || "1.2", "tls.min-version");
  const maxVersion = parseVersion(settings.maxVersion || "1.3", "tls.max-version");
  if (minVersion > maxVersion) {
    const { minVersion: min, maxVersion: max } = settings;
    throw new SpoorError("bad-input", `tls.min-version ${min} is above tls.max-version ${max}`);
  }
  return { minVersion, maxVersion };
}

function parseVersion(text: string, flag: string): SecureVersion {
  const version = Object.hasOwn(VERSIONS, text) ? VERSIONS[text] : undefined;
  if (version !== undefined) return version;
  throw new SpoorError("bad-input", `${flag} is "${text}", expected 1.0, 1.1, 1.2 or 1.3`);
}

function parseCiphers(settings: TlsSettings): Pick<TlsOptions, "ciphers"> {
  const names = settings.cipherSuites.map((name) => name.trim()).filter((name) => name !== "");
  const isOld = settings.minVersion === "1.0" || settings.minVersion === "1.1";
  // OpenSSL 3 refuses the signatures of TLS 1.0 and 1.1 above this level, whatever the version.
  const level = isOld ? ["@SECLEVEL=0"] : [];
  if (names.length === 0) return isOld ? { ciphers: ["DEFAULT", ...level].join(":") } : {};
  const wanted = names.map(parseSuite);
  const has1_3 = wanted.some((name) => SUITES_1_3.includes(name));
  return { ciphers: [...(has1_3 ? [] : SUITES_1_3), ...wanted, ...level].join(":") };
}

function parseSuite(name: string): string {
  const suite = SUITES_1_3.includes(name) ? name : SUITES_1_2.get(name);
  if (suite !== undefined) return suite;
  const known = [...SUITES_1_3, ...SUITES_1_2.keys()].join(", ");
  throw new SpoorError("bad-input", `tls.cipher-suites has "${name}", expected some of ${known}`);
}
