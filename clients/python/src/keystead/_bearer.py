"""Reading `Authorization: Bearer` (RFC 6750, section 2.1) by the one strict grammar that Keystead itself has."""

import re
from collections.abc import Iterable

from keystead._verification import Refused, unauthenticated

# RFC 6750's b68token. Whatever else a header could hold never reaches the HTTP client, whose errors may repeat it.
_BEARER = re.compile(rb"Bearer ([A-Za-z0-9._~+/=-]+)")
_LONGEST = 8192
"""More than any token of Keystead's has."""


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> bytes | Refused:
    """The value of a request's one `Authorization` header, to be passed on; or else what the caller is told."""
    values = [value for name, value in headers if name.lower() == b"authorization"]
    if not values:
        return unauthenticated("Bearer", "Send the header: Authorization: Bearer YOUR_API_KEY.")
    if len(values) > 1:
        return _malformed("Send one Authorization header, not several.")
    [value] = values
    if len(value) <= len(b"Bearer ") + _LONGEST and _BEARER.fullmatch(value):
        return value
    return _malformed("Send the header as: Authorization: Bearer YOUR_API_KEY (one space, nothing around the key).")


def _malformed(detail: str) -> Refused:
    return unauthenticated(f'Bearer error="invalid_token", error_description="{detail}"', detail)
