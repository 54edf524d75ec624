// The API Keys page at work, in the console and embedded in a product's page; the console's other lists and dialogs too.
//
// There are no endpoints for this script. It asks for the address a link or form names anyway, and takes from the
// answer what belongs here: the elements marked data-live, by id, and the dialog in #dialog-slot.
// Listeners sit on the document, so they outlive whatever is swapped.
import { showTimes } from "./times.js";

export const find = (selector, root = document) => root.querySelector(selector);
export const dialog = () => find("#dialog");

// Where the page stands and how it asks the server: console.js and embed.js each have their own.
//   root()            what the page is drawn in
//   at()              the address that it shows
//   moved(how, url)   it shows another: "push" or "replace"
//   back()            leads back to the address before; absent where there is no history
//   ask(url, options) a fetch
//   failed(url, why)  a link led nowhere
//   led(link)         whether a link without a mark is followed here, too
//   dress()           new markup is in place
//   focused()         whether the page may take the focus
let way;

// ---- Asking the server, and putting the answer in place -----------------------------------------------------------

let opener = null; // id of what opened the dialog: focus goes back there
let opened = false; // whether this page pushed the dialog's address, so that closing is "back"
let typed = false; // whether the search field is ahead of the address
let pending = null; // the request that a newer one replaces

export const busy = () => Boolean(pending);

// Whatever is being asked for is not wanted any more.
export const abandon = () => pending?.abort();

// What the page did to get here does not matter any more.
export function arrived() {
  opened = typed = false;
}

async function ask(url, options = {}) {
  abandon();
  const mine = (pending = new AbortController());
  const list = find("[data-list]");
  list?.setAttribute("aria-busy", "true");
  try {
    const answer = await way.ask(url, { signal: mine.signal, ...options, headers: { Accept: "text/html", ...options.headers } });
    if (!(answer.headers.get("content-type") || "").includes("html")) throw new TypeError("not a page");
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return { page, url: answer.url, moved: answer.redirected };
  } finally {
    if (pending === mine) {
      pending = null;
      list?.removeAttribute("aria-busy");
    }
  }
}

// Swaps the parts of the list. Says whether both pages have the same parts.
function swapList(page) {
  const parts = (root) => [...root.querySelectorAll("[data-live], #filter")].map((part) => part.id).join();
  if (parts(document) !== parts(page)) return false;
  const before = document.activeElement;
  const chosen = keys().filter((box) => box.checked).map((box) => box.value);
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = find(`#${part.id}`, page);
    if (!part.hasAttribute("role")) part.replaceWith(fresh);
    else if (part.innerHTML !== fresh.innerHTML) part.replaceChildren(...fresh.childNodes); // a live region must stay to be heard
  }
  for (const id of ["q", "status"]) {
    const [here, there] = [find(`#${id}`), find(`#${id}`, page)];
    if (here && !(id === "q" && typed)) here.value = there.value;
  }
  const filter = find("#filter");
  find("[name=view]", filter || document)?.remove();
  if (filter) filter.prepend(...page.querySelectorAll("#filter [name=view]"));
  for (const box of keys()) box.checked = chosen.includes(box.value);
  countChosen();
  if (!before.isConnected && way.focused()) (document.getElementById(before.id) || find("#q") || find("main")).focus();
  return true;
}

// Puts a whole page in place of this one: another kind of list, an error, or sign-in when the session has ended.
export function swapBody(page) {
  way.root().replaceChildren(...page.body.childNodes);
  scrollTo(0, 0);
  ready();
  if (!dialog() && way.focused()) find("main")?.focus();
}

// What was just done is said once: reloading or coming back to the address does not say it again.
function settle() {
  const at = new URL(way.at());
  const size = at.searchParams.size;
  for (const name of ["done", "fresh"]) at.searchParams.delete(name);
  if (at.searchParams.size < size) way.moved("replace", at.href);
}

function show({ page }) {
  document.title = page.title;
  settle();
  const next = find("#dialog", page);
  if (next && find("[data-list]")) {
    forget();
    find("#dialog-slot").replaceChildren(next);
    raise();
  } else {
    close();
    if (find("[data-list]") && swapList(page)) find("#app").inert = false;
    else swapBody(page);
    refocus();
  }
  showTimes();
}

// Answers with what kept it from happening, or with nothing.
export async function visit(url, how, options) {
  try {
    const answer = await ask(url, options);
    if (!how && options && answer.moved) how = "replace"; // a form that led elsewhere
    if (how) way.moved(how, answer.url);
    show(answer);
  } catch (error) {
    if (error.name === "AbortError") return null;
    if (!options) way.failed(url, error);
    return error;
  }
  return null;
}

