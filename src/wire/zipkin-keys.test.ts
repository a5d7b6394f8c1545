// What keys of tags mean, some of each sort.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Dictionary } from "../model/dictionary.ts";
import {
  ERROR,
  KIND,
  LIBRARY_VERSION,
  LINK,
  MEANINGS,
  PLAIN,
  PROCESS,
  SCOPE_NAME,
  STATUS_CODE,
  roleOf,
} from "./zipkin-keys.ts";

const cases = [
  ["error", ERROR],
  ["span.kind", KIND],
  ["otel.status_code", STATUS_CODE],
  ["otel.scope.name", SCOPE_NAME],
  ["otel.library.version", LIBRARY_VERSION],
  ["service.name", PROCESS],
  ["k8s.pod.name", PROCESS],
  ["aws.ecs.container.arn", PROCESS],
  ["process.runtime.description", PROCESS],
  ["otlp.service.name.source", PROCESS],
  ["otlp.link.0", LINK],
  ["otlp.link.", LINK],
  ["otlp.link", PLAIN],
  ["Error", PLAIN],
  ["service", PLAIN],
  ["k8s.pod.labels.app", PLAIN],
  ["http.status_code", PLAIN],
  ["__proto__", PLAIN],
  ["constructor", PLAIN],
  ["", PLAIN],
  [`error${"x".repeat(1_000)}`, PLAIN],
] as const;

for (const [key, role] of cases) {
  test(`roleOf() knows ${key.slice(0, 40) || "the empty key"}`, () => {
    const dictionary = new Dictionary();
    assert.equal(roleOf(dictionary, dictionary.internText(key)), role);
    assert.ok(role < MEANINGS);
  });
}
