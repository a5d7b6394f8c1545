// The kernel's table of sockets: as text of our own, and of the machine that runs the test.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { findKernelDrops, readUdpTable } from "./kernel-drops.ts";

const HEAD =
  "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";
const line = (local: string, drops: string): string =>
  `  12: ${local} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 31337 2 0000000000000000 ${drops}\n`;

const TABLES = {
  udp:
    HEAD +
    line("0100007F:1AAF", "28        ") +
    line("00000000:1AB0", "7") +
    line("0100007F:1AB0", "1") +
    "garbage\n" +
    line("0100007F:0001", "many"),
  udp6:
    HEAD +
    line("00000000000000000000000001000000:1AAF", "5") +
    line("0000000000000000FFFF00000100007F:1AB0", "6"),
};

const cases: readonly (readonly [address: string, port: number, drops: number | undefined])[] = [
  ["127.0.0.1", 0x1aaf, 28],
  ["0.0.0.0", 0x1ab0, 7],
  ["127.0.0.1", 0x1ab1, undefined],
  ["127.0.0.1", 1, undefined],
  ["::1", 0x1aaf, 5],
  ["::ffff:127.0.0.1", 0x1ab0, 6],
  ["::", 0x1aaf, undefined],
];
for (const [address, port, drops] of cases) {
  test(`findKernelDrops() finds ${drops} for ${address} ${port}`, () => {
    assert.deepEqual(
      findKernelDrops([{ address, port }], (family) => TABLES[family]),
      [drops],
    );
  });
}

test("findKernelDrops() knows nothing where there is no table", () => {
  assert.deepEqual(
    findKernelDrops([{ address: "127.0.0.1", port: 1 }], () => ""),
    [undefined],
  );
});

test("findKernelDrops() counts what this machine's kernel drops", async (t) => {
  if (readUdpTable("udp") === "") {
    t.skip("no /proc/net/udp here");
    return;
  }
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const at = socket.address();
  assert.deepEqual(findKernelDrops([at]), [0]);
  socket.close();
});
