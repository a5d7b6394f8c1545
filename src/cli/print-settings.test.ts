// Help as it stands on the console.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deprecatedAlias, ignored, setting } from "../base/settings.ts";
import { printFlags, printVariables } from "./print-settings.ts";

const long = "A text that is longer than what fits on a line of the console, ".repeat(2);
const table = {
  "b.host-port": setting("host-port", ":1", {
    help: "Where.",
    aliases: [deprecatedAlias("b.port")],
  }),
  "b.old": ignored("value", "gone"),
  "b.on": setting("bool", true, { help: "On." }),
  "b.off": setting("bool", false, { help: "Off." }),
  "a.level": setting("choice", "", { help: "Level.", choices: ["", "x", "y"] }),
  "a.long": setting("string", "", { help: `${long}end.` }),
};

test("printFlags() prints every setting with an effect, by name, in lines of at most 96 columns", () => {
  assert.equal(
    printFlags(table),
    `  --a.level=x|y
        Level.
  --a.long=text
        A text that is longer than what fits on a line of the console, A text that is longer
        than what fits on a line of the console, end.
  --b.host-port=host:port (default :1)
        Where. Also understood: --b.port.
  --b.off
        Off.
  --b.on (default true)
        On.
`,
  );
});

test("printVariables() prints one line per variable", () => {
  const { "a.long": _, ...short } = table;
  assert.equal(
    printVariables(short),
    "A_LEVEL      Level.\nB_HOST_PORT  Where.\nB_OFF        Off.\nB_ON         On.\n",
  );
});
