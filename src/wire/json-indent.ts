// JSON text set out on lines, as Go's MarshalIndent does: what `?prettyPrint=true` asks for.
//
//   {"a":[1,{}],"b":[]}   ─▶   {
//                                  "a": [
//                                      1,
//                                      {}
//                                  ],
//                                  "b": []
//                              }
//
// Works on the text, so every number and string stays as it was written.
// Trust: the text is ours (a writer's), without white space between its parts.

const SPACES = 4;

/** `json` on lines, four spaces a level. Cost: its length. */
export function indentJson(json: string): string {
  let out = "";
  let depth = 0;
  let written = 0;
  for (let at = 0; at < json.length; at++) {
    const char = json[at]!;
    if (char === '"') {
      at = endOfString(json, at);
    } else if (char === "{" || char === "[") {
      // An empty one stays on its line.
      if (json[at + 1] === "}" || json[at + 1] === "]") at++;
      else {
        out += json.slice(written, at + 1) + line(++depth);
        written = at + 1;
      }
    } else if (char === "}" || char === "]") {
      out += json.slice(written, at) + line(--depth);
      written = at;
    } else if (char === ",") {
      out += json.slice(written, at + 1) + line(depth);
      written = at + 1;
    } else if (char === ":") {
      out += json.slice(written, at) + ": ";
      written = at + 1;
    }
  }
  return out + json.slice(written);
}

/** Where the string that begins at `at` has its closing quote. */
function endOfString(json: string, at: number): number {
  let end = at + 1;
  while (json[end] !== '"' && end < json.length) end += json[end] === "\\" ? 2 : 1;
  return end;
}

function line(depth: number): string {
  return "\n" + " ".repeat(SPACES * depth);
}
