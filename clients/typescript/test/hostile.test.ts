/** What stands at Keystead's address and is not Keystead, or no longer as it should be: nobody gets in, and the key stays here. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";

import { type Credentials, Keystead, refusal, type Verification } from "@keystead/client";

const servers: Server[] = [];
after(() => servers.forEach((server) => (server.closeAllConnections(), server.close())));

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const GOOD = {
  "x-keystead-user-id": "018f3c1e-0000-7000-8000-000000000001",
  "x-keystead-user-email": "ada@example.com",
  "x-keystead-organization-id": "018f3c1e-0000-7000-8000-000000000002",
  "x-keystead-key-id": "018f3c1e-0000-7000-8000-000000000003",
  "x-keystead-permissions": "keys:create,reports:read",
};

/** Asks a server that answers like this, and says why the operator was told that it failed. */
async function asked(
  listener: RequestListener,
  options: { timeout?: number } = {},
): Promise<{ verification: Verification; warnings: string[] }> {
  const warnings: string[] = [];
  const warn = (message: string) => warnings.push(message);
  const keystead = new Keystead({ url: await serve(listener), warn, ...options });
  return { verification: await keystead.verify("token"), warnings };
}

const answering =
  (status: number, headers: Record<string, string | string[]> = {}, body = ""): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(body);

test("an acceptance is one that says who the caller is, in Keystead's form", async () => {
  const { verification, warnings } = await asked(answering(200, GOOD));
  assert(verification.ok);
  assert.deepEqual(verification.caller.permissions, ["keys:create", "reports:read"]);
  assert.deepEqual(warnings, []);
});

test("whatever else says 200 lets nobody through", async () => {
  const changed: Record<string, string | string[]>[] = [
    { "x-keystead-user-id": "" },
    { "x-keystead-user-id": "a b" },
    { "x-keystead-user-id": [GOOD["x-keystead-user-id"], GOOD["x-keystead-user-id"]] },
    { "x-keystead-user-email": "ada" },
    { "x-keystead-user-email": ["ada@example.com", "bob@example.com"] },
    { "x-keystead-user-email": "j\xf6rg@example.com" },
    { "x-keystead-organization-id": "x".repeat(65) },
    { "x-keystead-permissions": "reports:*" },
    { "x-keystead-permissions": "reports:read," },
    { "x-keystead-permissions": ["reports:read", "reports:write"] },
    { "x-keystead-key-id": "" },
    { "x-keystead-impersonator-key-id": GOOD["x-keystead-key-id"] },
  ];
  const missing = Object.keys(GOOD).map((name) => Object.fromEntries(Object.entries(GOOD).filter(([other]) => other !== name)));
  for (const headers of [...missing, ...changed.map((change) => ({ ...GOOD, ...change })), {}]) {
    const { verification, warnings } = await asked(answering(200, headers));
    assert(!verification.ok && verification.status === 503, JSON.stringify(headers));
    assert.deepEqual(
      warnings,
      ["keystead: requests are refused with 503, because the answer does not say who the caller is"],
    );
  }
});

test("no other status is an acceptance, whatever it says", async () => {
  for (const status of [201, 204, 206, 300, 400, 404, 422, 429, 500, 502, 503, 504]) {
    const { verification, warnings } = await asked(answering(status, GOOD));
    assert(!verification.ok && verification.status === 503, String(status));
    assert.match(warnings.join(), new RegExp(`the answer has the status ${status}$`));
  }
});

test("a redirect is not followed, so the key goes nowhere else", async () => {
  const elsewhere: IncomingMessage[] = [];
  const other = await serve((request, response) => {
    elsewhere.push(request);
    response.writeHead(200, GOOD).end();
  });
  for (const status of [301, 302, 303, 307, 308]) {
    const { verification } = await asked(answering(status, { ...GOOD, location: `${other}/verify` }));
    assert(!verification.ok && verification.status === 503, String(status));
  }
  assert.equal(elsewhere.length, 0);
});

