// The checks that the package `opentracing` ships for implementations of its API.
//
//   opentracing/lib/test/api_compatibility.js ── describe, it ──▶ node:test
//                                             ── chai ──▶ the four assertions it uses, below
//
// The file is written for mocha and chai, which are not installed for its sake.

import { createRequire, registerHooks } from "node:module";
import { beforeEach, describe, it } from "node:test";
import type { Tracer } from "opentracing";

const STAND_IN = `
  const assert = require("node:assert");
  exports.assert = { equal: (one, other) => assert.equal(one, other) };
  exports.expect = (value) => ({
    to: {
      not: { throw: () => assert.doesNotThrow(value) },
      be: { a: (type) => assert.equal(typeof value, type) },
    },
  });
`;

interface Checks {
  readonly default: (makeTracer: () => Tracer) => void;
}

/** Declares the checks as tests of the file that calls this. */
export function declareOpenTracingChecks(makeTracer: () => Tracer): void {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "chai"
        ? { url: "stand-in:chai", shortCircuit: true }
        : next(specifier, context),
    load: (url, context, next) =>
      url === "stand-in:chai"
        ? { format: "commonjs", source: STAND_IN, shortCircuit: true }
        : next(url, context),
  });
  Object.assign(globalThis, { describe, it, beforeEach });
  const require = createRequire(import.meta.url);
  const checks = require("opentracing/lib/test/api_compatibility.js") as Checks;
  hooks.deregister();
  checks.default(makeTracer);
}
