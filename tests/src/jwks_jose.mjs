// A service that checks sessions offline, with jose: each line of standard input is a token, each of standard output what came of it.
// The arguments are where the keys are published, and who must have issued the token, for whom.

import { createInterface } from "node:readline";
import { createRemoteJWKSet, customFetch, jwtVerify } from "jose";

const [address, issuer] = process.argv.slice(-2);
let fetches = 0;
const keys = createRemoteJWKSet(new URL(address), {
  [customFetch]: (...request) => {
    fetches += 1;
    return fetch(...request);
  },
});

for await (const token of createInterface({ input: process.stdin })) {
  const checked = await jwtVerify(token, keys, {
    issuer,
    audience: issuer,
    algorithms: ["EdDSA"],
    typ: "ks-session+jwt",
    requiredClaims: ["sub", "exp", "iat", "jti"],
  }).then(
    ({ payload, protectedHeader }) => ({ claims: payload, kid: protectedHeader.kid }),
    (error) => ({ refused: error.code ?? String(error) }),
  );
  console.log(JSON.stringify({ ...checked, fetches }));
}
