"""A Keystead for tests of a product, without a server: it knows the keys that it is given, and goes through all the same code."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2

from keystead._client import Keystead

__all__ = ["FakeKeystead"]


@dataclass
class _Known:
    kind: str
    headers: list[tuple[bytes, bytes]]
    permissions: frozenset[str]
    permissions_on: Mapping[str, Iterable[str]]
    expired: datetime | None = None


class FakeKeystead(Keystead):
    """Takes the place of a `Keystead`."""

    def __init__(self) -> None:
        self.down = False
        """Whether it cannot be reached."""
        self._known: dict[str, _Known] = {}
        super().__init__("http://keystead.invalid", transport=httpx2.MockTransport(self._answer))

    def key(
        self,
        *,
        user_id: str | None = None,
        email: str = "somebody@example.com",
        organization_id: str | None = None,
        permissions: Iterable[str] = (),
        permissions_on: Mapping[str, Iterable[str]] | None = None,
    ) -> str:
        """Makes an API key for somebody, and returns its token.

        `permissions` hold everywhere, `permissions_on` has the ids of resources by permission; what is left out is made up.
        """
        return self._add("API key", user_id, email, organization_id, permissions, permissions_on)

    def session(
        self,
        *,
        user_id: str | None = None,
        email: str = "somebody@example.com",
        organization_id: str | None = None,
        permissions: Iterable[str] = (),
        permissions_on: Mapping[str, Iterable[str]] | None = None,
    ) -> str:
        """Makes an impersonated session of somebody, and returns its token."""
        return self._add("session", user_id, email, organization_id, permissions, permissions_on)

    def revoke(self, token: str) -> None:
        """Revokes a key, or ends a session: the next check refuses it."""
        del self._known[token]

    def expire(self, token: str, at: datetime) -> None:
        """Lets a key or session have expired at an instant."""
        self._known[token].expired = at.astimezone(UTC)

    def _add(
        self,
        kind: str,
        user_id: str | None,
        email: str,
        organization_id: str | None,
        permissions: Iterable[str],
        permissions_on: Mapping[str, Iterable[str]] | None,
    ) -> str:
        held = frozenset(permissions)
        headers = {
            "x-keystead-user-id": user_id or str(uuid.uuid4()),
            "x-keystead-user-email": email,
            "x-keystead-organization-id": organization_id or str(uuid.uuid4()),
            "x-keystead-permissions": ",".join(sorted(held)),
            f"x-keystead-{'key' if kind == 'API key' else 'impersonator-key'}-id": str(uuid.uuid4()),
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        token = f"fake_{uuid.uuid4().hex}"
        self._known[token] = _Known(kind, raw, held, permissions_on or {})
        return token

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        if self.down:
            raise httpx2.ConnectError("It is down.", request=request)
        known = self._known.get(request.headers["authorization"].removeprefix("Bearer "))
        if known is None:
            return _refused(401, "invalid_token", "The API key does not work.")
        if known.expired is not None:
            at = known.expired.isoformat().replace("+00:00", "Z")
            return _refused(401, "invalid_token", f"The {known.kind} expired at {at}.")
        permission, resource = request.url.params.get("permission"), request.url.params.get("resource")
        on = known.permissions_on.get(permission or "", ())
        if permission is None or permission in known.permissions or (resource is not None and resource in on):
            return httpx2.Response(200, headers=known.headers)
        if known.kind == "session":
            return _refused(
                403, "insufficient_scope", "The user of the session does not hold this permission in it."
            )
        return _refused(403, "insufficient_scope", "The creator of the API key does not hold this permission.")


def _refused(status: int, error: str, description: str) -> httpx2.Response:
    challenge = f'Bearer error="{error}", error_description="{description}"'
    return httpx2.Response(status, headers={"www-authenticate": challenge})
