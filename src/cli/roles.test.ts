// Promises about each role's whole table.

import assert from "node:assert/strict";
import { test } from "node:test";
import { envNameOf } from "../base/settings.ts";
import { isRoleName, roles } from "./roles.ts";

test("roles: no flag and no variable sets two settings", () => {
  for (const { table } of Object.values(roles)) {
    const owners = new Map<string, string>();
    for (const [name, row] of Object.entries(table)) {
      const aliases = row.kind === "ignored" ? [] : (row.aliases ?? []);
      for (const spelling of [name, ...aliases.map((alias) => alias.name)]) {
        const owner = row.kind === "ignored" ? "nobody" : name;
        assert.ok(!owners.has(`--${spelling}`), spelling);
        owners.set(`--${spelling}`, owner);
        const variable = envNameOf(spelling);
        assert.equal(owners.get(variable) ?? owner, owner, variable);
        owners.set(variable, owner);
      }
    }
  }
});

test("roles: a door that a switch turns off names a boolean of its table", () => {
  for (const { table } of Object.values(roles)) {
    for (const row of Object.values(table)) {
      const name = row.kind === "ignored" ? undefined : row.onlyIf;
      if (name !== undefined) assert.equal(new Map(Object.entries(table)).get(name)?.kind, "bool");
    }
  }
});

test("isRoleName() knows the roles and nothing of Object", () => {
  assert.ok(isRoleName("collector") && !isRoleName("toString") && !isRoleName("__proto__"));
});
