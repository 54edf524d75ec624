/** Reading `Authorization: Bearer` (RFC 6750, section 2.1) by the one strict grammar that Keystead itself has. */

import { type Refused, unauthenticated } from "./verification.js";

// RFC 6750's b68token. Whatever else a header could hold never reaches `fetch`, whose errors may repeat it.
const TOKEN = /^[A-Za-z0-9._~+/=-]+$/;
/** More than any token of Keystead's has. */
const LONGEST = 8192;

/** The token of a request, from each of its `Authorization` headers as it came; or else what the caller is told. */
export function bearer(headers: readonly string[]): string | Refused {
  const [header, ...more] = headers;
  if (header === undefined) {
    return unauthenticated("Bearer", "Send the header: Authorization: Bearer YOUR_API_KEY.");
  }
  if (more.length > 0) return malformed("Send one Authorization header, not several.");
  const token = header.startsWith("Bearer ") ? header.slice("Bearer ".length) : "";
  if (token.length <= LONGEST && TOKEN.test(token)) return token;
  return malformed(
    "Send the header as: Authorization: Bearer YOUR_API_KEY (one space, nothing around the key).",
  );
}

function malformed(detail: string): Refused {
  return unauthenticated(`Bearer error="invalid_token", error_description="${detail}"`, detail);
}
