// One HTTP request from its headers to the last byte of its answer.
//
//   headers ─▶ (body ─▶) handle ─▶ answer ─▶ end
//      └───────────┴──── failure ────┴──▶ answerFailure ─▶ end, and the unread body is dropped
//
// The hot path (a body, a synchronous handler, a short answer) makes one object and four listeners.
// Trust: everything in the request is the peer's.
// Not here: sockets and their timers (http-server.ts), how an answer is written (http-answer.ts).

import type { IncomingMessage, ServerResponse } from "node:http";
import { printError, SpoorError } from "../base/errors.ts";
import { isAbort } from "./abort.ts";
import { BodyError } from "./body-error.ts";
import type { AnswerWriter } from "./http-answer.ts";
import { hasBody, HttpBodyReader } from "./http-body.ts";
import type {
  HttpAnswer,
  HttpFailure,
  HttpRequest,
  HttpRoute,
  OnHttpFailure,
} from "./http-route.ts";
import type { Params } from "./http-router.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { HttpLimits } from "./limits.ts";
import { httpStatusOf, httpStatusOfBody, RETRY_AFTER_S } from "./status.ts";

/** What all calls of a door share. */
export interface CallSettings {
  readonly limits: HttpLimits;
  readonly budget: ByteBudget;
  readonly writer: AnswerWriter;
  readonly answerFailure: (failure: HttpFailure, request: HttpRequest) => HttpAnswer;
  readonly onFailure: OnHttpFailure;
  readonly onBug: (error: unknown) => void;
}

/** Who has the body in hand: we, a handler (or the thread pool), nobody any more. */
type Stage = "receiving" | "handling" | "answered";

const EMPTY = new Uint8Array(0);

export class HttpCall implements HttpRequest {
  readonly method: string;
  path: string;
  readonly rawQuery: string;
  params: Params;
  body: Uint8Array = EMPTY;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly #settings: CallSettings;
  #reader: HttpBodyReader | undefined;
  #query: URLSearchParams | undefined;
  #abort: AbortController | undefined;
  #stage: Stage = "receiving";
  #wasHandled = false;
  #isGone = false;

  constructor(
    settings: CallSettings,
    request: IncomingMessage,
    response: ServerResponse,
    target: { readonly path: string; readonly rawQuery: string; readonly params: Params },
  ) {
    this.#settings = settings;
    this.request = request;
    this.response = response;
    this.method = request.method ?? "";
    this.path = target.path;
    this.rawQuery = target.rawQuery;
    this.params = target.params;
  }

  /** A body was announced and has not come to its end. */
  get isStillSending(): boolean {
    return hasBody(this.request) && !this.request.complete;
  }

  get headers(): IncomingMessage["headers"] {
    return this.request.headers;
  }

  get remoteAddress(): string {
    return this.request.socket.remoteAddress ?? "";
  }

  get query(): URLSearchParams {
    if (this.#query === undefined) {
      if (/%(?![0-9a-fA-F]{2})/.test(this.rawQuery)) {
        throw new SpoorError("bad-input", "bad percent-encoding in the query");
      }
      this.#query = new URLSearchParams(this.rawQuery);
    }
    return this.#query;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isGone) this.#abort.abort();
    return this.#abort.signal;
  }

  /** Receives the body, if one comes, and lets `route` answer. */
  run(route: HttpRoute): void {
    if (!hasBody(this.request)) {
      this.#handle(route, EMPTY);
      return;
    }
    try {
      const { limits, budget } = this.#settings;
      const reader = new HttpBodyReader(this.request, limits, budget);
      this.#reader = reader;
      if (this.headers.expect !== undefined) this.response.writeContinue();
      this.request.on("data", (chunk: Uint8Array) => this.#receive(reader, chunk));
      this.request.on("end", () => this.#finishBody(reader, route));
      this.request.on("error", () => {}); // the peer has gone: "close" of the response follows
    } catch (error) {
      this.fail(error);
    }
  }

  /** The peer has gone, or has its answer: "close" of the response. */
  close(): void {
    this.lose(0);
    this.#isGone = true;
    if (!this.response.writableFinished) this.#abort?.abort();
    if (this.#stage !== "handling") this.#release();
  }

  /**
   * The rest of the body will not come: the peer has gone (0), or node:http answers with `status`.
   * Does nothing for a request that came whole or has its answer.
   */
  lose(status: number): void {
    if (this.#stage !== "receiving") return;
    this.#stage = "answered";
    this.#tellFailure(status);
  }

  /** Answers with the status of `error`; anything but our own errors is a bug. */
  fail(error: unknown): void {
    if (error instanceof SpoorError) {
      this.refuse({ status: httpStatusOf[error.code], message: printError(error), error });
    } else if (error instanceof BodyError) {
      this.refuse({ status: httpStatusOfBody[error.reason], message: error.message });
    } else if (isAbort(error, this.#abort?.signal)) {
      this.#release(); // nobody is there to be answered
    } else {
      this.refuse({ status: 500, message: "internal error" });
      this.#settings.onBug(error);
    }
  }

  answer(answer: HttpAnswer): void {
    this.#stage = "answered";
    if (this.#isGone) this.#release();
    this.#settings.writer.write(this, answer);
  }

  refuse(failure: HttpFailure, headers: Readonly<Record<string, string>> = {}): void {
    this.#tellFailure(failure.status);
    const retry: Record<string, string> =
      failure.status === 429 || failure.status === 503
        ? { "Retry-After": String(RETRY_AFTER_S) }
        : {};
    let answer: HttpAnswer;
    try {
      answer = this.#settings.answerFailure(failure, this);
    } catch (error) {
      this.#settings.onBug(error);
      answer = { status: 500 };
    }
    this.answer({ ...answer, headers: { ...answer.headers, ...retry, ...headers } });
  }

  #tellFailure(status: number): void {
    const { path } = this;
    this.#settings.onFailure({ path, status, wasHandled: this.#wasHandled });
  }

  #receive(reader: HttpBodyReader, chunk: Uint8Array): void {
    if (this.#stage !== "receiving" || this.#isGone) return;
    try {
      reader.add(chunk);
    } catch (error) {
      this.fail(error);
    }
  }

  #finishBody(reader: HttpBodyReader, route: HttpRoute): void {
    if (this.#stage !== "receiving" || this.#isGone) return;
    this.#stage = "handling";
    try {
      const plain = reader.finish();
      if (plain instanceof Promise) {
        plain.then(
          (bytes) => this.#handle(route, bytes),
          (error: unknown) => this.fail(error),
        );
      } else {
        this.#handle(route, plain);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  #handle(route: HttpRoute, body: Uint8Array): void {
    this.#stage = "handling";
    this.#wasHandled = true;
    this.body = body;
    try {
      const answer = route.handle(this);
      if (!("then" in answer)) {
        this.answer(answer);
        return;
      }
      answer.then(
        (settled) => this.answer(settled),
        (error: unknown) => this.fail(error),
      );
    } catch (error) {
      this.fail(error);
    }
  }

  #release(): void {
    this.body = EMPTY;
    this.#reader?.release();
    this.#reader = undefined;
  }
}
