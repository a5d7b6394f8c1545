// TLS of a connection that we open: Jaeger's client flag group, made into what node:tls takes.
//
//   settings ─ readClientTls ─▶ ClientTls ─ connectSocket ─▶ a socket whose peer has proved its name
//
// Source: Jaeger's `*.tls.*` client flags (tlscfg.ClientFlagsConfig).
// Trust: the operator's files; a mistake is a SpoorError that names the file. The peer proves who it is,
// unless the operator said that it need not.
// Not here: TLS of doors (tls.ts).

import { readFileSync } from "node:fs";
import * as net from "node:net";
import * as tls from "node:tls";
import { SpoorError } from "../base/errors.ts";
import { type HostPort, printHostPort } from "../base/host-port.ts";

/** `*.tls.{enabled,ca,cert,key,server-name,skip-host-verify}`; files are PEM, "" = none. */
export interface ClientTlsSettings {
  /** Authorities of the peer's certificate; "": those of the system. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Name that the peer's certificate must have; "": the name that was dialled. */
  readonly serverName: string;
  readonly skipHostVerify: boolean;
}

export interface ClientTls {
  readonly context: tls.SecureContext;
  readonly serverName: string;
  readonly skipHostVerify: boolean;
}

/** Reads the files. @throws SpoorError `bad-input` naming what is wrong. */
export function readClientTls(settings: ClientTlsSettings): ClientTls {
  const { ca, cert, key, serverName, skipHostVerify } = settings;
  if ((cert === "") !== (key === "")) {
    throw new SpoorError("bad-input", "tls: cert and key are needed both, or none of them");
  }
  const options: tls.SecureContextOptions = {
    minVersion: "TLSv1.2",
    ...(ca === "" ? {} : { ca: readPem(ca, "tls.ca") }),
    ...(cert === "" ? {} : { cert: readPem(cert, "tls.cert"), key: readPem(key, "tls.key") }),
  };
  try {
    return { context: tls.createSecureContext(options), serverName, skipHostVerify };
  } catch (error) {
    const message = `tls: ${[ca, cert, key].filter(Boolean).join(", ")} cannot be used`;
    throw new SpoorError("bad-input", message, {}, error);
  }
}

function readPem(path: string, flag: string): string {
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

export interface SocketOptions {
  /** Where to connect to. */
  readonly address: HostPort;
  /** What the peer is called: for its certificate. */
  readonly hostName: string;
  readonly tls?: ClientTls | undefined;
  /** Protocols to offer in the handshake, as "h2". */
  readonly protocols: readonly string[];
  readonly timeoutMs: number;
}

/** @returns a socket that is connected and, with TLS, trusted. @throws SpoorError `unavailable`. */
export function connectSocket(options: SocketOptions): Promise<net.Socket> {
  const { address, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    const socket =
      options.tls === undefined ? net.connect(address) : startTls(options, options.tls);
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      socket.off("close", onClose);
      if (error === undefined) {
        socket.off("error", settle);
        resolve(socket.setNoDelay(true));
        return;
      }
      socket.on("error", () => undefined);
      socket.destroy();
      const message = `${printHostPort(address)} cannot be connected to: ${error.message}`;
      reject(new SpoorError("unavailable", message, {}, error));
    };
    const onClose = (): void => settle(new Error("the peer closed"));
    const timer = setTimeout(() => settle(new Error("no answer in time")), timeoutMs);
    socket.once(options.tls === undefined ? "connect" : "secureConnect", () => settle());
    socket.once("error", settle);
    socket.once("close", onClose);
  });
}

function startTls(options: SocketOptions, { context, ...rest }: ClientTls): tls.TLSSocket {
  const name = rest.serverName === "" ? options.hostName : rest.serverName;
  return tls.connect({
    ...options.address,
    secureContext: context,
    // An address is no name that a client may ask for (RFC 6066 §3); its certificate is still checked.
    ...(net.isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_, certificate) => tls.checkServerIdentity(name, certificate),
    ALPNProtocols: [...options.protocols],
    rejectUnauthorized: !rest.skipHostVerify,
  });
}
