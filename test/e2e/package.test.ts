// The package as its users get it: built, packed, installed in an empty folder, run and imported; its client
// by `import` and by `require`, on every Node that it is for.
//
//   installed-package.ts ─▶ app/node_modules/spoor ◀─ client-app.mjs, client-app.cjs on Node 20, 22, 24
//
// A Node that is neither on the PATH nor among npm's packages is skipped with a line.
// Not here: what the running program answers (the other end-to-end tests).

import assert from "node:assert/strict";
import { globSync, readFileSync, readdirSync, statSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type InstalledPackage, installPackage, runShell } from "./installed-package.ts";
import { findNode } from "./nodes.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const PACKED_BYTES_MAX = 2 << 20; // ours alone; dependencies are not in the tarball
/** What the client may add to an application, as JavaScript on the disk. */
const LOADED_BYTES_MAX = 500_000;

const MAJORS = [20, 22, 24] as const;
const FORMS = ["mjs", "cjs"] as const;

let installed: InstalledPackage;

before(async () => {
  installed = await installPackage();
  for (const form of FORMS) {
    const source = join(import.meta.dirname, `client-app.${form}`);
    await copyFile(source, join(installed.app, `client-app.${form}`));
  }
});

after(() => installed.remove());

test("the tarball is small", () => {
  assert(installed.tarballBytes <= PACKED_BYTES_MAX, `${installed.tarballBytes} bytes`);
});

test("the package holds JavaScript, types, licence and readme, and no sources or tests", () => {
  const files = globSync("**/*", { cwd: installed.path, exclude: ["node_modules"] });
  for (const wanted of ["LICENSE", "README.md", "cli/main.js", "wire/index.d.ts"]) {
    assert(files.includes(wanted), `${wanted} is missing`);
  }
  const strays = files.filter((path) => /\.test\.|(?<!\.d)\.ts$|package-lock/.test(path));
  assert.deepEqual(strays, []);
  const assets = globSync("**/*", { cwd: join(root, "src") }).filter((path) =>
    /\.(?!ts$)\w+$/.test(path),
  );
  assert.deepEqual(
    assets.filter((path) => !files.includes(path)),
    [],
    "files of src that did not come along",
  );
});

test("the package's manifest has no private part, no pinned Node, and states its Node", async () => {
  const text = await readFile(join(installed.path, "package.json"), "utf8");
  assert.doesNotMatch(text, /"private"|devDependencies|node-linux|\/src\//);
  assert.match(text, /"engines": \{\s*"node": ">=20"/, "the client needs no more");
});

test("spoor --help runs as an installed command", async () => {
  const help = await runShell(
    installed.app,
    {},
    join(installed.app, "node_modules/.bin/spoor"),
    "--help",
  );
  assert.match(help, /all-in-one/);
});

test("the public entries can be imported and export something", async () => {
  const code = `for (const entry of ["spoor/model", "spoor/wire"]) {
    const names = Object.keys(await import(entry));
    if (names.length === 0) throw new Error(entry + " exports nothing");
  }`;
  await runShell(installed.app, {}, process.execPath, "--input-type=module", "--eval", code);
});

test("the public entries type-check in a strict project that has no types of Node", async () => {
  await writeFile(
    join(installed.app, "user.ts"),
    `import type { SpanBatch } from "spoor/model";\nimport * as wire from "spoor/wire";\n` +
      `export const entries: readonly string[] = Object.keys(wire);\n` +
      `// @ts-expect-error: a number, so the types are there and are not any\n` +
      `export const rows: SpanBatch["rows"] = "many";\n`,
  );
  const options = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2024"];
  const libs = ["--lib", "es2024,dom,esnext.disposable", "--types", ""];
  await runShell(
    installed.app,
    {},
    join(root, "node_modules/.bin/tsc"),
    ...options,
    ...libs,
    "user.ts",
  );
});

/** Every file that a run of `node script` has loaded, as V8 saw it. */
async function run(node: string, script: string): Promise<{ said: string; loaded: string[] }> {
  const coverage = await mkdtemp(join(installed.app, "loaded-"));
  const said = await runShell(installed.app, { NODE_V8_COVERAGE: coverage }, node, script);
  const loaded = readdirSync(coverage).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(coverage, name), "utf8")) as {
      result: readonly { url: string }[];
    };
    return result.map(({ url }) => url).filter((url) => url.startsWith("file:"));
  });
  return { said, loaded: loaded.map((url) => fileURLToPath(url)) };
}

