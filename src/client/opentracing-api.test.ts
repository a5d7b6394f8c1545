// What every OpenTracing tracer must do, as the package itself checks it.

import { declareOpenTracingChecks } from "../../test/opentracing-checks.ts";
import { initTracer } from "./init-tracer.ts";
import { InMemoryReporter } from "./reporters/in-memory-reporter.ts";

for (const param of [0, 1]) {
  declareOpenTracingChecks(() =>
    initTracer(
      { serviceName: "checked", sampler: { type: "const", param } },
      { reporter: new InMemoryReporter(), flushAtExit: false },
    ),
  );
}
