"""A service that checks sessions offline, with PyJWT: each line of standard input is a token, each of standard output what came of it.

The arguments are where the keys are published, and who must have issued the token, for whom.
"""

import json
import sys

import jwt

address, issuer = sys.argv[1:]


class Client(jwt.PyJWKClient):
    fetches = 0

    def fetch_data(self):
        self.fetches += 1
        return super().fetch_data()


client = Client(address)

for line in sys.stdin:
    token = line.rstrip("\n")
    try:
        key = client.get_signing_key_from_jwt(token)
        checked = jwt.decode_complete(
            token,
            key,
            algorithms=["EdDSA"],
            audience=issuer,
            issuer=issuer,
            options={"require": ["sub", "exp", "iat", "jti"]},
        )
        answer = {"claims": checked["payload"], "kid": checked["header"]["kid"]}
    except jwt.PyJWTError as error:
        answer = {"refused": type(error).__name__}
    print(json.dumps(answer | {"fetches": client.fetches}), flush=True)
