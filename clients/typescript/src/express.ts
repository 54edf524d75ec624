/** Guards for Express 4 and 5, and for whatever else has its middleware on Node's own requests, such as Connect. */

import type { Caller } from "./caller.js";
import { anyCaller, type Check, holderOf, type PermissionOptions } from "./guard.js";
import type { Keystead } from "./keystead.js";
import { problem } from "./verification.js";

/** As much of a request as is read here. */
export interface NodeRequest {
  /** Names and values in turn, as they came: elsewhere Node leaves out all `Authorization` headers but the first. */
  readonly rawHeaders: readonly string[];
}

/** What a guard's option may read without naming the framework's own type. */
export interface RoutedRequest extends NodeRequest {
  readonly params: Readonly<Record<string, string | string[] | undefined>>;
}

/** As much of an answer as is written here. */
export interface NodeResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/** A middleware. */
export type Middleware<Req extends NodeRequest> = (
  request: Req,
  response: NodeResponse,
  next: (error?: unknown) => void,
) => void;

/** Beside the request and not in it, where other code could write. */
const callers = new WeakMap<object, Caller>();

/** Who calls; throws if the request went through no guard. */
export function callerOf(request: object): Caller {
  const caller = callers.get(request);
  if (caller === undefined) throw new Error("The route has no guard of Keystead's.");
  return caller;
}

/** Makes guards that ask this Keystead. */
export function guards(keystead: Keystead) {
  return {
    /** Lets whoever has a live key or session through. */
    requireCaller: (): Middleware<NodeRequest> => middleware(anyCaller(keystead)),
    /** Lets whoever holds the permission through, everywhere or on the resource that the request is about. */
    requirePermission: <Req extends NodeRequest = RoutedRequest>(
      permission: string,
      options: PermissionOptions<[request: Req]> = {},
    ): Middleware<Req> => middleware(holderOf(keystead, permission, options)),
  };
}

function middleware<Req extends NodeRequest>(check: Check<[Req]>): Middleware<Req> {
  return (request, response, next) => {
    check({ authorization: authorizationOf(request) }, request).then((verification) => {
      if (verification.ok) {
        callers.set(request, verification.caller);
        next();
        return;
      }
      const { status, headers, body } = problem(verification);
      response.statusCode = status;
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      response.end(body);
    }, next);
  };
}

function authorizationOf({ rawHeaders }: NodeRequest): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === "authorization");
}