test("who does not answer in time is not waited for, in whichever part of the answer it stops", async () => {
  const stalling: RequestListener[] = [
    () => {},
    (_, response) => response.writeHead(200, { ...GOOD, "content-length": "10" }).write("x"),
    (_, response) => response.writeHead(401, { "transfer-encoding": "chunked" }).flushHeaders(),
  ];
  for (const listener of stalling) {
    const { verification, warnings } = await asked(listener, { timeout: 50 });
    assert(!verification.ok && verification.status === 503);
    assert.deepEqual(warnings, ["keystead: requests are refused with 503, because there was no answer within 50 ms"]);
  }
});

test("an answer that is cut off, or is no HTTP, lets nobody through", async () => {
  const broken: RequestListener[] = [
    ({ socket }) => socket.destroy(),
    ({ socket }) => socket.end("220 mail.example.com ESMTP\r\n"),
    ({ socket }) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx"),
  ];
  for (const listener of broken) {
    const { verification, warnings } = await asked(listener);
    assert(!verification.ok && verification.status === 503);
    assert.match(warnings.join(), /because it cannot be reached( \([A-Z_0-9]+\))?$/);
  }
});

test("a challenge that is not in Keystead's form is not passed on to callers", async () => {
  const strange = [
    {},
    { "www-authenticate": 'Basic realm="proxy"' },
    { "www-authenticate": "Bearer" },
    { "www-authenticate": `Bearer error_description="${"x".repeat(501)}"` },
    { "www-authenticate": 'Bearer error="invalid_token", error_description="a\\"b"' },
    { "www-authenticate": 'Bearer error="invalid_token", error_description="\xe9"' },
  ];
  for (const headers of strange) {
    const { verification } = await asked(answering(401, headers, "<html>"));
    assert(!verification.ok && verification.status === 401);
    assert.equal(verification.error.detail, "The API key does not work.");
    assert.equal(
      refusal(verification).headers.get("www-authenticate"),
      'Bearer error="invalid_token", error_description="The API key does not work."',
    );
  }
});

test("each check is a request of its own, which says that nobody may keep the answer", async () => {
  const requests: { method?: string | undefined; url?: string | undefined; header?: string | undefined }[] = [];
  const url = await serve(({ method, url, headers }, response) => {
    requests.push({ method, url, header: headers.authorization });
    response.writeHead(200, { ...GOOD, "cache-control": "max-age=60" }).end();
  });
  const inits: RequestInit[] = [];
  const keystead = new Keystead({
    url: `${url}/keys/`,
    fetch: (address, init) => (inits.push(init), fetch(address, init)),
  });
  for (let check = 0; check < 2; check += 1) {
    assert((await keystead.verify("token", { permission: "reports:read", resource: "a/b&c" })).ok);
  }
  const expected = {
    method: "POST",
    url: "/keys/verify?permission=reports%3Aread&resource=a%2Fb%26c",
    header: "Bearer token",
  };
  assert.deepEqual(requests, [expected, expected]);
  assert(inits.every(({ cache, redirect, signal }) => cache === "no-store" && redirect === "manual" && signal));
});

test("what cannot be a token is refused without a question", async () => {
  let questions = 0;
  const fetch = async () => ((questions += 1), new Response(null, { headers: GOOD }));
  const keystead = new Keystead({ url: "http://keystead.invalid", fetch });
  const status = async (credentials: Credentials) => {
    const verification = await keystead.verify(credentials);
    return verification.ok ? 200 : verification.status;
  };
  for (const token of ["", "a b", "a\n", "a\r\nx: y", "a\0", "a,b", "a\u00e9", "a\u20ac", '"a"', "a".repeat(8193)]) {
    assert.equal(await status(token), 401, JSON.stringify(token));
  }
  for (const value of ["Bearer", "bearer a", "Bearer  a", "Bearer\ta", "Bearer a ", "Basic a", "Bearer \xc3\xa9"]) {
    assert.equal(await status({ authorization: [value] }), 401, value);
  }
  assert.equal(questions, 0);
  assert.equal(await status({ authorization: [`Bearer ${"a".repeat(8192)}`] }), 200);
  assert.equal(questions, 1);
});
