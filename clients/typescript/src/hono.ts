/** Guards for Hono, on whichever runtime it is. */

import type { Context, MiddlewareHandler } from "hono";

import type { Caller } from "./caller.js";
import { anyCaller, type Check, holderOf, type PermissionOptions } from "./guard.js";
import type { Keystead } from "./keystead.js";
import { refusal } from "./verification.js";

/** What a guard adds to the context: `c.var.caller`. */
export interface KeysteadEnv {
  Variables: { caller: Caller };
}

/** Makes guards that ask this Keystead. */
export function guards(keystead: Keystead) {
  return {
    /** Lets whoever has a live key or session through. */
    requireCaller: (): MiddlewareHandler<KeysteadEnv> => middleware(anyCaller(keystead)),
    /** Lets whoever holds the permission through, everywhere or on the resource that the request is about. */
    requirePermission: (
      permission: string,
      options: PermissionOptions<[context: Context<KeysteadEnv>]> = {},
    ): MiddlewareHandler<KeysteadEnv> => middleware(holderOf(keystead, permission, options)),
  };
}

function middleware(check: Check<[Context<KeysteadEnv>]>): MiddlewareHandler<KeysteadEnv> {
  return async (context, next) => {
    const verification = await check(context.req.raw, context);
    if (!verification.ok) return refusal(verification);
    context.set("caller", verification.caller);
    return next();
  };
}
