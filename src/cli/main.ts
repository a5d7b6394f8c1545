#!/usr/bin/env node
// The `spoor` program: checks that this Node can run it, then hands over.
//
// Nothing is imported before the check: an old Node fails at the import, and says something else.
// Not here: the commands (run-command.ts), what happens on a signal (supervisor.ts).

const NODE_MAJOR_MIN = 24;

if (Number(process.versions.node.split(".")[0]) < NODE_MAJOR_MIN) {
  const found = `this is ${process.version}, ${process.execPath}`;
  process.stderr.write(`spoor: Node.js ${NODE_MAJOR_MIN} or later is needed; ${found}\n`);
  process.exitCode = 1;
} else {
  const { env } = process;
  const caches =
    env["XDG_CACHE_HOME"] ?? (env["HOME"] === undefined ? "" : `${env["HOME"]}/.cache`);
  // A folder of the user's own: what lies in a cache is run.
  const { enableCompileCache } = await import("node:module");
  if (caches !== "") enableCompileCache(`${caches}/spoor`);
  const { runCommand } = await import("./run-command.ts");
  process.exitCode = await runCommand({ argv: process.argv.slice(2), env, process });
}
