// The product's page: shows Keystead's API Keys page in a frame, and gets it new tokens when it asks.

const frame = document.querySelector("#keystead");
const message = document.querySelector("#message");

const { keystead, account, accounts } = await (await fetch("/api/session")).json();

/** A new token for whoever is signed in. The product's backend decides who that is; nothing here names them. */
async function newToken() {
  const answer = await fetch("/api/keystead-token", { method: "POST" });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  // Somebody else has signed in meanwhile, in another tab: this page shows the wrong name, and must not show their keys.
  if (body.account !== account) {
    location.reload();
    throw new Error("Somebody else has signed in.");
  }
  return body.token;
}

/** What `work` resolves to; if it fails, says why on the page. */
async function orSayWhy(work) {
  try {
    const result = await work();
    message.textContent = "";
    return result;
  } catch (error) {
    message.textContent = error.message;
    return null;
  }
}

/** The refresh listener. About 10 s before its token expires, the frame asks for another. */
window.addEventListener("message", async (event) => {
  // Any window can send a message here: only this frame, while it shows Keystead, is answered.
  if (event.origin !== keystead || event.source !== frame.contentWindow) return;
  if (event.data?.type !== "REQUEST_JWT_TOKEN") return;
  const token = await orSayWhy(newToken);
  // The exact origin: should the frame show something else by now, the browser drops the message.
  if (token) frame.contentWindow.postMessage({ type: "JWT_TOKEN_RESPONSE", token }, keystead);
});

/** Another user is another page: an answer that is still under way for the one before must not reach their frame. */
async function changeSession(path) {
  await fetch(path, { method: "POST" });
  location.reload();
}

for (const { id, name } of accounts) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = name;
  button.dataset.account = id;
  button.setAttribute("aria-pressed", String(id === account));
  button.addEventListener("click", () => changeSession(`/api/sign-in/${id}`));
  document.querySelector("#accounts").append(button);
}
const signOut = document.querySelector("#sign-out");
signOut.hidden = account === null;
signOut.addEventListener("click", () => changeSession("/api/sign-out"));

if (account === null) {
  message.textContent = "Choose above as whom to sign in.";
} else {
  const token = await orSayWhy(newToken);
  if (token) {
    // This page follows the system's theme, so the frame does, too.
    const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent").trim();
    frame.src = `${keystead}/embed/api-keys?${new URLSearchParams({ token, accent, theme: "auto" })}`;
    frame.hidden = false;
  }
}
