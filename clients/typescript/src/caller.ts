/** Who stands behind a request, as Keystead's answer tells. */

interface Known {
  /** The user who created the key; in a session, the user as whom it acts. */
  readonly userId: string;
  /** Their e-mail address. */
  readonly email: string;
  /** Their organization. */
  readonly organizationId: string;
  /** What they may do everywhere. What a role gives on some resources only is not in it: ask with a resource. */
  readonly permissions: readonly string[];
  /**
   * Whether they may do this everywhere, as of the answer: what `permissions` lists, or what was asked about with this check.
   *
   * An administrator may do more than the list says. Where that counts, ask Keystead: `verify(request, { permission })`.
   */
  may(permission: string): boolean;
}

/** Somebody who sent an API key. */
export interface KeyCaller extends Known {
  /** The key. */
  readonly keyId: string;
  readonly impersonatorKeyId?: never;
}

/** Somebody who sent the token of an impersonated session. */
export interface SessionCaller extends Known {
  /** The impersonation key that minted the session. */
  readonly impersonatorKeyId: string;
  readonly keyId?: never;
}

/** Who stands behind a request. */
export type Caller = KeyCaller | SessionCaller;

const PERMISSIONS = /^[a-z0-9_.:-]{1,100}(?:,[a-z0-9_.:-]{1,100})*$/;
const ID = /^[0-9A-Za-z_-]{1,64}$/;
// One address: a value that was joined of two has a comma and a blank.
const EMAIL = /^[^\s,;<>"\\@]+@[^\s,;<>"\\@]+$/u;

/**
 * Reads the headers of an accepting answer; `null` if they are not what Keystead sends, which is no acceptance.
 * `asked` is the permission that the answer says is held everywhere.
 */
export function callerOf(headers: Headers, asked: string | undefined): Caller | null {
  const userId = matching(headers.get("x-keystead-user-id"), ID);
  const email = matching(utf8(headers.get("x-keystead-user-email")), EMAIL);
  const organizationId = matching(headers.get("x-keystead-organization-id"), ID);
  const permissions = permissionsOf(headers.get("x-keystead-permissions"));
  if (userId === null || email === null || organizationId === null || permissions === null) return null;
  const may = (permission: string) => permission === asked || permissions.includes(permission);
  const known = { userId, email, organizationId, permissions, may };
  const [key, impersonator] = [headers.get("x-keystead-key-id"), headers.get("x-keystead-impersonator-key-id")];
  // One of the two is there, and never both.
  const id = matching(key ?? impersonator, ID);
  if (id === null || (key !== null && impersonator !== null)) return null;
  return Object.freeze(key !== null ? { ...known, keyId: id } : { ...known, impersonatorKeyId: id });
}

function matching(value: string | null, form: RegExp): string | null {
  return value !== null && form.test(value) ? value : null;
}

/** The header is there also for somebody who may do nothing; then it is empty. */
function permissionsOf(value: string | null): readonly string[] | null {
  if (value === "") return Object.freeze([]);
  return value !== null && PERMISSIONS.test(value) ? Object.freeze(value.split(",")) : null;
}

/** The text of a header whose bytes are UTF-8: `Headers` has each byte as a character. */
function utf8(value: string | null): string | null {
  if (value === null) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(value, (byte) => byte.charCodeAt(0)));
  } catch {
    return null;
  }
}
