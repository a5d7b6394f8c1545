// What a request says its body is.

import type { HttpRequest } from "./http-route.ts";

/** The media type of a Content-Type: lower case, without parameters; "" when there is none. */
export function mediaTypeOf({ headers }: HttpRequest): string {
  const header = headers["content-type"];
  const text = typeof header === "string" ? header : (header?.[0] ?? "");
  return (text.split(";", 1)[0] ?? "").trim().toLowerCase();
}
