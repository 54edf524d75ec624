// Makes the console quicker; every page works without it.
//
// There are no endpoints for this script. It asks for the address a link or form names anyway, and takes from the
// answer what belongs here: the elements marked data-live, by id, and the dialog in #dialog-slot.
// Listeners sit on the document, so they outlive whatever is swapped.
"use strict";
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const slot = () => find("#dialog-slot");
  const dialog = () => find("#dialog");

  // ---- Times: the viewer's zone, and words for how long ago -------------------------------------------------------

  const parts = new Intl.DateTimeFormat("en-US", {
    day: "numeric", month: "short", year: "numeric",
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short",
  });
  // The server's own form: "12 Mar 2026" and "12 Mar 2026, 14:05:09 UTC".
  function written(instant) {
    const at = Object.fromEntries(parts.formatToParts(instant).map(({ type, value }) => [type, value]));
    const date = `${at.day} ${at.month} ${at.year}`;
    return { date, exact: `${date}, ${at.hour}:${at.minute}:${at.second} ${at.timeZoneName}` };
  }
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
  const UNITS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];

  function relative(instant) {
    const seconds = (instant - Date.now()) / 1000;
    const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
    return unit ? words.format(Math.round(seconds / unit[1]), unit[0]) : seconds > 0 ? "in a moment" : "just now";
  }

  function showTimes(root = document) {
    for (const time of root.querySelectorAll("time[data-t]")) {
      const instant = new Date(time.dateTime);
      if (Number.isNaN(+instant)) continue;
      const kind = time.dataset.t;
      time.dataset.utc ??= time.title || time.textContent;
      const { date, exact } = written(instant);
      if (kind !== "exact") time.title = exact.endsWith(" UTC") ? exact : `${exact}\n${time.dataset.utc}`;
      time.textContent = { ago: relative(instant), date, exact }[kind];
      const beside = time.nextElementSibling;
      if (beside?.matches("[data-rel]")) beside.textContent = relative(instant);
    }
  }

  // ---- Asking the server, and putting the answer in place ---------------------------------------------------------

  let opener = null; // id of what opened the dialog: focus goes back there
  let opened = false; // whether this page pushed the dialog's address, so that closing is "back"
  let typed = false; // whether the search field is ahead of the address
  let pending = null; // the request that a newer one replaces

  async function ask(url, options = {}) {
    pending?.abort();
    const mine = (pending = new AbortController());
    const list = find("[data-list]");
    list?.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { credentials: "same-origin", signal: mine.signal, ...options, headers: { Accept: "text/html", ...options.headers } });
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
    if (!before.isConnected) (document.getElementById(before.id) || find("#q") || find("main")).focus();
    return true;
  }

  // Puts a whole page in place of this one: another kind of list, an error, or sign-in when the session has ended.
  function swapBody(page) {
    document.body.replaceWith(page.body);
    scrollTo(0, 0);
    ready();
    if (!dialog()) find("main")?.focus();
  }

  // What was just done is said once: reloading or coming back to the address does not say it again.
  function settle() {
    const at = new URL(location.href);
    const size = at.searchParams.size;
    for (const name of ["done", "fresh"]) at.searchParams.delete(name);
    if (at.searchParams.size < size) history.replaceState(null, "", at);
  }

  function show({ page }) {
    document.title = page.title;
    settle();
    const next = find("#dialog", page);
    if (next && find("[data-list]")) {
      forget();
      slot().replaceChildren(next);
      raise();
    } else {
      close();
      const old = find("[data-list]");
      if (old && swapList(page)) find("#app").inert = false;
      else swapBody(page);
      refocus();
    }
    showTimes();
  }

  async function visit(url, how, options) {
    try {
      const answer = await ask(url, options);
      if (!how && options && answer.moved) how = "replace"; // a form that led elsewhere
      if (how) history[`${how}State`](null, "", answer.url);
      show(answer);
      return true;
    } catch (error) {
      if (error.name !== "AbortError" && !options) location.assign(url);
      return error.name === "AbortError";
    }
  }

  // ---- Choosing several keys --------------------------------------------------------------------------------------

  const keys = () => [...document.querySelectorAll("#bulk [name=id]")];

  function countChosen() {
    const all = find("[data-select-all]");
    if (!all) return;
    const [chosen, boxes] = [keys().filter((box) => box.checked).length, keys().length];
    all.checked = chosen === boxes;
    all.indeterminate = chosen > 0 && chosen < boxes;
    find("[data-selected]").textContent = chosen ? ` (${chosen})` : "";
  }

  // ---- Dialogs ----------------------------------------------------------------------------------------------------

  // Makes the dialog in the page modal.
  function raise() {
    const box = dialog();
    if (!box) return;
    if (box.open) box.removeAttribute("open");
    find("#app").inert = false;
    box.dataset.at = location.href;
    chips();
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
    if (opened && !box.hasAttribute("data-once")) history.back();
    else visit(target, "replace");
    opened = false;
    close();
    refocus();
  }

  // ---- The token --------------------------------------------------------------------------------------------------

  let copied = false;
  const token = () => find("[data-token]");
  const uncopied = () => Boolean(token()?.value) && !copied && Boolean(find("#leave")); // what can be made anew may be left

  // Takes the token out of the page.
  function forget() {
    const field = token();
    if (field) field.value = field.textContent = "";
    copied = false;
  }

  // Asks before an uncopied token is left. Says whether it stopped the leaving.
  function guard() {
    if (!uncopied()) return false;
    find("#leave").hidden = false;
    find("[data-stay]").focus();
    return true;
  }

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
    const field = token();
    let done = true;
    try {
      await navigator.clipboard.writeText(field.value); // absent on plain HTTP
    } catch {
      field.focus();
      field.select();
      done = document.execCommand("copy");
      if (done) button.focus();
    }
    if (done) markCopied();
    else tell(`Your browser did not copy it. It is selected: press ${/Mac|iP/.test(navigator.platform) ? "⌘C" : "Ctrl+C"}.`, false);
  }

  // ---- Lists of short texts: a chip each ---------------------------------------------------------------------------

  // Puts chips in place of each text area; without script, that has one text a line.
  function chips() {
    for (const template of document.querySelectorAll("template[data-chips]")) {
      template.previousElementSibling.replaceWith(template.content);
      template.remove();
    }
  }

  function tellChips(box, text) {
    const count = box.querySelectorAll(".chip").length;
    find("[role=status]", box).textContent = `${text} ${count} in the list.`;
    const warning = find("#open");
    if (warning) warning.hidden = Boolean(find("[data-allow] .chip"));
  }

  function addChips(field, text) {
    const box = field.closest("[data-chip-box]");
    const held = new Set([...box.querySelectorAll(".chip > input")].map((chip) => chip.value.toLowerCase()));
    const fresh = text.split(/[\s,;]+/).filter((entry) => entry && !held.has(entry.toLowerCase()) && held.add(entry.toLowerCase()));
    for (const entry of fresh) {
      const chip = find("template", box).content.cloneNode(true);
      find("span", chip).textContent = find("input", chip).value = entry;
      find("button", chip).setAttribute("aria-label", `Remove ${entry}`);
      find("ul", box).append(chip);
    }
    field.value = "";
    tellChips(box, fresh.length ? `Added ${fresh.join(", ")}.` : "Already there.");
  }

  function removeChip(button) {
    const [box, chip] = [button.closest("[data-chip-box]"), button.closest(".chip")];
    const next = chip.nextElementSibling || chip.previousElementSibling;
    const removed = find("input", chip).value;
    chip.remove();
    (next ? find("button", next) : find(":scope > input", box)).focus();
    tellChips(box, `Removed ${removed}.`);
  }

  // ---- What people do ---------------------------------------------------------------------------------------------

  const plain = (event) => !(event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);

  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest?.(selector);
    for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
    if (on("[data-copy]")) return void copy(on("[data-copy]"));
    if (on("[data-unchip]")) return removeChip(on("[data-unchip]"));
    if (on("[data-chip-box]") === event.target) find(":scope > input", event.target).focus();
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
    } else if (link.matches("[data-list-link]")) {
      event.preventDefault();
      typed = false;
      visit(link.href, "push");
    } else if (link.hash && link.closest("#errors")) {
      const field = document.getElementById(link.hash.slice(1));
      event.preventDefault();
      (field?.matches("fieldset") ? find(":checked", field) : field)?.focus();
    }
  });

  document.addEventListener("submit", async (event) => {
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
    const went = await visit(form.action, null, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    button.removeAttribute("aria-busy");
    if (went) return;
    // Nothing is known about what the server did. The form's one-time id makes asking again safe.
    const problem = document.createElement("div");
    problem.className = "problem";
    problem.id = "errors";
    problem.tabIndex = -1;
    problem.innerHTML = '<p role="alert"><svg class="i" aria-hidden="true"><use href="#i-warning"/></svg><span><strong>No answer from the server.</strong> Check your connection and try again; doing it twice does no harm.</span></p>';
    find("#errors", form)?.remove();
    find(".dialog-body", form).prepend(problem);
    problem.focus();
  });

  function filter(how) {
    clearTimeout(typing);
    const form = find("#filter");
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    visit(`${form.getAttribute("action")}${query.size ? `?${query}` : ""}`, how);
  }

  let typing;
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

  document.addEventListener("paste", (event) => {
    const field = event.target.closest?.("[data-chip-box] > input");
    const text = field && event.clipboardData.getData("text").trim();
    if (!text || !/[\s,;]/.test(text)) return;
    event.preventDefault();
    addChips(field, field.value + text);
  });

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest?.("[data-chip-box] > input");
    if (field && !event.isComposing && (event.key === "Enter" || event.key === ",")) {
      event.preventDefault();
      if (field.value.trim()) addChips(field, field.value);
    } else if (field && event.key === "Backspace" && !field.value) {
      find(".chip:last-child button", field.parentElement)?.focus();
    }
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
  document.addEventListener("copy", (event) => {
    const field = token();
    if (event.target === field && field.value && field.selectionEnd - field.selectionStart === field.value.length) setTimeout(markCopied);
  });

  addEventListener("popstate", () => {
    if (uncopied()) {
      history.pushState(null, "", dialog().dataset.at);
      return void guard();
    }
    opened = typed = false;
    visit(location.href);
  });
  addEventListener("beforeunload", (event) => {
    if (uncopied()) event.preventDefault();
  });
  addEventListener("pagehide", forget); // the page may be kept for "back": without the token
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    if (token()) location.replace(dialog().dataset.close);
    else location.reload(); // whoever looks now may have signed out meanwhile
  });

  // ---- Start ------------------------------------------------------------------------------------------------------

  function countDown(place) {
    const end = Date.now() + place.dataset.countdown * 1000;
    const timer = setInterval(() => {
      const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      place.textContent = left;
      if (!left || !place.isConnected) clearInterval(timer);
    }, 250);
  }

  function ready() {
    countChosen();
    settle();
    showTimes();
    chips();
    raise();
    const place = find("[data-countdown]");
    if (place) countDown(place);
  }
  ready();
  if (!dialog()) find("#errors")?.focus();
  setInterval(showTimes, 30000);
})();
