"""What came of a check, and what a refused caller is told."""

import json
from dataclasses import dataclass
from typing import Literal

from keystead._caller import Caller

_TITLES = {401: "Unauthorized", 403: "Forbidden", 503: "Service Unavailable"}


@dataclass(frozen=True, slots=True)
class Accepted:
    """The key or session is good, and its user may do what was asked about."""

    caller: Caller


@dataclass(frozen=True, slots=True)
class Refused:
    """The request must not go on."""

    status: Literal[401, 403, 503]
    """401: no good credential. 403: not permitted. 503: nobody can say now, which is a refusal, too."""
    code: Literal["UNAUTHENTICATED", "FORBIDDEN", "UNAVAILABLE"]
    detail: str
    """For the developer who called. It repeats nothing of the request."""
    challenge: str | None
    """The value of `WWW-Authenticate`; `None` with 503."""

    def headers(self) -> dict[str, str]:
        """Headers of the answer to the caller, whatever its body: nobody may keep it."""
        headers = {"cache-control": "no-store", "vary": "authorization"}
        if self.challenge is not None:
            headers["www-authenticate"] = self.challenge
        if self.status == 503:
            headers["retry-after"] = "1"
        return headers

    def problem(self) -> bytes:
        """Its body as problem details (RFC 9457), `application/problem+json`."""
        title = _TITLES[self.status]
        problem = {
            "type": "about:blank",
            "title": title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        return json.dumps(problem).encode()


Verification = Accepted | Refused
"""What came of a check."""


def unauthenticated(challenge: str, detail: str) -> Refused:
    return Refused(401, "UNAUTHENTICATED", detail, challenge)


def forbidden(challenge: str, detail: str) -> Refused:
    return Refused(403, "FORBIDDEN", detail, challenge)


def unavailable() -> Refused:
    detail = "Whether the API key works cannot be checked now. Try again later."
    return Refused(503, "UNAVAILABLE", detail, None)
