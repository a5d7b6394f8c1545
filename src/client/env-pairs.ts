// Lists of names and values in one variable of the environment.
//
//   JAEGER_TAGS               "version=1.2, host=${HOSTNAME:unknown}"   values from other variables
//   OTEL_RESOURCE_ATTRIBUTES  "deployment=prod,team=a%2Cb"              values percent-encoded
//
// Source: jaeger-client 3.19 and jaeger-client-go 2.30 (tags); OpenTelemetry specification, resource SDK.

import { SpoorError } from "../base/errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

type Pairs = Record<string, string>;

/**
 * `name=value` with commas between; `${NAME:default}` is the value of a variable, or the default if
 * that is not set or empty. A tag whose variable has neither is left out.
 *
 * @throws SpoorError `bad-input` for a part without a name or `=`
 */
export function parseJaegerTags(text: string, env: Environment): Pairs {
  const tags: Pairs = {};
  for (const [name, value] of splitPairs(text)) {
    const found = /^\$\{([^:}]*)(?::(.*))?\}$/s.exec(value);
    const meant = found === null ? value : env[found[1] ?? ""] || found[2];
    if (meant !== undefined) define(tags, name, meant);
  }
  return tags;
}

/** @throws SpoorError `bad-input` for a part without a name or `=`, or with a wrong `%` */
export function parseOtelPairs(text: string): Pairs {
  const pairs: Pairs = {};
  for (const [name, value] of splitPairs(text)) {
    try {
      define(pairs, name, decodeURIComponent(value));
    } catch (error) {
      throw new SpoorError("bad-input", "percent-encoding that is none", {}, error);
    }
  }
  return pairs;
}

function splitPairs(text: string): (readonly [name: string, value: string])[] {
  const parts = text.split(",").map((part) => part.trim());
  return parts
    .filter((part) => part !== "")
    .map((part) => {
      const at = part.indexOf("=");
      if (at < 1) throw new SpoorError("bad-input", "a part that is not name=value");
      return [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    });
}

/** Also a name like __proto__ is a name. */
function define(pairs: Pairs, name: string, value: string): void {
  Object.defineProperty(pairs, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
