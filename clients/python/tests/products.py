"""The same small product with a dependency of FastAPI's and with the ASGI middleware, served by uvicorn."""

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import httpx2
import uvicorn
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from keystead import Caller, Keystead
from keystead.asgi import KeysteadMiddleware, Scope, caller_of
from keystead.fastapi import Require

Run = Callable[[], None]


class Product:
    """A product with `/me` for any caller, `/reports` and `/reports/{id}` for who may read them, and `/broken/{id}`."""

    def __init__(self, name: str, client: httpx2.AsyncClient) -> None:
        self.name = name
        self.runs = 0
        """How often a handler has run."""
        self._client = client

    async def get(self, path: str, *authorization: str) -> httpx2.Response:
        """Sends a request with each of these `Authorization` headers."""
        return await self._client.get(path, headers=[("authorization", value) for value in authorization])

    def run(self) -> None:
        self.runs += 1


@contextlib.asynccontextmanager
async def products(keystead: Keystead) -> AsyncIterator[list[Product]]:
    async with contextlib.AsyncExitStack() as stack:
        each = []
        for name, make in (("FastAPI", fastapi_product), ("Starlette", starlette_product)):
            listener = socket.create_server(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            client = httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30)
            product = Product(name, client)
            await stack.enter_async_context(_served(make(keystead, product.run), listener))
            await stack.enter_async_context(client)
            each.append(product)
        yield each


@contextlib.asynccontextmanager
async def _served(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="debug", access_log=True))
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield
    server.should_exit = True
    await serving


def _seen(caller: Caller) -> dict[str, Any]:
    """What the handlers answer."""
    known = {name: value for name, value in dataclasses.asdict(caller).items() if not name.startswith("_")}
    return {**known, "permissions": sorted(caller.permissions), "may_read": caller.may("reports:read")}


def _broken(_: object) -> str:
    """Fails as a mistake of the product's would."""
    raise RuntimeError("which resource?")


def _id(connection: HTTPConnection) -> str | None:
    found: str = connection.path_params["id"]
    return found


def fastapi_product(keystead: Keystead, run: Run) -> FastAPI:
    require = Require(keystead)
    app = FastAPI()

    @app.get("/me")
    async def me(caller: Annotated[Caller, Depends(require())]) -> dict[str, Any]:
        run()
        return _seen(caller)

    @app.get("/reports")
    async def reports(caller: Annotated[Caller, Depends(require("reports:read"))]) -> dict[str, Any]:
        run()
        return _seen(caller)

    @app.get("/reports/{id}")
    async def report(caller: Annotated[Caller, Depends(require("reports:read", resource=_id))]) -> dict[str, Any]:
        run()
        return _seen(caller)

    @app.get("/broken/{id}")
    async def broken(caller: Annotated[Caller, Depends(require("reports:read", resource=_broken))]) -> None:
        run()

    return app


def starlette_product(keystead: Keystead, run: Run) -> Starlette:
    async def handler(request: Request) -> JSONResponse:
        run()
        return JSONResponse(_seen(caller_of(request.scope)))

    def route(path: str, **guard: Any) -> Route:
        return Route(path, handler, middleware=[Middleware(KeysteadMiddleware, keystead=keystead, **guard)])

    def resource(scope: Scope) -> str:
        found: str = scope["path_params"]["id"]
        return found

    return Starlette(
        routes=[
            route("/me"),
            route("/reports", permission="reports:read"),
            route("/reports/{id}", permission="reports:read", resource=resource),
            route("/broken/{id}", permission="reports:read", resource=_broken),
        ]
    )
