"""Asking `/verify` once for each request."""

import asyncio
import logging
import re
from collections.abc import Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self

import httpx2

from keystead._bearer import bearer
from keystead._caller import caller_of
from keystead._question import ANYTHING, Anything, check_permission, is_resource
from keystead._verification import Accepted, Refused, Verification, forbidden, unauthenticated, unavailable

_log = logging.getLogger("keystead")
_CHALLENGE = re.compile(r'Bearer [\x20-\x7e]*?\berror_description="([^"\\]{1,500})"')

Headers = Iterable[tuple[bytes, bytes]]
"""Headers of a request as ASGI has them."""


class Keystead:
    """A Keystead that this service asks, over connections that it keeps: one for each event loop, to be closed with `aclose()`."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 2.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Raises `ValueError` if an argument makes no sense; nothing is sent yet.

        `timeout` is the longest that a check may take, in seconds, 60 at most; what takes longer is refused with 503. `transport`
        sends requests instead of httpx2's own: for certificates of one's own, say.
        """
        if not 0 < timeout <= 60:
            raise ValueError("The timeout is more than 0 and at most 60 seconds.")
        self._address = _verify_address(url)
        self._timeout = timeout
        # No cookie of one answer is in the next question, and neither proxies nor credentials of the environment's are used: the key
        # goes to Keystead and nobody else.
        self._http = httpx2.AsyncClient(
            transport=transport,
            timeout=timeout,
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def aclose(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def verify(
        self,
        credentials: str | Headers,
        *,
        permission: str | Anything = ANYTHING,
        resource: str | Anything = ANYTHING,
    ) -> Verification:
        """Asks whether a credential is good now, and whether its user holds a permission, everywhere or on one resource.

        The credential is a token, or the headers of a request that carries one. Each call asks anew. Nothing is kept, since a kept
        answer would accept a key after it was revoked. What cannot be checked is refused with 503; `ValueError` is raised only if
        the question makes no sense.
        """
        query: dict[str, str] = {}
        if permission is not ANYTHING:
            query["permission"] = check_permission(permission)
        elif resource is not ANYTHING:
            raise ValueError("A resource is asked about together with a permission.")
        if isinstance(credentials, str):
            # What is not ASCII is no token, and is told so.
            credentials = [(b"authorization", b"Bearer " + credentials.encode("ascii", "replace"))]
        header = bearer(credentials)
        if isinstance(header, Refused):
            return header
        if resource is not ANYTHING:
            if not isinstance(resource, str) or not is_resource(resource):
                detail = "There can be no such resource."
                return forbidden(f'Bearer error="insufficient_scope", error_description="{detail}"', detail)
            query["resource"] = resource
        return await self._ask(header, query)

    async def _ask(self, authorization: bytes, query: dict[str, str]) -> Verification:
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._http.post(
                    self._address, params=query, headers=[(b"authorization", authorization)]
                )
        except (TimeoutError, httpx2.TimeoutException):
            return self._unavailable(f"there was no answer within {self._timeout:g} s")
        except httpx2.RequestError as error:
            # In words of our own: the error holds the request.
            return self._unavailable(f"it cannot be reached ({type(error).__name__})")
        match answer.status_code:
            case 200:
                asked = None if "resource" in query else query.get("permission")
                caller = caller_of(answer.headers.raw, asked)
                return Accepted(caller) if caller else self._unavailable("the answer does not say who the caller is")
            case 401:
                return unauthenticated(*_challenge(answer, "invalid_token", "The API key does not work."))
            case 403:
                return forbidden(*_challenge(answer, "insufficient_scope", "The permission is not held."))
            case status:
                return self._unavailable(f"the answer has the status {status}")

    def _unavailable(self, reason: str) -> Refused:
        _log.warning("requests are refused with 503, because %s", reason)
        return unavailable()


def _challenge(answer: httpx2.Response, error: str, description: str) -> tuple[str, str]:
    """The challenge of a refusal and its description, as Keystead wrote them; what is not in its form is not passed on."""
    challenge = answer.headers.get("www-authenticate", "")
    found = _CHALLENGE.match(challenge)
    if found and len(challenge) <= 1000 and challenge.isascii() and challenge.isprintable():
        return challenge, found[1]
    return f'Bearer error="{error}", error_description="{description}"', description


def _verify_address(url: str) -> httpx2.URL:
    """Raises without repeating the address, which may have a password in it."""
    try:
        address = httpx2.URL(url)
    except httpx2.InvalidURL:
        address = httpx2.URL()
    if address.scheme not in ("http", "https") or not address.host:
        raise ValueError("The url of Keystead is an http or https address.")
    if address.userinfo or address.query or address.fragment:
        raise ValueError("The url of Keystead has no user, password, query or fragment.")
    return address.copy_with(path=address.path.rstrip("/") + "/verify")
