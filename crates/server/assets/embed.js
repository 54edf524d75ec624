// The API Keys page inside a product's own page. It gets its list and dialogs as the console does (page.js), but in the name
// of a session (session.js), and leaves nothing in the history of the page around it.
import { abandon, arrived, busy, dialog, find, forget, raise, start, swapBody, token, visit } from "./page.js";
import { Session } from "./session.js";

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
  renewing: ["Renewing your session…"],
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
