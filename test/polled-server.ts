// An HTTP server that answers pollers as a test says: properly, or as nobody should.
//
//   GET path ─▶ paths (kept) ─▶ answer(path, response)

import { once } from "node:events";
import { type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface PolledServer {
  /** `127.0.0.1:port` */
  readonly hostPort: string;
  /** What was asked, in its order. */
  readonly paths: readonly string[];
  /** What it answers from now on: a text as 200, or what the function does with the response. */
  answer: string | ((response: ServerResponse) => void);
  close(): Promise<void>;
}

export async function openPolledServer(): Promise<PolledServer> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? "");
    if (typeof polled.answer === "string") response.end(polled.answer);
    else polled.answer(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const polled: PolledServer = {
    hostPort: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    answer: "",
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return polled;
}

/** Writes for ever, as fast as it is read. */
export function answerEndlessly(text: string): (response: ServerResponse) => void {
  return (response) => {
    const block = text.repeat(Math.ceil(16_384 / text.length));
    const write = (): void => {
      while (!response.destroyed && response.write(block));
      if (!response.destroyed) response.once("drain", write);
    };
    write();
  };
}
