// The API Keys page inside a product's own page. It gets its list and dialogs as the console does (page.js), but in the name
// of a session, and leaves nothing in the history of the page around it.
import { abandon, arrived, busy, dialog, find, forget, raise, start, swapBody, token, visit } from "./page.js";

// ---- The session ---------------------------------------------------------------------------------------------------

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

class Session {
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

// ---- The token leaves the address before anything else happens ----------------------------------------------------

const address = new URL(location.href);
const given = address.searchParams.get("token");
address.searchParams.delete("token");
history.replaceState(null, "", address);

const root = document.documentElement;
for (const color of root.dataset.colors?.split(";") || []) root.style.setProperty(...color.split(":"));

const view = find("#view");
const home = new URL(view.dataset.keys, location.href).href;
let at = home; // what is shown: the browser's address stays as it is

// ---- What is said about the session -------------------------------------------------------------------------------

const LINES = {
  loading: ["Loading your API keys…"],
  renewing: ["Your session has ended. Asking for a new one…"],
  unanswered: ["Your session could not be renewed.", "The page around this one did not answer."],
  refused: ["Your session is not valid.", "It has ended, or was taken back."],
  unframed: ["Your session has ended.", "Open this page again from where you came."],
  unreachable: ["The server cannot be reached.", "Check your connection, then try again."],
};
const OVER = ["renewing", "unanswered", "refused", "unframed"]; // what a new session answers

// Says it above the list, or in its place; when all is well, only to those who listen. What stands still has a way to try again.
function say(state, [what, more] = LINES[state] || [""]) {
  const box = find("#state");
  box.classList.toggle("sr", !state);
  box.dataset.state = state;
  find("strong", box).textContent = what;
  find("span", box).textContent = more || "";
  const button = find("#try-again");
  button.hidden = !more || state === "unframed";
  outline();
  if (!button.hidden && !view.hasChildNodes() && document.hasFocus()) button.focus();
}

// What is said is all there is while there is no list: then it is the page's main part, with the heading.
function outline() {
  const alone = !view.hasChildNodes();
  find("#state").setAttribute("role", alone ? "main" : "region");
  find("#state h1").hidden = !alone;
}

// ---- While the session is refused, nothing of it is on the page ----------------------------------------------------

let held = null; // what was shown, until the session of the same user is back

function suspend(state) {
  if (!session.canRenew) drop();
  else if (view.hasChildNodes()) {
    held = document.createDocumentFragment();
    held.append(...view.childNodes);
  }
  say(state);
}

function restore() {
  if (!held) return;
  view.append(held);
  held = null;
  outline();
  raise();
}

function drop() {
  held = null;
  forget();
  view.replaceChildren();
  at = home;
  arrived();
}

const session = new Session(given, view.dataset.origins.split(" ").filter(Boolean), {
  renewed() {
    restore();
    if (OVER.includes(find("#state").dataset.state)) say("", ["Your session was renewed."]);
  },
  switched() {
    abandon();
    drop();
    open();
  },
  unanswered: () => say("unanswered"),
  ended() {
    if (session.canRenew && !session.overdue) session.renew();
    suspend(session.isAsking ? "renewing" : session.canRenew ? "unanswered" : "unframed");
  },
});

// ---- Asking the server --------------------------------------------------------------------------------------------

// Why there is no answer to show, in words; `state` where the session is the reason.
const failure = (words, state) => Object.assign(new Error(words.join(" ")), { words, state });
const undone = (why, state) => failure(["Nothing was done.", `${why} Send the form again.`], state);
const abandoned = () => new DOMException("asked in the name of somebody else", "AbortError");

async function ask(url, options = {}) {
  const { subject } = session;
  const ours = (value) => {
    if (subject !== null && session.subject !== subject) throw abandoned();
    return value;
  };
  let asked = false; // the page around this one, for another token
  let renewed = false;
  const renew = async () => {
    asked = true;
    renewed = ours(await session.renew());
  };
  // What was not answered is tried again at the next action.
  if (session.overdue || !session.isThere) await renew();
  for (;;) {
    const answer = session.isThere && ours(await session.fetch(url, options));
    if (answer && answer.status !== 401) return page(answer);
    if (asked) break;
    suspend("renewing");
    await renew();
    if (!renewed) break;
    // To send a form a second time is for the person who filled it in.
    if (options.method === "POST") throw undone("Your session had ended and is renewed now.", "");
  }
  if (renewed) drop();
  const state = renewed ? "refused" : session.canRenew ? "unanswered" : "unframed";
  suspend(state);
  throw undone("Your session had ended.", state);
}

// The answer if it is a page of this list. Others are problem documents, or error pages of whoever is in between.
async function page(answer) {
  if (answer.status < 500 && answer.status !== 404 && (answer.headers.get("content-type") || "").includes("html")) {
    if (!session.overdue && find("#state").dataset.state) say("");
    return answer;
  }
  if (answer.status >= 500) throw failure(["The server cannot answer now.", "Try again shortly."]);
  throw failure(["That did not work.", (await answer.json()).detail]);
}

let again = open; // what "Try again" does about a page that could not be shown

function failed(url, why) {
  if (why.state !== undefined) return; // said already
  again = () => visit(url);
  say("unreachable", why.words);
}

// The list from its beginning, in an empty page.
async function open() {
  say("loading");
  try {
    const { subject } = session;
    const answer = await ask(home, { headers: { Accept: "text/html" } });
    const list = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (subject !== null && subject !== session.subject) return;
    swapBody(list);
    say("", [find("#count")?.textContent]);
  } catch (why) {
    if (why.name !== "AbortError") failed(home, why);
  }
}

// Whether the session is still good, and the list still what it was. An open dialog stays as it is.
async function look() {
  if (busy()) return;
  if (!view.hasChildNodes()) return tryAgain();
  if (!dialog()) return void visit(at);
  try {
    await ask(home, { headers: { Accept: "text/html" } });
  } catch (why) {
    if (why.name !== "AbortError") failed(at, why);
  }
}

async function tryAgain() {
  if (!held && !session.overdue) return view.hasChildNodes() ? again() : open();
  say("renewing");
  if (await session.renew()) await (view.hasChildNodes() ? look() : open());
}

find("#try-again").addEventListener("click", async () => {
  await tryAgain();
  if (document.activeElement === document.body) find("main")?.focus();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") look();
});
addEventListener("pagehide", () => { held = null; });
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  if (token()) visit(dialog().dataset.close, "replace");
  else look();
});

start({
  root: () => view,
  at: () => at,
  moved: (_, url) => { at = url; },
  ask,
  failed,
  led: (link) => link.href.startsWith(home),
  dress: outline,
  focused: () => document.hasFocus(),
});
open();
