// Which folders of a data directory are shards.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { diskFiles } from "../disk/files.ts";
import { SHARDS_MAX, countShards, shardFolder } from "./shard-folders.ts";

test("countShards() counts up to the last shard that is there, whatever else lies beside", async () => {
  const data = await mkdtemp(join(tmpdir(), "spoor-shard-folders-"));
  try {
    assert.equal(await countShards(diskFiles, data), 1);
    for (const name of ["1", "4", "04", "x", "0", String(SHARDS_MAX)]) {
      await mkdir(join(data, "shards", name), { recursive: true });
    }
    assert.equal(await countShards(diskFiles, data), 5);
  } finally {
    await rm(data, { recursive: true });
  }
});

test("shardFolder() leaves the data of one shard where it is without shards", () => {
  assert.equal(shardFolder("/data", 0), "/data");
  assert.equal(shardFolder("/data", 3), "/data/shards/3");
});
