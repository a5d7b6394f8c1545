// A span of the client, seen through OpenTelemetry's API.
//
//   setAttribute     tag                        setStatus      `error`, otel.status_code, otel.status_description
//   addEvent         log with field `event`     updateName     operation name
//   recordException  log `exception`            addLink        reference
//
// Source: @opentelemetry/api 1.9, Span; docs/span-mapping.md for the names of tags.
// Trust: the values are the application's; the client's span bounds and cuts them.

import {
  type AttributeValue,
  type Attributes,
  type Exception,
  type Link,
  type Span as ApiSpan,
  type SpanContext as ApiSpanContext,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
} from "@opentelemetry/api";
import type { Span } from "../span.ts";
import { addReferences } from "./links.ts";
import { makeApiContext } from "./span-contexts.ts";

const STATUS_CODE = "otel.status_code";

/** Holds nothing of its own but the client's span, so that a second one for the same span is as good. */
export class BridgeSpan implements ApiSpan {
  readonly client: Span;
  #context: ApiSpanContext | undefined;

  constructor(client: Span) {
    this.client = client;
  }

  spanContext(): ApiSpanContext {
    this.#context ??= makeApiContext(this.client.context());
    return this.#context;
  }

  setAttribute(key: string, value: AttributeValue | undefined): this {
    if (value === undefined || value === null || !this.isRecording()) return this;
    // An attribute is replaced, where a tag of OpenTracing is said again.
    const tags = this.client._tags;
    for (let at = 0; at < tags.length; at++) {
      if (tags[at]?.key !== key) continue;
      tags[at] = { key, value };
      return this;
    }
    this.client.setTag(key, value);
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const key of Object.keys(attributes)) this.setAttribute(key, attributes[key]);
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    const isTime = isTimeInput(attributesOrTime);
    const attributes = isTime ? undefined : attributesOrTime;
    const at = toEpochMs(isTime ? attributesOrTime : time);
    this.client.log({ event: name, ...attributes }, at);
    return this;
  }

  addLink(link: Link): this {
    return this.addLinks([link]);
  }

  addLinks(links: Link[]): this {
    if (this.isRecording()) addReferences(this.client, links);
    return this;
  }

  /** `OK` is the last word of the application; `UNSET` says nothing. */
  setStatus({ code, message }: SpanStatus): this {
    if (code === SpanStatusCode.UNSET) return this;
    // Asked of the tags: several of these may stand for one span of the client.
    if (this.client._tags.some(({ key, value }) => key === STATUS_CODE && value === "OK"))
      return this;
    const isOk = code === SpanStatusCode.OK;
    this.setAttribute("error", !isOk);
    this.setAttribute(STATUS_CODE, isOk ? "OK" : "ERROR");
    if (!isOk) this.setAttribute("otel.status_description", message);
    return this;
  }

  updateName(name: string): this {
    this.client.setOperationName(name);
    return this;
  }

  end(time?: TimeInput): void {
    if (!this.client.isFinished) this.client.finish(toEpochMs(time));
  }

  isRecording(): boolean {
    return !this.client.isFinished && this.client.context().isSampled();
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { name, code, message, stack } =
      typeof exception === "string" ? { message: exception } : (exception as ErrorLike);
    const type = code === undefined ? name : String(code);
    const fields: Record<string, string> = { event: "exception" };
    if (type !== undefined) fields["exception.type"] = type;
    if (message !== undefined) fields["exception.message"] = message;
    if (stack !== undefined) fields["exception.stacktrace"] = stack;
    this.client.log(fields, toEpochMs(time));
  }
}

interface ErrorLike {
  readonly name?: string;
  readonly code?: string | number;
  readonly message?: string;
  readonly stack?: string;
}

function isTimeInput(value: Attributes | TimeInput | undefined): value is TimeInput {
  return typeof value === "number" || value instanceof Date || Array.isArray(value);
}

/** A process does not run for three years: what is below is a time of `performance.now()`. */
const UPTIME_MS_MAX = 1e11;

/** ms since the epoch: what OpenTracing takes. */
export function toEpochMs(time: TimeInput | undefined): number | undefined {
  if (time === undefined) return undefined;
  if (Array.isArray(time)) return time[0] * 1e3 + time[1] / 1e6;
  if (time instanceof Date) return time.getTime();
  return time < UPTIME_MS_MAX ? performance.timeOrigin + time : time;
}
