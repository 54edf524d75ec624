/** What the guards of all frameworks share. */

import type { Credentials, Keystead } from "./keystead.js";
import { checkPermission } from "./question.js";
import type { Verification } from "./verification.js";

/** A part of a path, as frameworks type it. Only a text is an id: what is missing, or a list, is refused with 403. */
type Part = string | readonly string[] | undefined;

/**
 * Which resource of the product a request is about. It is called before the key is checked, so it should read the request and look
 * nothing up.
 */
export type ResourceOf<Args extends unknown[]> = (...args: Args) => Part | Promise<Part>;

/** How a permission is asked about. */
export interface PermissionOptions<Args extends unknown[]> {
  /** Where the permission is needed; everywhere, if left out. */
  readonly resource?: ResourceOf<Args>;
}

/** Checks one request of a framework's; `args` is what it hands to a handler. */
export type Check<Args extends unknown[]> = (credentials: Credentials, ...args: Args) => Promise<Verification>;

/** A check for any live key or session. */
export function anyCaller<Args extends unknown[]>(keystead: Keystead): Check<Args> {
  return (credentials, ..._args) => keystead.verify(credentials);
}

/** A check for a permission; throws at once if it is misspelt. */
export function holderOf<Args extends unknown[]>(
  keystead: Keystead,
  permission: string,
  options: PermissionOptions<Args>,
): Check<Args> {
  checkPermission(permission);
  if (!("resource" in options)) return (credentials, ..._args) => keystead.verify(credentials, { permission });
  const { resource: resourceOf } = options;
  if (typeof resourceOf !== "function") throw new TypeError("The option resource is a function of the request.");
  return async (credentials, ...args) => {
    const resource = await resourceOf(...args);
    // An empty text is no id, and is refused as such.
    return keystead.verify(credentials, { permission, resource: typeof resource === "string" ? resource : "" });
  };
}
