"""The real `keystead`, started on a copy of the store that the workspace's tests have made: see tests/tests/clients/."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx2


def _needed(variable: str) -> Path:
    value = os.environ.get(variable)
    assert value, f"{variable} is not set: these tests are run by `cargo xtask test --only tests`"
    return Path(value)


@dataclass(frozen=True)
class Key:
    """An API key that the store has."""

    id: str
    token: str
    user_id: str
    email: str

    @property
    def bearer(self) -> str:
        return f"Bearer {self.token}"


KEYS = {
    name: Key(key["id"], key["token"], key["user"]["id"], key["user"]["email"])
    for name, key in json.loads((_needed("KEYSTEAD_TEST_FIXTURE") / "keys.json").read_text()).items()
}
"""The keys, by whose they are or by their state: `limited` may read `report-17` only, `nobody` may do nothing."""


class RealKeystead:
    def __init__(self) -> None:
        self._binary = _needed("KEYSTEAD_TEST_BINARY")
        self._folder = tempfile.mkdtemp(prefix="keystead-client-")
        shutil.copytree(_needed("KEYSTEAD_TEST_FIXTURE") / "store", self._folder, dirs_exist_ok=True)
        serve = ["serve", "--data-dir", self._folder, "--listen", "127.0.0.1:0", "--impersonation"]
        self._process = subprocess.Popen([self._binary, *serve], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        begin = "Keystead is listening on "
        lines = (line.strip() for line in self._process.stdout)
        self.url = next(line for line in lines if line.startswith(begin)).removeprefix(begin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def revoke(self, key: Key) -> None:
        """Revokes a key as an operator does; when it returns, the key is revoked."""
        subprocess.run([self._binary, "key", "revoke", key.id, "--data-dir", self._folder], check=True)

    def session(self, email: str) -> str:
        """Mints a session for a user."""
        query = "mutation($key: String!, $email: String!) { impersonateUser(accessToken: $key, userEmail: $email) }"
        variables = {"key": KEYS["impersonator"].token, "email": email}
        answer = httpx2.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, trust_env=False)
        token = answer.json()["data"]["impersonateUser"]
        assert isinstance(token, str)
        return token

    def stop(self) -> None:
        """Stops it, if it still runs; nobody listens there any more."""
        self._process.terminate()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
