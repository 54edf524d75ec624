/** Who calls a product's own routes, and what they may do, as Keystead says at each request. */

export type { Caller, KeyCaller, SessionCaller } from "./caller.js";
export { Keystead } from "./keystead.js";
export type { Credentials, Fetch, KeysteadOptions, Question } from "./keystead.js";
export { refusal } from "./verification.js";
export type { Accepted, Refused, Verification } from "./verification.js";
