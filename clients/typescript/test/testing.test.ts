/** The test double is believed only as far as it answers like the real one. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { type Credentials, Keystead, type Question } from "@keystead/client";
import { FakeKeystead } from "@keystead/client/testing";

import { products } from "./products.js";
import { keys, RealKeystead } from "./real.js";

let real: RealKeystead;
before(async () => {
  real = await RealKeystead.start();
});
after(() => real.stop());

test("the test double answers as the real one does", async () => {
  const client = new Keystead({ url: real.url });
  const fake = new FakeKeystead();
  const { analyst, limited, nobody, expired } = keys;
  const known = ({ user }: typeof analyst) => ({ userId: user.id, email: user.email });
  const grace = { ...known(analyst), permissions: ["reports:read"] };
  const reads = { "reports:read": ["report-17"] };
  const tokens: [real: string, fake: string][] = [
    [analyst.token, fake.key(grace)],
    [limited.token, fake.key({ ...known(limited), permissionsOn: reads })],
    [nobody.token, fake.key(known(nobody))],
    [await real.session(analyst.user.email), fake.session(grace)],
    [await real.session(nobody.user.email), fake.session(known(nobody))],
    [expired.token, fake.key(known(analyst))],
    ["junk", "junk"],
  ];
  const told = await client.verify(expired.token);
  const at = /expired at (.*)\.$/.exec(told.ok ? "" : told.error.detail)?.[1];
  fake.expire(tokens[5]![1], new Date(at!));

  const questions: Question[] = [
    {},
    { permission: "reports:read" },
    { permission: "reports:read", resource: "report-17" },
    { permission: "reports:read", resource: "report-18" },
    { permission: "reports:read", resource: "a b" },
    { permission: "invoices:send" },
  ];
  const answer = async (keystead: Keystead, credentials: Credentials, question: Question) => {
    const verification = await keystead.verify(credentials, question);
    if (!verification.ok) return verification;
    const { userId, email, permissions, keyId, impersonatorKeyId, may } = verification.caller;
    return { userId, email, permissions, session: !keyId && impersonatorKeyId, mayRead: may("reports:read") };
  };
  for (const [realToken, fakeToken] of tokens) {
    for (const question of questions) {
      const expected = await answer(client, realToken, question);
      const actual = await answer(fake, fakeToken, question);
      if ("session" in expected) expected.session &&= "yes";
      if ("session" in actual) actual.session &&= "yes";
      assert.deepEqual(actual, expected, `${tokens.findIndex(([token]) => token === realToken)}: ${JSON.stringify(question)}`);
    }
  }
});

test("a product is tested without a server: keys are made, revoked and out of reach", async () => {
  const keystead = new FakeKeystead();
  const token = keystead.key({ email: "ada@example.com", permissions: ["reports:read"] });
  for (const product of await products(keystead)) {
    const status = async () => (await product.get("/reports", `Bearer ${token}`)).status;
    assert.equal(await status(), 200, product.name);
    keystead.setDown(true);
    assert.equal(await status(), 503, product.name);
    keystead.setDown(false);
    assert.equal(await status(), 200, product.name);
    await product.close();
  }
  keystead.revoke(token);
  assert.equal((await keystead.verify(token)).ok, false);
});
