/** What a check asks about, beside whether the credential is good. */

/** What a check asks about. */
export interface Question {
  /** Refused with 403 unless the caller holds this permission now: 1 to 100 of `a-z 0-9 _ . : -`, no wildcards. */
  readonly permission?: string;
  /** Where: the id of the thing that it is about. Left out, the caller must hold the permission everywhere. */
  readonly resource?: string;
}

const PERMISSION = /^[a-z0-9_.:-]{1,100}$/;

/**
 * Throws at what the program got wrong, rather than ask something else: a permission that is spelt as none can be, or that is
 * `undefined` because a variable was empty.
 */
export function checkQuestion(question: Question): void {
  for (const name of Object.keys(question)) {
    if (name !== "permission" && name !== "resource") throw new TypeError(`A check has no option ${name}.`);
  }
  if ("permission" in question) checkPermission(question.permission);
  else if ("resource" in question) throw new TypeError("A resource is asked about together with a permission.");
}

/** Throws unless it is one. */
export function checkPermission(permission: unknown): asserts permission is string {
  if (typeof permission !== "string" || !PERMISSION.test(permission)) {
    throw new TypeError("A permission is 1 to 100 of the characters a-z 0-9 _ . : - and has no wildcards.");
  }
}

/** Whether something can be the id of a resource. It often comes from the request, so what cannot be one is no error of the program's. */
export function isResource(resource: unknown): resource is string {
  if (typeof resource !== "string" || /[\s,\p{Cc}]|[\uD800-\uDFFF]/u.test(resource)) return false;
  const bytes = new TextEncoder().encode(resource).length;
  return bytes >= 1 && bytes <= 200;
}