for (const major of MAJORS) {
  for (const form of FORMS) {
    const how = form === "mjs" ? "import" : "require";
    test(`spoor/client is loaded by ${how} on Node ${major}, with nothing of the server`, async (t) => {
      const node = await findNode(major, installed.app);
      if (node === undefined) return t.skip(`no Node ${major} here, and npm has none`);
      const { said, loaded } = await run(node, `client-app.${form}`);
      const [, version, spans] = /^v(\d+)\..* (\d+) spans, 1 trace$/m.exec(said) ?? [];
      assert.equal(Number(version), major);
      assert.equal(Number(spans), 2, said);

      const modules = loaded.filter((path) => path.includes("/node_modules/"));
      const ours = modules.filter((path) => path.includes("/node_modules/spoor/"));
      assert(ours.length > 5, loaded.join("\n"));
      const place = form === "cjs" ? /\/spoor\/cjs\/(\w+)\// : /\/spoor\/(\w+)\//;
      const rooms = new Set(ours.map((path) => place.exec(path)?.[1] ?? path));
      for (const room of rooms) assert(["base", "model", "wire", "client"].includes(room), room);
      const others = new Set(
        modules
          .filter((path) => !path.includes("/node_modules/spoor/"))
          .map((path) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]),
      );
      assert.deepEqual([...others], ["opentracing"]);
      const bytes = ours.reduce((sum, path) => sum + statSync(path).size, 0);
      assert(bytes <= LOADED_BYTES_MAX, `${bytes} bytes`);
      t.diagnostic(`${ours.length} files of spoor, ${Math.round(bytes / 1_000)} kB`);
      return undefined;
    });
  }
}

test("spoor/client/opentelemetry is loaded by import and require, with the application's own API package", async (t) => {
  const scope = join(installed.app, "node_modules/@opentelemetry");
  await mkdir(scope);
  await symlink(join(root, "node_modules/@opentelemetry/api"), join(scope, "api"));
  const use = `
    const reporter = new client.InMemoryReporter();
    const sampler = { type: "const", param: 1 };
    const tracer = client.initTracer({ serviceName: "bridged", sampler }, { reporter });
    bridge.registerOpenTelemetry({ tracer });
    api.trace.getTracer("library").startSpan("one").end();
    process.stdout.write(String(reporter.spans.length));`;
  const packages = { client: "spoor/client", bridge: "spoor/client/opentelemetry" };
  const names = Object.entries({ ...packages, api: "@opentelemetry/api" });
  const imports = names.map(([name, from]) => `import * as ${name} from "${from}";`).join("");
  const requires = names.map(([name, from]) => `const ${name} = require("${from}");`).join("");
  for (const major of MAJORS) {
    const node = await findNode(major, installed.app);
    if (node === undefined) {
      t.diagnostic(`no Node ${major} here, and npm has none`);
      continue;
    }
    for (const [type, code] of [
      ["module", imports + use],
      ["commonjs", requires + use],
    ] as const) {
      const said = await runShell(installed.app, {}, node, `--input-type=${type}`, "-e", code);
      assert.equal(said, "1", `${type} on Node ${major}`);
    }
  }
});

test("the package is for Node 20, too, where its commands say that they need more", async (t) => {
  const node = await findNode(20, installed.app);
  if (node === undefined) return t.skip("no Node 20 here, and npm has none");
  const { engines } = JSON.parse(
    readFileSync(join(installed.app, "node_modules/spoor/package.json"), "utf8"),
  ) as { engines: { node: string } };
  assert.equal(engines.node, ">=20");
  const command = join(installed.app, "node_modules/spoor/cli/main.js");
  await assert.rejects(runShell(installed.app, {}, node, command, "--help"), (error: unknown) => {
    const { code, stderr } = error as { code: number; stderr: string };
    assert.equal(code, 1);
    assert.match(stderr, /^spoor: Node\.js 24 or later is needed; this is v20\..*\n$/);
    return true;
  });
  return undefined;
});

test("the client's entries type-check in strict projects, of modules and of CommonJS", async () => {
  const project = join(installed.app, "typed");
  await mkdir(project);
  const code = `import { initTracerFromEnv, opentracing, type Tracer } from "spoor/client";
import { openTracingServerInterceptor } from "spoor/client/grpc";
const tracer: Tracer = initTracerFromEnv({ serviceName: "typed" });
const plain: opentracing.Tracer = tracer;
plain.startSpan("one").finish();
openTracingServerInterceptor({ tracer });
// @ts-expect-error: a string, so the types are there and are not any
export const name: number = tracer.startSpan("two").context().toTraceId();
`;
  for (const name of ["user.mts", "user.cts"]) await writeFile(join(project, name), code);
  const tsc = fileURLToPath(new URL("../../node_modules/.bin/tsc", import.meta.url));
  const types = fileURLToPath(new URL("../../node_modules/@types", import.meta.url));
  const options = ["--strict", "--noEmit", "--module", "nodenext"];
  const libs = ["--target", "es2022", "--types", "node", "--typeRoots", types];
  await runShell(project, {}, tsc, ...options, ...libs, "user.mts", "user.cts");
});
