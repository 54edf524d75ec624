// The token of an embedded session. It lives in this module's memory and nowhere else: no storage, no cookie, no address.
//
// Shortly before it ends, and whenever the server refuses it, the page around this one is asked for another:
// {type: "REQUEST_JWT_TOKEN"} to it, {type: "JWT_TOKEN_RESPONSE", token} from it, and both only where its origin is one that
// the deployment lists.

const EARLY = 10_000; // ms before the end at which the next token is asked for
const PATIENCE = 10_000; // ms within which the page around this one is to answer
const FARTHEST = 2 ** 31 - 1; // ms that a timer can wait
const LONGEST = 16 * 1024; // characters of a token

// What a header can carry (RFC 6750's b68token).
const usable = (token) => typeof token === "string" && token.length <= LONGEST && /^[\w.~+/-]+=*$/.test(token);

// What a token says of itself. The server checks it; this only decides when to ask for the next.
function claims(token) {
  try {
    const bytes = Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) || {};
  } catch {
    return {};
  }
}

export class Session {
  #token = null;
  #asking = null; // the one request that is under way
  #answered = () => {};
  #timers = [];
  #origins;
  #on;

  // Whose it is; changes only when the page around this one signs in somebody else.
  subject = null;
  // The last request was not answered: the next action asks again.
  overdue = false;

  // `on` is told of what happens by itself: renewed(), switched(), unanswered(), ended().
  constructor(token, origins, on) {
    this.#origins = origins;
    this.#on = on;
    if (usable(token)) this.#take(token);
    addEventListener("message", (event) => this.#heard(event));
  }

  // Whether there is anybody to ask.
  get canRenew() {
    return parent !== window && this.#origins.length > 0;
  }

  get isThere() {
    return this.#token !== null;
  }

  get isAsking() {
    return this.#asking !== null;
  }

  // A fetch in this session's name: no cookie goes along, and no address leaks.
  fetch(url, options = {}) {
    const headers = { ...options.headers, Authorization: `Bearer ${this.#token}` };
    return fetch(url, { ...options, headers, credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer" });
  }

  // Asks for another token. Says whether one came.
  renew() {
    if (!this.canRenew) return Promise.resolve(false);
    this.#asking ??= new Promise((answered) => {
      this.#answered = answered;
      setTimeout(answered, PATIENCE, false);
      // Where the browser says who is around us, nobody else needs to be tried.
      const around = globalThis.location.ancestorOrigins?.[0];
      const known = this.#origins.filter((origin) => origin === around);
      for (const origin of known.length ? known : this.#origins) parent.postMessage({ type: "REQUEST_JWT_TOKEN" }, origin);
    }).then((came) => {
      this.#asking = null;
      this.overdue = !came;
      if (!came) this.#on.unanswered();
      return came;
    });
    return this.#asking;
  }

  #heard(event) {
    if (parent === window || event.source !== parent || !this.#origins.includes(event.origin)) return;
    if (event.data?.type !== "JWT_TOKEN_RESPONSE" || !usable(event.data.token)) return;
    const before = this.subject;
    this.#take(event.data.token);
    this.overdue = false;
    if (before !== null && this.subject !== before) this.#on.switched();
    else this.#on.renewed();
    this.#answered(true);
  }

  #take(token) {
    this.#token = token;
    const { sub, exp } = claims(token);
    this.subject = sub ?? "";
    this.#timers.forEach(clearTimeout);
    const left = exp * 1000 - Date.now();
    // One that seems to have ended is for the server to judge: this device's clock may be wrong.
    const later = (then, after) => (after > 0 ? setTimeout(then, Math.min(after, FARTHEST)) : 0);
    this.#timers = [later(() => this.renew(), left - EARLY), later(() => this.#on.ended(), left)];
  }
}
