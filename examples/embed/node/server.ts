// The backend of a product that embeds Keystead's API Keys page; docs/embedding.md walks through it.
//
// It holds the impersonation key, which never leaves it but for Keystead, and knows who is signed in to the product. The same in
// Rust is in ../rust.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

const KEY = process.env["KEYSTEAD_IMPERSONATION_KEY"];
if (!KEY) throw new Error("set KEYSTEAD_IMPERSONATION_KEY");
// What the frame's messages come from, and answers go to.
const KEYSTEAD = new URL(process.env["KEYSTEAD_URL"] || "http://127.0.0.1:8080").origin;
const PORT = Number(process.env["PORT"] || 3000);

interface Account {
  id: string;
  name: string;
  /** By which Keystead knows them: looked up here, never taken from a browser. */
  email: string;
}

interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

/** Whom `keystead serve --demo` knows, too. */
const ACCOUNTS: Account[] = [
  { id: "ada", name: "Ada Lovelace", email: "ada@demo.example" },
  { id: "grace", name: "Grace Hopper", email: "grace@demo.example" },
  { id: "katherine", name: "Katherine Johnson", email: "katherine@demo.example" },
];

/** Who is signed in, by the random value of their cookie. */
const sessions = new Map<string, Account>();

function sessionId(request: IncomingMessage): string {
  const cookies = (request.headers.cookie ?? "").split("; ").map((cookie) => cookie.split("="));
  return cookies.find(([name]) => name === "acme_session")?.[1] ?? "";
}

const json = (status: number, value: unknown, headers = {}): Answer => ({
  status,
  headers: { "Content-Type": "application/json", ...headers },
  body: JSON.stringify(value),
});
const error = (status: number, message: string, headers = {}): Answer => json(status, { error: message }, headers);

function session(request: IncomingMessage): Answer {
  const accounts = ACCOUNTS.map(({ id, name }) => ({ id, name }));
  return json(200, { keystead: KEYSTEAD, account: sessions.get(sessionId(request))?.id ?? null, accounts });
}

/** A real product asks for a password, or whatever proves who somebody is. */
function signIn(request: IncomingMessage, account: Account): Answer {
  sessions.delete(sessionId(request));
  const id = randomBytes(16).toString("hex");
  sessions.set(id, account);
  // Behind TLS it would be Secure, too.
  return { status: 204, headers: { "Set-Cookie": `acme_session=${id}; HttpOnly; SameSite=Lax; Path=/` } };
}

function signOut(request: IncomingMessage): Answer {
  sessions.delete(sessionId(request));
  return { status: 204 };
}

const IMPERSONATE_USER = `mutation($accessToken: String!, $userEmail: String!) {
  impersonateUser(accessToken: $accessToken, userEmail: $userEmail)
}`;

interface Impersonated {
  data?: { impersonateUser?: string } | null;
  errors?: { extensions?: { code?: string; retryAfter?: number } }[];
}

async function impersonate(email: string): Promise<Impersonated> {
  const answer = await fetch(`${KEYSTEAD}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: IMPERSONATE_USER, variables: { accessToken: KEY, userEmail: email } }),
    // The frame waits for 10 s. A redirect could take the key elsewhere.
    signal: AbortSignal.timeout(5_000),
    redirect: "error",
  });
  return (await answer.json()) as Impersonated;
}

/** A token for whoever is signed in to the product. What the browser sends beside its cookie is not read. */
async function keysteadToken(request: IncomingMessage): Promise<Answer> {
  const account = sessions.get(sessionId(request));
  if (!account) return error(401, "Sign in first.");
  const { data, errors } = await impersonate(account.email).catch((): Impersonated => ({}));
  if (data?.impersonateUser) return json(200, { token: data.impersonateUser, account: account.id });
  const { code, retryAfter } = errors?.[0]?.extensions ?? {};
  console.log(`no Keystead token for ${account.id}: ${code ?? "no answer"}`);
  switch (code) {
    case "NOT_FOUND":
    case "FORBIDDEN":
      return error(403, "Your account has no API keys.");
    case "RATE_LIMITED":
      return error(503, "Too many sign-ins. Try again in a moment.", { "Retry-After": String(retryAfter ?? 1) });
    default:
      return error(502, "API keys cannot be shown right now.");
  }
}

function asset(name: string, kind: string): () => Answer {
  const body = readFileSync(new URL(`../../public/${name}`, import.meta.url), "utf8");
  return () => ({ status: 200, headers: { "Content-Type": `${kind}; charset=utf-8` }, body });
}

const routes = new Map<string, (request: IncomingMessage) => Answer | Promise<Answer>>([
  ["GET /", asset("index.html", "text/html")],
  ["GET /host.js", asset("host.js", "text/javascript")],
  ["GET /style.css", asset("style.css", "text/css")],
  ["GET /api/session", session],
  ["POST /api/sign-out", signOut],
  ["POST /api/keystead-token", keysteadToken],
]);
for (const account of ACCOUNTS) {
  routes.set(`POST /api/sign-in/${account.id}`, (request) => signIn(request, account));
}

/** Browsers send Origin with every POST, and no page can make it say something else. */
function isSameOrigin({ headers }: IncomingMessage): boolean {
  return headers.host !== undefined && headers.origin?.split("://")[1] === headers.host;
}

/** What changes something, or hands out a token, is asked by the product's own page. */
async function respond(request: IncomingMessage): Promise<Answer> {
  if (request.method === "POST" && !isSameOrigin(request)) {
    return error(403, "Only the product's own page may ask for this.");
  }
  const route = routes.get(`${request.method} ${request.url?.split("?")[0]}`);
  return route ? route(request) : error(404, "There is nothing here.");
}

/** The product's page loads its own files, and shows Keystead and nothing else in frames. */
const COMMON_HEADERS = {
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
    `frame-src ${KEYSTEAD}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
};

const server = createServer(async (request, response) => {
  const { status, headers, body } = await respond(request);
  response.writeHead(status, { ...COMMON_HEADERS, ...headers }).end(body);
});
server.listen(PORT, "127.0.0.1", () => {
  console.log(`listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
