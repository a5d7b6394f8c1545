// TLS of a door, from Jaeger's flag group to what node:tls takes.

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
  /** How often the files are looked at for a change; 0 = never. */
  readonly reloadIntervalMs: number;
}
