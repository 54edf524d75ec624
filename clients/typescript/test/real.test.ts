/** Express 4 and 5, Hono and Next.js handlers, and the client alone, against the real `keystead`. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Keystead, type Verification } from "@keystead/client";

import { type Product, products } from "./products.js";
import { type Key, keys, RealKeystead } from "./real.js";

let real: RealKeystead;
let keystead: Keystead;
let each: Product[];

before(async () => {
  real = await RealKeystead.start();
  keystead = new Keystead({ url: real.url });
  each = await products(keystead);
});

after(async () => {
  await Promise.all(each.map((product) => product.close()));
  await real.stop();
});

const bearer = ({ token }: Key) => `Bearer ${token}`;

function callerIn(verification: Verification) {
  assert(verification.ok, JSON.stringify(verification));
  return verification.caller;
}

test("a handler is told who sent an API key", async () => {
  const { analyst } = keys;
  for (const product of each) {
    const answer = await product.get("/me", bearer(analyst));
    assert.equal(answer.status, 200, product.name);
    const { organizationId, ...caller } = JSON.parse(answer.body);
    assert.deepEqual(
      caller,
      {
        userId: analyst.user.id,
        email: analyst.user.email,
        keyId: analyst.id,
        permissions: ["reports:read"],
        mayRead: true,
      },
      product.name,
    );
    assert.match(organizationId, /^[0-9a-f-]{36}$/, product.name);
  }
});

test("a caller who may do nothing, and whose address is not ASCII, is a caller all the same", async () => {
  const caller = callerIn(await keystead.verify(keys.nobody.token));
  assert.equal(caller.email, "jörg@example.com");
  assert.deepEqual(caller.permissions, []);
  assert.equal(caller.may("reports:read"), false);
});

test("a session's user is the caller, and the impersonation key is told apart from a key of theirs", async () => {
  const { analyst, impersonator } = keys;
  const token = await real.session(analyst.user.email);
  const caller = callerIn(await keystead.verify(token, { permission: "reports:read" }));
  assert.equal(caller.userId, analyst.user.id);
  assert.equal(caller.impersonatorKeyId, impersonator.id);
  assert.equal(caller.keyId, undefined);
  for (const product of each) {
    const answer = await product.get("/reports", `Bearer ${token}`);
    assert.equal(answer.status, 200, product.name);
    assert.equal(JSON.parse(answer.body).impersonatorKeyId, impersonator.id, product.name);
  }
});

test("a permission that is held everywhere, on one resource, or not at all is told apart", async () => {
  const statuses = async (product: Product, key: Key) => {
    const answers = ["/reports", "/reports/report-17", "/reports/report-18"].map((path) => product.get(path, bearer(key)));
    return (await Promise.all(answers)).map(({ status }) => status);
  };
  for (const product of each) {
    assert.deepEqual(await statuses(product, keys.administrator), [200, 200, 200], product.name);
    assert.deepEqual(await statuses(product, keys.analyst), [200, 200, 200], product.name);
    assert.deepEqual(await statuses(product, keys.limited), [403, 200, 403], product.name);
    assert.deepEqual(await statuses(product, keys.nobody), [403, 403, 403], product.name);
  }
});

test("an administrator may do what was asked about, also where no role names it", async () => {
  const token = keys.administrator.token;
  assert.equal(callerIn(await keystead.verify(token)).may("invoices:send"), false);
  assert.equal(callerIn(await keystead.verify(token, { permission: "invoices:send" })).may("invoices:send"), true);
  // On one resource is not everywhere.
  const asked = { permission: "reports:read", resource: "report-17" };
  assert.equal(callerIn(await keystead.verify(keys.limited.token, asked)).may("reports:read"), false);
});

test("a refusal for want of a permission says so and does not run the handler", async () => {
  for (const product of each) {
    const runs = product.runs();
    const answer = await product.get("/reports", bearer(keys.nobody));
    assert.equal(answer.status, 403, product.name);
    assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer error="insufficient_scope"/, product.name);
    assert.equal(answer.headers.get("content-type"), "application/problem+json", product.name);
    assert.equal(answer.headers.get("cache-control"), "no-store", product.name);
    const { type, title, status, code, detail } = JSON.parse(answer.body);
    assert.deepEqual([type, title, status, code], ["about:blank", "Forbidden", 403, "FORBIDDEN"], product.name);
    assert.equal(detail, "The creator of the API key does not hold this permission.", product.name);
    assert.equal(product.runs(), runs, product.name);
  }
});

test("whoever presents an expired key is told when it expired", async () => {
  for (const product of each) {
    const answer = await product.get("/me", bearer(keys.expired));
    assert.equal(answer.status, 401, product.name);
    const { code, detail } = JSON.parse(answer.body);
    assert.equal(code, "UNAUTHENTICATED", product.name);
    assert.match(detail, /^The API key expired at \d{4}-\d\d-\d\dT[\d:]+Z\.$/, product.name);
    const challenge = `Bearer error="invalid_token", error_description="${detail}"`;
    assert.equal(answer.headers.get("www-authenticate"), challenge, product.name);
  }
});

test("what is no key is refused, and so is what could be read as several", async () => {
  const { token } = keys.analyst;
  const refused: string[][] = [
    [],
    [""],
    ["Bearer"],
    ["Bearer junk"],
    [`bearer ${token}`],
    [`Bearer  ${token}`],
    [`Bearer ${token},`],
    [`Bearer ${token}0`],
    [`Bearer ${token} ${token}`],
    [`Basic ${token}`],
    [token],
    [`Bearer ${"a".repeat(8193)}`],
    [`Bearer ${token}`, `Bearer ${token}`],
    [`Bearer ${token}`, "Bearer junk"],
    ["Bearer junk", `Bearer ${token}`],
    [`Bearer ${token}`, ""],
  ];
  for (const product of each) {
    const runs = product.runs();
    for (const authorization of refused) {
      const { status, headers, body } = await product.get("/me", ...authorization);
      const context = `${product.name}: ${authorization.join(" | ").replaceAll(token, "TOKEN")}`;
      assert.equal(status, 401, context);
      assert.match(headers.get("www-authenticate") ?? "", /^Bearer/, context);
      assert(!body.includes(token), context);
      assert.equal(product.runs(), runs, context);
    }
  }
});

test("an id that no resource can have is refused, and is no way around the check", async () => {
  for (const product of each) {
    for (const id of ["a%20b", "a%2Cb", "%00", "a".repeat(201), "%C3%A4".repeat(101)]) {
      for (const key of [keys.administrator, keys.limited]) {
        const { status } = await product.get(`/reports/${id}`, bearer(key));
        assert.equal(status, 403, `${product.name}: ${id}`);
      }
    }
    // It is part of a value, whatever it looks like.
    for (const id of ["report-17%26permission=x", "%3Fresource=report-17", "report-17%23"]) {
      assert.equal((await product.get(`/reports/${id}`, bearer(keys.limited))).status, 403, `${product.name}: ${id}`);
      assert.equal((await product.get(`/reports/${id}`, bearer(keys.analyst))).status, 200, `${product.name}: ${id}`);
    }
  }
});

test("a guard that cannot say which resource is meant lets nobody through", async () => {
  for (const product of each) {
    const runs = product.runs();
    assert.equal((await product.get("/broken/1", bearer(keys.administrator))).status, 500, product.name);
    assert.equal(product.runs(), runs, product.name);
  }
});

test("a revoked key is refused by the very next request, on every connection", async () => {
  const fresh = await RealKeystead.start();
  const all = await products(new Keystead({ url: fresh.url }));
  try {
    for (const product of all) assert.equal((await product.get("/me", bearer(keys.analyst))).status, 200, product.name);
    const session = await fresh.session(keys.analyst.user.email);
    await fresh.revoke(keys.analyst);
    for (const product of all) assert.equal((await product.get("/me", bearer(keys.analyst))).status, 401, product.name);
    for (const product of all) assert.equal((await product.get("/me", `Bearer ${session}`)).status, 200, product.name);
    await fresh.revoke(keys.impersonator);
    for (const product of all) assert.equal((await product.get("/me", `Bearer ${session}`)).status, 401, product.name);
  } finally {
    await Promise.all(all.map((product) => product.close()));
    await fresh.stop();
  }
});

test("when Keystead is gone nobody gets in, and the operator is told why", async () => {
  const fresh = await RealKeystead.start();
  const warnings: string[] = [];
  const all = await products(new Keystead({ url: fresh.url, warn: (message) => warnings.push(message) }));
  try {
    for (const product of all) assert.equal((await product.get("/me", bearer(keys.analyst))).status, 200, product.name);
    await fresh.stop();
    for (const product of all) {
      warnings.length = 0;
      const answer = await product.get("/me", bearer(keys.analyst));
      assert.equal(answer.status, 503, product.name);
      assert.equal(answer.headers.get("retry-after"), "1", product.name);
      assert.equal(answer.headers.get("www-authenticate"), null, product.name);
      assert.equal(JSON.parse(answer.body).code, "UNAVAILABLE", product.name);
      assert.equal(product.runs(), 1, product.name);
      assert.deepEqual(
        warnings,
        ["keystead: requests are refused with 503, because it cannot be reached (ECONNREFUSED)"],
        product.name,
      );
    }
  } finally {
    await Promise.all(all.map((product) => product.close()));
    await fresh.stop();
  }
});
