// A process that forwards numbered parcels to a port where nobody listens, so it spools; for a test to kill.
//
//   node spool-process.ts <directory> <port>      prints each number once it was promised

import { silentLog } from "../src/base/log.ts";
import { parseSettings } from "../src/base/parse-settings.ts";
import { forwarderSettings } from "../src/agent/forwarder-settings.ts";
import { openForwarder } from "../src/agent/open-forwarder.ts";

const [directory, port] = process.argv.slice(2);
const argv = [
  `--reporter.grpc.host-port=127.0.0.1:${port}`,
  `--spool.directory=${directory}`,
  "--spool.after=10ms",
];
const { config } = parseSettings({ table: forwarderSettings, argv, env: {} });
const forwarder = await openForwarder({
  config,
  memoryBytesMax: 1e6,
  log: silentLog,
  onBug: (error) => {
    throw error;
  },
});
const payload = (number: number): Uint8Array => Buffer.from(String(number).padEnd(300, "."));
for (let number = 1; ; number++) {
  await forwarder.send({
    payload: payload(number),
    spans: number,
    services: [["numbers", number]],
  });
  process.stdout.write(`${number}\n`);
}
