"""A guard for every ASGI application: Starlette, Litestar, Quart and their like."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from keystead._caller import Caller
from keystead._client import Keystead
from keystead._guard import Guard, ResourceOf, Scope
from keystead._question import ANYTHING, Anything
from keystead._verification import Refused

__all__ = ["KeysteadMiddleware", "Scope", "caller_of"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_CALLER = "keystead.caller"


def caller_of(scope: Scope) -> Caller:
    """Who calls; raises `LookupError` if the request went through no guard. Starlette's requests have a `scope`."""
    caller = scope.get(_CALLER)
    if not isinstance(caller, Caller):
        raise LookupError("The route has no guard of Keystead's.")
    return caller


class KeysteadMiddleware:
    """Lets requests and WebSockets through to an application if Keystead says so; the application finds out who by `caller_of`.

    With a permission the caller must hold it: everywhere, or on the resource that `resource` finds in the scope. What is no id, such
    as `None`, is refused with 403.
    """

    def __init__(
        self,
        app: App,
        *,
        keystead: Keystead,
        permission: str | Anything = ANYTHING,
        resource: ResourceOf | None = None,
    ) -> None:
        self._app = app
        self._guard = Guard(keystead, permission, resource)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "lifespan":
                await self._app(scope, receive, send)
            case "http" | "websocket" as kind:
                verification = await self._guard.check(scope)
                if isinstance(verification, Refused):
                    await _refuse(kind, verification, scope, receive, send)
                else:
                    await self._app({**scope, _CALLER: verification.caller}, receive, send)
            case kind:
                raise ValueError(f"There is no guard for {kind}.")


async def _refuse(kind: str, refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    body = refused.problem()
    headers = {**refused.headers(), "content-type": "application/problem+json", "content-length": str(len(body))}
    raw = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    prefix = ""
    if kind == "websocket":
        # The server hands the connection over before it may be refused.
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": refused.detail})
            return
        prefix = "websocket."
    await send({"type": f"{prefix}http.response.start", "status": refused.status, "headers": raw})
    await send({"type": f"{prefix}http.response.body", "body": body})
