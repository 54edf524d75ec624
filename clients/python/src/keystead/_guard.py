"""What the guards of all frameworks share."""

from collections.abc import Callable, MutableMapping
from typing import Any

from keystead._client import Keystead
from keystead._question import ANYTHING, Anything, check_permission
from keystead._verification import Verification

Scope = MutableMapping[str, Any]
"""What ASGI knows of a request."""

ResourceOf = Callable[[Scope], str | None]
"""Which resource of the product a request is about. What is no id, such as `None`, is refused with 403.

It is called before the key is checked, so it should read the request and look nothing up.
"""


class Guard:
    """A permission, and where it is needed."""

    def __init__(
        self,
        keystead: Keystead,
        permission: str | Anything,
        resource: ResourceOf | None,
    ) -> None:
        """Raises at once if the permission is misspelt."""
        if permission is not ANYTHING:
            check_permission(permission)
        elif resource is not None:
            raise ValueError("A resource is asked about together with a permission.")
        self._keystead = keystead
        self._permission = permission
        self._resource = resource

    async def check(self, scope: Scope) -> Verification:
        if self._resource is None:
            return await self._keystead.verify(scope["headers"], permission=self._permission)
        # An empty text is no id, and is refused as such.
        resource = self._resource(scope) or ""
        return await self._keystead.verify(scope["headers"], permission=self._permission, resource=resource)