// ---- Choosing several keys ----------------------------------------------------------------------------------------

const keys = () => [...document.querySelectorAll("#bulk [name=id]")];

function countChosen() {
  const all = find("[data-select-all]");
  if (!all) return;
  const [chosen, boxes] = [keys().filter((box) => box.checked).length, keys().length];
  all.checked = chosen === boxes;
  all.indeterminate = chosen > 0 && chosen < boxes;
  find("[data-selected]").textContent = chosen ? ` (${chosen})` : "";
}

// ---- Dialogs ------------------------------------------------------------------------------------------------------

// Makes the dialog in the page modal.
export function raise() {
  const box = dialog();
  if (!box) return;
  if (box.open) box.removeAttribute("open");
  find("#app").inert = false;
  box.dataset.at = way.at();
  way.dress();
  box.showModal();
  find("#errors", box)?.focus();
}

function close() {
  forget();
  const box = dialog();
  if (!box) return;
  box.close();
  box.remove();
}

function refocus() {
  if (!opener) return;
  (document.getElementById(opener) || find("#title"))?.focus();
  opener = null;
}

// Leads back to the list. What a dialog changed comes with the answer, so only a plain cancel goes "back".
function dismiss() {
  const box = dialog();
  if (!box || guard()) return;
  const target = box.dataset.close;
  if (!target) {
    close(); // a question about the form behind it, which stays as it is
    return find("#title").focus();
  }
  if (opened && way.back && !box.hasAttribute("data-once")) way.back();
  else visit(target, "replace");
  opened = false;
  close();
  refocus();
}

// Says in the dialog why its form was not taken.
function explain(form, what, advice) {
  const problem = document.createElement("div");
  problem.className = "problem";
  problem.id = "errors";
  problem.tabIndex = -1;
  problem.innerHTML = '<p role="alert"><svg class="i" aria-hidden="true"><use href="#i-warning"/></svg><span><strong></strong> <span></span></span></p>';
  find("strong", problem).textContent = what;
  find("span > span", problem).textContent = advice;
  find("#errors", form)?.remove();
  find(".dialog-body", form).prepend(problem);
  problem.focus();
}

// ---- The token ----------------------------------------------------------------------------------------------------

let copied = false;
export const token = () => find("[data-token]"); // the first is the token's own, the others hold it in a longer text
export const uncopied = () => Boolean(token()?.value) && !copied && Boolean(find("#leave")); // what can be made anew may be left

// Takes the token out of the page.
export function forget() {
  for (const field of document.querySelectorAll("[data-token]")) field.value = field.textContent = "";
  copied = false;
}

// Asks before an uncopied token is left. Says whether it stopped the leaving.
export function guard() {
  if (!uncopied()) return false;
  find("#leave").hidden = false;
  find("[data-stay]").focus();
  return true;
}

// What a text is copied by hand with.
const keysToCopy = /Mac|iP/.test(navigator.platform) ? "⌘C" : "Ctrl+C";

function tell(text, done) {
  const state = find("#copy-state");
  state.classList.toggle("done", done);
  find("[data-copy-text]", state).textContent = text;
  find("use", state).setAttribute("href", done ? "#i-active" : "#i-warning");
}

function markCopied() {
  copied = true;
  if (find("#leave")) find("#leave").hidden = true;
  tell(token().dataset.copied || "Copied. Store it now: it is shown only once.", true);
}

async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  let done = true;
  try {
    await navigator.clipboard.writeText(field.value); // absent on plain HTTP, and in frames that are not allowed to
  } catch {
    field.focus();
    field.select();
    done = document.execCommand("copy");
    if (done) button.focus();
  }
  for (const other of document.querySelectorAll("[data-copy]")) find("span", other).textContent = "Copy";
  find("span", button).textContent = done ? "Copied" : keysToCopy; // what is said of it may be out of sight
  if (!field.matches("[data-token]")) return; // no secret: nothing depends on it
  if (done) markCopied();
  else tell(`Your browser did not copy it. It is selected: press ${keysToCopy}.`, false);
}

// ---- What people do -----------------------------------------------------------------------------------------------

const plain = (event) => !(event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);

