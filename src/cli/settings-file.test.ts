// Three formats give the same settings; broken files give one line without their text.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readSettingsFile } from "./settings-file.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "spoor-settings-"));
});
after(() => rm(folder, { recursive: true }));

async function read(name: string, text: string | Uint8Array): Promise<unknown> {
  const path = join(folder, name);
  await writeFile(path, text);
  return (await readSettingsFile(path)).values;
}

const documents: readonly (readonly [name: string, text: string])[] = [
  ["a.yaml", "collector:\n  queue-size: 5\n  tags: {a: b}\n"],
  ["a.yml", "collector: {queue-size: 5, tags: {a: b}}"],
  ["a.json", '\uFEFF{"collector": {"queue-size": 5, "tags": {"a": "b"}}}'],
  ["a.TOML", '[collector]\nqueue-size = 5\ntags.a = "b"\n'],
];
for (const [name, text] of documents) {
  test(`readSettingsFile() reads ${name}`, async () => {
    const values = JSON.stringify(await read(name, text));
    assert.equal(values, '{"collector":{"queue-size":5,"tags":{"a":"b"}}}');
  });
}

test("readSettingsFile() takes an empty file as no settings", async () => {
  assert.equal((await read("empty.yaml", "")) ?? "none", "none");
  assert.equal((await read("empty.json", " \n")) ?? "none", "none");
  assert.deepEqual({ ...((await read("empty.toml", "")) as object) }, {});
});

test("readSettingsFile() keeps __proto__ a key like any other", async () => {
  for (const [name, text] of [
    ["proto.yaml", "__proto__: {a: 1}"],
    ["proto.json", '{"__proto__": {"a": 1}}'],
    ["proto.toml", "[__proto__]\na = 1"],
  ] as const) {
    assert.deepEqual(Object.keys((await read(name, text)) as object), ["__proto__"], name);
  }
});

const broken: readonly (readonly [name: string, text: string | Uint8Array, what: RegExp])[] = [
  ["b.yaml", "a: [1\npassword: secret", /must be sufficiently indented.* at line 2, column 1$/],
  ["c.yaml", "a: 1\na: 2", /Map keys must be unique at line 2, column 1$/],
  ["d.yaml", "a: 1\n---\na: secret", /multiple documents at line 2, column 1$/],
  ["e.yaml", "a: *secrets", /Unresolved alias/],
  ["f.yaml", bomb(), /Excessive alias count/],
  ["b.json", '{"a": 1, "password": "secret" x}', /at position 30 \(line 1 column 31\)$/],
  ["c.json", '{"password": secret}', /Unexpected token 's'$/],
  ["b.toml", "password = secret", /invalid value at line 1, column 12$/],
  ["g.yaml", Uint8Array.of(0xff), /not valid for encoding utf-8$/],
  ["h.yaml", " ".repeat(4 * 1_048_576 + 1), /more than 4194304 bytes$/],
  ["collector.hcl", "", /expected a name that ends in \.yaml, \.yml, \.json, \.toml$/],
  ["collector", "", /expected a name that ends in/],
];
for (const [name, text, what] of broken) {
  test(`readSettingsFile() refuses ${name} in one line without its text`, async () => {
    await assert.rejects(read(name, text), (error: Error & { code?: string }) => {
      assert.equal(error.code, "bad-input");
      assert.match(error.message, what);
      assert.ok(error.message.startsWith(`config-file ${join(folder, name)}: `));
      assert.doesNotMatch(error.message, /\n|secret(?!s)/);
      return true;
    });
  });
}

test("readSettingsFile() names a file that is not there", async () => {
  const path = join(folder, "missing.yaml");
  const message = `config-file ${path}: ENOENT: no such file or directory, open '${path}'`;
  await assert.rejects(readSettingsFile(path), { code: "bad-input", message });
});

/** Nine levels of ten aliases each: a billion values if it were followed. */
function bomb(): string {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const item = level === 0 ? "x" : `*a${level - 1}`;
    return `a${level}: &a${level} [${Array.from({ length: 10 }, () => item).join(",")}]\n`;
  });
  return levels.join("");
}
