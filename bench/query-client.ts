// Asks over one connection and reads each answer into memory that it uses again: a client that makes garbage
// would stop in the middle of an answer to collect it, and what it measured would be itself.
//
//   GET … ─▶ socket ─▶ one buffer ─▶ head │ Content-Length or chunks ─▶ status, body
//
// Trust: the server under test. Enough of HTTP/1.1 for its answers: no 1xx, no trailers.
// Source: RFC 9112.

import { connect, type Socket } from "node:net";

const FIRST_BYTES = 1 << 20;
/** A longer answer is an error of the bench. */
const BYTES_MAX = 1 << 28;
const TIMEOUT_MS = 60_000;
const READ_BYTES = 1 << 18;

export interface Answer {
  readonly status: number;
  /** Valid until the next question. */
  readonly body: Buffer;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

interface Head {
  readonly status: number;
  readonly bodyAt: number;
  /** Undefined: it comes in chunks. */
  readonly length: number | undefined;
}

export class QueryClient {
  readonly #base: string;
  readonly #socket: Socket;
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #end = 0;
  #head: Head | undefined;
  /** Where the next chunk begins, and where its content goes. */
  #chunkAt = 0;
  #bodyEnd = 0;
  #waiting: Waiting | undefined;

  /** @param base `127.0.0.1:16686` */
  constructor(base: string) {
    this.#base = base;
    const [host, port] = base.split(":");
    const callback = (length: number, buffer: Uint8Array): boolean => {
      this.#take(buffer, length);
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafe(READ_BYTES), callback };
    this.#socket = connect({ host: host!, port: Number(port), noDelay: true, onread });
    this.#socket.setTimeout(TIMEOUT_MS, () => this.#socket.destroy(new Error("no answer in time")));
    this.#socket.on("error", (error) => this.#fail(error));
    this.#socket.on("close", () => this.#fail(new Error("the connection was closed")));
  }

  /** @throws Error for any status but 200, with what was said. */
  async get(path: string, isPacked = false): Promise<Buffer> {
    const { status, body } = await this.ask(path, isPacked);
    if (status === 200) return body;
    throw new Error(`${path} answered ${status}: ${body.toString("utf8", 0, 200)}`);
  }

  ask(path: string, isPacked = false): Promise<Answer> {
    if (this.#waiting !== undefined) throw new Error("one question at a time");
    this.#end = 0;
    this.#head = undefined;
    const accept = isPacked ? "Accept-Encoding: gzip\r\n" : "";
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${this.#base}\r\n${accept}\r\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }

  #take(chunk: Uint8Array, length: number): void {
    const end = this.#end + length;
    if (end > BYTES_MAX)
      this.#socket.destroy(new Error(`an answer of more than ${BYTES_MAX} bytes`));
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(2 * end);
      this.#bytes.copy(grown, 0, 0, this.#end);
      this.#bytes = grown;
    }
    this.#bytes.set(chunk.subarray(0, length), this.#end);
    this.#end = end;
    const body = this.#findBody();
    if (body === undefined) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ status: this.#head!.status, body });
  }

  /** The body, once all of it is there. */
  #findBody(): Buffer | undefined {
    this.#head ??= this.#findHead();
    if (this.#head === undefined) return undefined;
    const { bodyAt, length } = this.#head;
    if (length === undefined) return this.#joinChunks(bodyAt);
    if (this.#end < bodyAt + length) return undefined;
    return this.#bytes.subarray(bodyAt, bodyAt + length);
  }

  #findHead(): Head | undefined {
    const at = this.#bytes.subarray(0, this.#end).indexOf("\r\n\r\n");
    if (at < 0) return undefined;
    const [first = "", ...lines] = this.#bytes.toString("latin1", 0, at).split("\r\n");
    const length = lines.find((line) => /^content-length:/i.test(line));
    this.#chunkAt = at + 4;
    this.#bodyEnd = at + 4;
    return {
      status: Number(first.split(" ")[1]),
      bodyAt: at + 4,
      length: length === undefined ? undefined : Number(length.slice("content-length:".length)),
    };
  }

  /** Moves chunks together as they come. */
  #joinChunks(bodyAt: number): Buffer | undefined {
    for (;;) {
      const sizeEnd = this.#bytes.subarray(this.#chunkAt, this.#end).indexOf("\r\n");
      if (sizeEnd < 0) return undefined;
      const from = this.#chunkAt + sizeEnd + 2;
      const size = Number.parseInt(this.#bytes.toString("latin1", this.#chunkAt, from - 2), 16);
      if (this.#end < from + size + 2) return undefined;
      this.#bytes.copyWithin(this.#bodyEnd, from, from + size);
      this.#bodyEnd += size;
      this.#chunkAt = from + size + 2;
      if (size === 0) return this.#bytes.subarray(bodyAt, this.#bodyEnd);
    }
  }
}
