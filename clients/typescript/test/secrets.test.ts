/** A token is in the one header that Keystead gets, and nowhere else. */

import assert from "node:assert/strict";
import { after, before, mock, test } from "node:test";
import { inspect } from "node:util";

import { Keystead } from "@keystead/client";

import { products } from "./products.js";
import { keys, RealKeystead } from "./real.js";

let real: RealKeystead;
before(async () => {
  real = await RealKeystead.start();
});
after(() => real.stop());

test("neither what is printed nor what is answered has a token, whatever becomes of it", async () => {
  const printed: unknown[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    mock.method(stream, "write", (text: unknown) => (printed.push(text), true));
  }
  const said: unknown[] = [];
  const addresses: string[] = [];
  const watched = (url: string) =>
    new Keystead({ url, fetch: (address, init) => (addresses.push(address), fetch(address, init)) });
  try {
    for (const keystead of [watched(real.url), watched("http://127.0.0.1:1")]) {
      const all = await products(keystead);
      for (const product of all) {
        for (const path of ["/me", "/reports", "/reports/report-17", "/broken/1"]) {
          for (const { token } of Object.values(keys)) {
            const { body, headers, status } = await product.get(path, `Bearer ${token}`);
            said.push(status, body, ...headers);
            const twice = await product.get(path, `Bearer ${token}`, `Bearer ${token}`);
            said.push(twice.body, ...twice.headers);
          }
        }
      }
      for (const { token } of Object.values(keys)) {
        // What the platform's `fetch` would repeat in its error.
        for (const bad of [`${token}\n`, `${token}\0`, `${token}\u20ac`, ` ${token}`]) {
          const verification = await keystead.verify(bad);
          assert(!verification.ok && verification.status === 401);
          said.push(inspect(verification), JSON.stringify(verification));
        }
        said.push(inspect(await keystead.verify(token), { depth: 9, showHidden: true }));
      }
      said.push(inspect(keystead, { depth: 9, showHidden: true }));
      await Promise.all(all.map((product) => product.close()));
    }
  } finally {
    mock.restoreAll();
  }
  const text = [...printed, ...said, ...addresses].join("\n");
  assert.match(text, /requests are refused with 503/);
  for (const [name, { token }] of Object.entries(keys)) assert(!text.includes(token), name);
});
