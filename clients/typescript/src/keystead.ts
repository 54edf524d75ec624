/** Asking `/verify` once for each request. */

import { bearer } from "./bearer.js";
import { callerOf } from "./caller.js";
import { checkQuestion, isResource, type Question } from "./question.js";
import { forbidden, type Refused, unauthenticated, unavailable, type Verification } from "./verification.js";

export type { Question } from "./question.js";

/** As much of `fetch` as is used here. */
export type Fetch = (address: string, init: RequestInit) => Promise<Response>;

/** How to reach a Keystead. */
export interface KeysteadOptions {
  /** Where it is, such as `https://keys.example.com`. */
  url: string | URL;
  /** The longest that a check may take, in milliseconds: 2,000 by default, 60,000 at most. What takes longer is refused with 503. */
  timeout?: number;
  /** Sends requests instead of the platform's `fetch`. */
  fetch?: Fetch;
  /** Tells the operator why checks cannot be answered; `console.warn` by default. It is never told a token. */
  warn?: (message: string) => void;
}

/** Proof that somebody sent: a token, a request that carries one, or each of its `Authorization` headers as it came. */
export type Credentials = string | { readonly headers: Headers } | { readonly authorization: readonly string[] };

/** A Keystead that this service asks. */
export class Keystead {
  readonly #address: URL;
  readonly #timeout: number;
  readonly #fetch: Fetch;
  readonly #warn: (message: string) => void;

  /** Throws if an option makes no sense. Nothing is sent yet. */
  constructor({ url, timeout = 2000, fetch, warn }: KeysteadOptions) {
    this.#address = verifyAddress(url);
    if (!(timeout >= 1 && timeout <= 60_000)) throw new RangeError("The timeout is 1 to 60000 milliseconds.");
    this.#timeout = timeout;
    // The platform's is looked up at each check and called without `this`, as it wants to be.
    this.#fetch = fetch ?? ((address, init) => globalThis.fetch(address, init));
    this.#warn = warn ?? ((message) => console.warn(message));
  }

  /**
   * Asks whether a credential is good now, and whether its user may do something.
   *
   * Each call asks anew. Nothing is kept, since a kept answer would accept a key after it was revoked. What cannot be checked is
   * refused with 503; the promise is rejected only if the question makes no sense.
   */
  async verify(credentials: Credentials, question: Question = {}): Promise<Verification> {
    checkQuestion(question);
    const token = bearer(headersOf(credentials));
    if (typeof token !== "string") return token;
    if ("resource" in question && !isResource(question.resource)) {
      const detail = "There can be no such resource.";
      return forbidden(`Bearer error="insufficient_scope", error_description="${detail}"`, detail);
    }
    return this.#ask(token, question);
  }

  async #ask(token: string, { permission, resource }: Question): Promise<Verification> {
    const address = new URL(this.#address);
    if (permission !== undefined) address.searchParams.set("permission", permission);
    if (resource !== undefined) address.searchParams.set("resource", resource);
    const send = this.#fetch;
    let answer: Response;
    try {
      answer = await send(address.href, {
        // Frameworks keep and share answers to GET.
        method: "POST",
        cache: "no-store",
        headers: { authorization: `Bearer ${token}` },
        // The key goes to nobody else. `error` would do, but edge runtimes do not have it.
        redirect: "manual",
        signal: AbortSignal.timeout(this.#timeout),
      });
      // Its connection is used again once it is read.
      await answer.arrayBuffer();
    } catch (error) {
      return this.#unavailable(this.#reason(error));
    }
    switch (answer.status) {
      case 200: {
        const caller = callerOf(answer.headers, resource === undefined ? permission : undefined);
        return caller ? { ok: true, caller } : this.#unavailable("the answer does not say who the caller is");
      }
      case 401:
        return unauthenticated(...challengeOf(answer.headers, "invalid_token", "The API key does not work."));
      case 403:
        return forbidden(...challengeOf(answer.headers, "insufficient_scope", "The permission is not held."));
      default:
        return this.#unavailable(`the answer has the status ${answer.status}`);
    }
  }

  #unavailable(reason: string): Refused {
    this.#warn(`keystead: requests are refused with 503, because ${reason}`);
    return unavailable();
  }

  /** In words of our own: a message of the platform's may repeat what was sent. */
  #reason(error: unknown): string {
    const { name, cause } = error instanceof Error ? error : { name: "", cause: undefined };
    if (name === "TimeoutError") return `there was no answer within ${this.#timeout} ms`;
    const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
    return `it cannot be reached${/^[A-Z0-9_]{1,40}$/.test(code) ? ` (${code})` : ""}`;
  }
}

function headersOf(credentials: Credentials): readonly string[] {
  if (typeof credentials === "string") return [`Bearer ${credentials}`];
  if ("authorization" in credentials) return credentials.authorization;
  // `Headers` joins several with a comma, which no token has: they are refused.
  const header = credentials.headers.get("authorization");
  return header === null ? [] : [header];
}

/** The challenge of a refusal and its description, as Keystead wrote them; what is not in its form is not passed on. */
function challengeOf(headers: Headers, error: string, description: string): [challenge: string, detail: string] {
  const challenge = headers.get("www-authenticate") ?? "";
  const found = /\berror_description="([^"\\]{1,500})"/.exec(challenge);
  if (found?.[1] !== undefined && /^Bearer [\x20-\x7e]{1,1000}$/.test(challenge)) return [challenge, found[1]];
  return [`Bearer error="${error}", error_description="${description}"`, description];
}

/** Throws without repeating the address, which may have a password in it. */
function verifyAddress(url: string | URL): URL {
  const address = URL.canParse(url) ? new URL(url) : null;
  if (address === null || !["http:", "https:"].includes(address.protocol)) {
    throw new TypeError("The url of Keystead is an http or https address.");
  }
  if (address.username || address.password || address.search || address.hash) {
    throw new TypeError("The url of Keystead has no user, password, query or fragment.");
  }
  address.pathname = `${address.pathname.replace(/\/+$/, "")}/verify`;
  return address;
}
