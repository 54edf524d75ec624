/** A Keystead for tests of a product, without a server: it knows the keys that it is given, and goes through all the same code. */

import { Keystead } from "./keystead.js";

/** Somebody, as a test wants them; what is left out is made up. */
export interface FakeUser {
  userId?: string;
  email?: string;
  organizationId?: string;
  /** What they may do everywhere. */
  permissions?: readonly string[];
  /** What they may do on some resources only: the ids by permission. */
  permissionsOn?: Readonly<Record<string, readonly string[]>>;
}

interface Known {
  readonly headers: Record<string, string>;
  readonly kind: "API key" | "session";
  readonly permissions: readonly string[];
  readonly permissionsOn: Readonly<Record<string, readonly string[]>>;
  expired?: string;
}

/** Takes the place of a {@link Keystead}. */
export class FakeKeystead extends Keystead {
  readonly #known: Map<string, Known>;
  readonly #state: { down: boolean };

  constructor() {
    const known = new Map<string, Known>();
    const state = { down: false };
    super({
      url: "http://keystead.invalid",
      fetch: async (address, { headers }) => {
        if (state.down) throw new TypeError("fetch failed");
        return answer(known, new URL(address).searchParams, new Headers(headers));
      },
      warn: () => {},
    });
    this.#known = known;
    this.#state = state;
  }

  /** Makes an API key for somebody, and returns its token. */
  key(user: FakeUser = {}): string {
    return this.#add("API key", "x-keystead-key-id", user);
  }

  /** Makes an impersonated session of somebody, and returns its token. */
  session(user: FakeUser = {}): string {
    return this.#add("session", "x-keystead-impersonator-key-id", user);
  }

  /** Revokes a key, or ends a session: the next check refuses it. */
  revoke(token: string): void {
    this.#known.delete(token);
  }

  /** Lets a key or session have expired at an instant. */
  expire(token: string, at: Date): void {
    const known = this.#known.get(token);
    if (known === undefined) throw new Error("There is no such key.");
    known.expired = at.toISOString().replace(/\.000Z$/, "Z");
  }

  /** Cannot be reached from now on, or can again. */
  setDown(down: boolean): void {
    this.#state.down = down;
  }

  #add(kind: Known["kind"], idHeader: string, user: FakeUser): string {
    const { permissions = [], permissionsOn = {} } = user;
    const token = `fake_${crypto.randomUUID().replaceAll("-", "")}`;
    const email = new TextEncoder().encode(user.email ?? "somebody@example.com");
    const headers = {
      "x-keystead-user-id": user.userId ?? crypto.randomUUID(),
      "x-keystead-user-email": String.fromCharCode(...email),
      "x-keystead-organization-id": user.organizationId ?? crypto.randomUUID(),
      [idHeader]: crypto.randomUUID(),
      "x-keystead-permissions": permissions.join(","),
    };
    this.#known.set(token, { headers, kind, permissions, permissionsOn });
    return token;
  }
}

function answer(keys: ReadonlyMap<string, Known>, query: URLSearchParams, headers: Headers): Response {
  const known = keys.get(headers.get("authorization")?.slice("Bearer ".length) ?? "");
  if (known === undefined) return refused(401, "invalid_token", "The API key does not work.");
  if (known.expired !== undefined) {
    return refused(401, "invalid_token", `The ${known.kind} expired at ${known.expired}.`);
  }
  const [permission, resource] = [query.get("permission"), query.get("resource")];
  const held =
    permission === null ||
    known.permissions.includes(permission) ||
    (resource !== null && known.permissionsOn[permission]?.includes(resource));
  if (held) return new Response(null, { headers: known.headers });
  const whose = known.kind === "session" ? "user of the session" : "creator of the API key";
  const where = known.kind === "session" ? " in it" : "";
  return refused(403, "insufficient_scope", `The ${whose} does not hold this permission${where}.`);
}

function refused(status: number, error: string, description: string): Response {
  const challenge = `Bearer error="${error}", error_description="${description}"`;
  return new Response(null, { status, headers: { "www-authenticate": challenge } });
}
