/** Guards for route handlers of Next.js (App Router), and for any other handler from a `Request` to a `Response`. */

import type { Caller } from "./caller.js";
import { anyCaller, type Check, holderOf, type PermissionOptions } from "./guard.js";
import type { Keystead } from "./keystead.js";
import { refusal } from "./verification.js";

/** A route handler that is told who calls. */
export type Handler<Req extends Request, Context> = (
  request: Req,
  context: Context,
  caller: Caller,
) => Response | Promise<Response>;

/** A route handler as Next.js wants it. */
export type Route<Req extends Request, Context> = (request: Req, context: Context) => Promise<Response>;

/** Makes guards that ask this Keystead. */
export function guards(keystead: Keystead) {
  return {
    /** Lets whoever has a live key or session through. */
    requireCaller: <Req extends Request, Context>(handler: Handler<Req, Context>): Route<Req, Context> =>
      route(anyCaller(keystead), handler),
    /** Lets whoever holds the permission through, everywhere or on the resource that the request is about. */
    requirePermission: <Req extends Request, Context>(
      permission: string,
      handler: Handler<Req, Context>,
      options: PermissionOptions<[request: Req, context: Context]> = {},
    ): Route<Req, Context> => route(holderOf(keystead, permission, options), handler),
  };
}

function route<Req extends Request, Context>(
  check: Check<[Req, Context]>,
  handler: Handler<Req, Context>,
): Route<Req, Context> {
  return async (request, context) => {
    const verification = await check(request, request, context);
    return verification.ok ? handler(request, context, verification.caller) : refusal(verification);
  };
}
