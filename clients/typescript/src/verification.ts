/** What came of a check, and what a refused caller is told. */

import type { Caller } from "./caller.js";

/** The key or session is good, and its user may do what was asked about. */
export interface Accepted {
  readonly ok: true;
  readonly caller: Caller;
}

/** The request must not go on. */
export interface Refused {
  readonly ok: false;
  /** 401: no good credential. 403: not permitted. 503: nobody can say now, which is a refusal, too. */
  readonly status: 401 | 403 | 503;
  readonly error: {
    readonly code: "UNAUTHENTICATED" | "FORBIDDEN" | "UNAVAILABLE";
    /** For the developer who called. It repeats nothing of the request. */
    readonly detail: string;
  };
  /** The value of `WWW-Authenticate`; null with 503. */
  readonly challenge: string | null;
}

/** What came of a check. */
export type Verification = Accepted | Refused;

const TITLES = { 401: "Unauthorized", 403: "Forbidden", 503: "Service Unavailable" } as const;

export function unauthenticated(challenge: string, detail: string): Refused {
  return { ok: false, status: 401, error: { code: "UNAUTHENTICATED", detail }, challenge };
}

export function forbidden(challenge: string, detail: string): Refused {
  return { ok: false, status: 403, error: { code: "FORBIDDEN", detail }, challenge };
}

export function unavailable(): Refused {
  const detail = "Whether the API key works cannot be checked now. Try again later.";
  return { ok: false, status: 503, error: { code: "UNAVAILABLE", detail }, challenge: null };
}

/** The answer to a refused caller, taken apart: problem details (RFC 9457) that nobody may keep. */
export function problem({ status, error, challenge }: Refused): {
  status: number;
  headers: Record<string, string>;
  body: string;
} {
  const headers: Record<string, string> = {
    "cache-control": "no-store",
    "content-type": "application/problem+json",
    vary: "authorization",
  };
  if (challenge !== null) headers["www-authenticate"] = challenge;
  if (status === 503) headers["retry-after"] = "1";
  const body = JSON.stringify({ type: "about:blank", title: TITLES[status], status, ...error });
  return { status, headers, body };
}

/** The answer to a refused caller, for whatever speaks `Request` and `Response`. */
export function refusal(refused: Refused): Response {
  const { status, headers, body } = problem(refused);
  return new Response(body, { status, headers });
}
