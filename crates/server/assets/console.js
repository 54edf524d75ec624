// Makes the console quicker; every page works without it. What its lists and dialogs do is in page.js.
import { arrived, dialog, find, guard, start, token, uncopied, visit } from "./page.js";

// ---- The console's addresses are the browser's --------------------------------------------------------------------

addEventListener("popstate", () => {
  if (uncopied()) {
    history.pushState(null, "", dialog().dataset.at);
    return void guard();
  }
  arrived();
  visit(location.href);
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  if (token()) location.replace(dialog().dataset.close);
  else location.reload(); // whoever looks now may have signed out meanwhile
});

// ---- Lists of short texts: a chip each ----------------------------------------------------------------------------

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

document.addEventListener("click", (event) => {
  const on = (selector) => event.target.closest?.(selector);
  if (on("[data-unchip]")) removeChip(on("[data-unchip]"));
  else if (on("[data-chip-box]") === event.target) find(":scope > input", event.target).focus();
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
});

// ---- Start --------------------------------------------------------------------------------------------------------

function countDown(place) {
  const end = Date.now() + place.dataset.countdown * 1000;
  const timer = setInterval(() => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    place.textContent = left;
    if (!left || !place.isConnected) clearInterval(timer);
  }, 250);
}

start({
  root: () => document.body,
  at: () => location.href,
  moved: (how, url) => history[`${how}State`](null, "", url),
  back: () => history.back(),
  ask: (url, options) => fetch(url, { credentials: "same-origin", ...options }),
  failed: (url) => location.assign(url),
  led: () => false,
  dress: chips,
  focused: () => true,
});
const place = find("[data-countdown]");
if (place) countDown(place);
if (!dialog()) find("#errors")?.focus();