function clicked(event) {
  const on = (selector) => event.target.closest?.(selector);
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  if (on("[data-copy]")) return void copy(on("[data-copy]"));
  if (on("[data-close-only]") && dialog()) {
    event.preventDefault();
    return dismiss();
  }
  if (on("[data-stay]")) {
    find("#leave").hidden = true;
    return void token().focus();
  }
  if (on("[data-leave]")) {
    copied = true;
    return dismiss();
  }
  const link = on("a");
  if (!link || !plain(event) || !window.fetch || !window.HTMLDialogElement) return;
  if (link.matches("[data-dismiss]")) {
    event.preventDefault();
    dismiss();
  } else if (link.matches("[data-dialog]")) {
    event.preventDefault();
    const menu = link.closest(".menu");
    if (menu) menu.open = false;
    if (!dialog()) {
      opener = (menu ? find("summary", menu) : link).id || "create";
      document.getElementById(opener)?.focus();
    }
    const replacing = Boolean(dialog());
    visit(link.href, replacing ? "replace" : "push");
    opened ||= !replacing;
  } else if (link.matches("[data-list-link]") || way.led(link)) {
    event.preventDefault();
    typed = false;
    visit(link.href, "push");
  } else if (link.hash && link.closest("#errors")) {
    const field = document.getElementById(link.hash.slice(1));
    event.preventDefault();
    (field?.matches("fieldset") ? find(":checked", field) : field)?.focus();
  }
}

async function submitted(event) {
  const form = event.target;
  if (form.id === "filter") {
    event.preventDefault();
    return filter("push");
  }
  if (form.matches("#bulk")) { // its fields are called id, and would be what form.id is
    event.preventDefault();
    opener = "revoke-selected";
    opened = true;
    return visit(`${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`, "push");
  }
  if (!form.closest("#dialog")) return;
  event.preventDefault();
  const button = event.submitter || find("button:not([type=button])", form);
  if (button.hasAttribute("aria-busy")) return; // one answer at a time
  button.setAttribute("aria-busy", "true");
  const why = await visit(form.action, null, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  button.removeAttribute("aria-busy");
  if (!why) return;
  // Without an answer, nothing is known about what the server did. The form's one-time id makes asking again safe.
  explain(form, ...(why.words || ["No answer from the server.", "Check your connection and try again; doing it twice does no harm."]));
}

let typing;
function filter(how) {
  clearTimeout(typing);
  const form = find("#filter");
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  visit(`${form.getAttribute("action")}${query.size ? `?${query}` : ""}`, how);
}

function listen() {
  document.addEventListener("click", clicked);
  document.addEventListener("submit", submitted);
  document.addEventListener("input", (event) => {
    if (event.target.id !== "q") return;
    typed = true;
    clearTimeout(typing);
    typing = setTimeout(filter, 200, "replace");
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "status") filter("push");
    if (event.target.matches("[data-select-all]")) for (const box of keys()) box.checked = event.target.checked;
    if (event.target.closest("#bulk")) countChosen();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest?.(".menu[open]");
    if (menu) {
      menu.open = false;
      find("summary", menu).focus();
    } else if (dialog()) {
      event.preventDefault();
      dismiss();
    }
  });

  // A browser may ask a dialog to close without a key press, and may insist.
  document.addEventListener("cancel", (event) => {
    if (event.target !== dialog()) return;
    event.preventDefault();
    dismiss();
  }, true);
  document.addEventListener("close", (event) => {
    if (event.target !== dialog() || event.target.open) return;
    if (uncopied()) event.target.showModal();
    dismiss();
  }, true);

  // Menus open upwards where there is no room below.
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!menu.matches?.(".menu") || !menu.open) return;
    menu.classList.remove("up");
    const body = find(".menu-body", menu).getBoundingClientRect();
    menu.classList.toggle("up", body.bottom > innerHeight && menu.getBoundingClientRect().top > body.height);
  }, true);

  // Selecting the whole token and copying it by hand counts as well.
  document.addEventListener("copy", ({ target: field }) => {
    if (!field.matches?.("[data-token]") || !token().value) return;
    if (field.value.slice(field.selectionStart, field.selectionEnd).includes(token().value)) setTimeout(markCopied);
  });
  addEventListener("beforeunload", (event) => {
    if (uncopied()) event.preventDefault();
  });
  addEventListener("pagehide", forget); // the page may be kept for "back": without the token
}

// ---- Start --------------------------------------------------------------------------------------------------------

export function ready() {
  countChosen();
  settle();
  showTimes();
  way.dress();
  raise();
}

export function start(given) {
  way = given;
  listen();
  ready();
  setInterval(showTimes, 30000);
}
