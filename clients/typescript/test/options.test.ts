/** What a program gets wrong is told to it at once, instead of checking something else. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Keystead } from "@keystead/client";
import { callerOf, guards as expressGuards } from "@keystead/client/express";
import { guards as honoGuards } from "@keystead/client/hono";
import { guards as nextGuards } from "@keystead/client/next";
import { FakeKeystead } from "@keystead/client/testing";

test("only an http address without a password is an address, and the refusal does not repeat it", () => {
  const secret = ["https://u:hunter2@keys.example.com", "https://a/?b=hunter2", "https://a/#hunter2"];
  for (const url of ["", "keys.example.com", "ftp://keys.example.com", ...secret]) {
    assert.throws(
      () => new Keystead({ url }),
      (error: Error) => error instanceof TypeError && !error.message.includes("hunter2") && !("input" in error),
      url,
    );
  }
});

test("every check is bounded in time", () => {
  for (const timeout of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 60_001]) {
    assert.throws(() => new Keystead({ url: "https://keys.example.com", timeout }), RangeError, String(timeout));
  }
});

test("a question that makes no sense is an error and not another question", async () => {
  const keystead = new FakeKeystead();
  const token = keystead.key({ permissions: ["reports:read"] });
  const senseless: object[] = [
    { permission: "reports:*" },
    { permission: "" },
    { permission: undefined },
    { permission: null },
    { permission: ["reports:read"] },
    { permission: "reports:read\n" },
    { permission: "x".repeat(101) },
    { resource: "report-17" },
    { permissions: "reports:read" },
  ];
  for (const question of senseless) {
    await assert.rejects(keystead.verify(token, question), TypeError, JSON.stringify(question));
  }
});

test("a guard with a misspelt permission is not made", () => {
  const keystead = new FakeKeystead();
  const handler = () => new Response();
  for (const permission of ["reports:*", "", undefined as unknown as string]) {
    assert.throws(() => expressGuards(keystead).requirePermission(permission), TypeError);
    assert.throws(() => honoGuards(keystead).requirePermission(permission), TypeError);
    assert.throws(() => nextGuards(keystead).requirePermission(permission, handler), TypeError);
  }
  // A function that is not there would ask about everywhere.
  const resource = undefined as unknown as () => string;
  assert.throws(() => expressGuards(keystead).requirePermission("reports:read", { resource }), TypeError);
});

test("a request that names no resource is refused, and not asked about everywhere", async () => {
  const keystead = new FakeKeystead();
  const authorization = `Bearer ${keystead.key({ permissions: ["reports:read"] })}`;
  const { requirePermission } = nextGuards(keystead);
  for (const named of [undefined, "", ["report-17"], 17 as unknown as string, null as unknown as undefined]) {
    const route = requirePermission("reports:read", () => new Response(), { resource: () => named });
    const answer = await route(new Request("http://product.invalid", { headers: { authorization } }), {});
    assert.equal(answer.status, 403, String(named));
  }
});

test("a handler without a guard has no caller, whatever its request says", () => {
  assert.throws(() => callerOf({ rawHeaders: ["X-Keystead-User-Id", "somebody"] }), /no guard/);
});
