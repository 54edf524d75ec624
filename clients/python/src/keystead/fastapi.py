"""Guards for FastAPI: dependencies that give a route its caller."""

from collections.abc import Callable

from fastapi import HTTPException
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from keystead._caller import Caller
from keystead._client import Keystead
from keystead._guard import Guard, Scope
from keystead._question import ANYTHING, Anything
from keystead._verification import Refused

__all__ = ["Require"]

ResourceOf = Callable[[HTTPConnection], str | None]
"""Which resource of the product a request is about. What is no id, such as `None`, is refused with 403.

It is called before the key is checked, so it should read the request and look nothing up.
"""


class Require:
    """Makes dependencies that ask this Keystead.

    ::

        require = Require(Keystead("https://keys.example.com"))

        @app.get("/reports")
        async def reports(caller: Annotated[Caller, Depends(require("reports:read"))]) -> …:
    """

    def __init__(self, keystead: Keystead) -> None:
        self._keystead = keystead

    def __call__(
        self, permission: str | Anything = ANYTHING, *, resource: ResourceOf | None = None
    ) -> "Requirement":
        """A dependency that lets whoever has a live key or session through, and with a permission whoever holds it.

        They must hold it everywhere, or on the resource that `resource` finds in the request.
        """
        return Requirement(self._keystead, permission, resource)


class Requirement(SecurityBase):
    """A dependency for routes and WebSockets. The OpenAPI document says that they need a bearer token."""

    def __init__(self, keystead: Keystead, permission: str | Anything, resource: ResourceOf | None) -> None:
        self.model = HTTPBearer(description="An API key, or the token of a session, of Keystead's")
        self.scheme_name = "Keystead"
        self._guard = Guard(keystead, permission, None if resource is None else _of_scope(resource))

    async def __call__(self, connection: HTTPConnection) -> Caller:
        verification = await self._guard.check(connection.scope)
        if isinstance(verification, Refused):
            raise HTTPException(verification.status, verification.detail, verification.headers())
        return verification.caller


def _of_scope(resource: ResourceOf) -> Callable[[Scope], str | None]:
    return lambda scope: resource(HTTPConnection(scope))
