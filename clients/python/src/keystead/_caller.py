"""Who stands behind a request, as Keystead's answer tells."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_PERMISSIONS = re.compile(rb"[a-z0-9_.:-]{1,100}(?:,[a-z0-9_.:-]{1,100})*")
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_EMAIL = re.compile(r'[^\s,;<>"\\@]+@[^\s,;<>"\\@]+')


@dataclass(frozen=True, slots=True)
class Caller:
    """Who stands behind a request. One of `key_id` and `impersonator_key_id` is there, the other is `None`."""

    user_id: str
    """The user who created the key; in a session, the user as whom it acts."""
    email: str
    """Their e-mail address."""
    organization_id: str
    """Their organization."""
    key_id: str | None
    """The API key that was sent."""
    impersonator_key_id: str | None
    """The impersonation key that minted the session whose token was sent."""
    permissions: frozenset[str]
    """What they may do everywhere. What a role gives on some resources only is not in it: ask with a resource."""
    _asked: str | None = field(default=None, repr=False, compare=False)

    def may(self, permission: str) -> bool:
        """Whether they may do this everywhere, as of the answer: what `permissions` has, or what was asked about with this check.

        An administrator may do more than `permissions` has. Where that counts, ask Keystead: `verify(…, permission=…)`.
        """
        return permission == self._asked or permission in self.permissions


def caller_of(headers: Iterable[tuple[bytes, bytes]], asked: str | None) -> Caller | None:
    """Reads the headers of an accepting answer; `None` if they are not what Keystead sends, which is no acceptance.

    `asked` is the permission that the answer says is held everywhere.
    """
    found: dict[bytes, bytes] = {}
    for raw_name, value in headers:
        name = raw_name.lower()
        if name.startswith(b"x-keystead-") and found.setdefault(name, value) is not value:
            return None
    user_id = _matching(found, b"x-keystead-user-id", _ID)
    email = _matching(found, b"x-keystead-user-email", _EMAIL)
    organization_id = _matching(found, b"x-keystead-organization-id", _ID)
    key_id = _matching(found, b"x-keystead-key-id", _ID)
    impersonator_key_id = _matching(found, b"x-keystead-impersonator-key-id", _ID)
    # The header is there also for somebody who may do nothing; then it is empty.
    permissions = found.get(b"x-keystead-permissions")
    if user_id is None or email is None or organization_id is None or permissions is None:
        return None
    if permissions and not _PERMISSIONS.fullmatch(permissions):
        return None
    credentials = found.keys() & {b"x-keystead-key-id", b"x-keystead-impersonator-key-id"}
    if len(credentials) != 1 or (key_id is None and impersonator_key_id is None):
        return None
    names = frozenset(permissions.decode("ascii").split(",")) if permissions else frozenset[str]()
    return Caller(user_id, email, organization_id, key_id, impersonator_key_id, names, asked)


def _matching(found: dict[bytes, bytes], name: bytes, form: re.Pattern[str]) -> str | None:
    try:
        value = found.get(name, b"").decode("utf-8")
    except UnicodeDecodeError:
        return None
    return value if form.fullmatch(value) else None
