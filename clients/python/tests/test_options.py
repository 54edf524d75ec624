"""What a program gets wrong is told to it at once, instead of checking something else."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, WebSocket
from fastapi.testclient import TestClient
from products import fastapi_product
from starlette.testclient import WebSocketDenialResponse
from starlette.types import Receive, Scope, Send

from keystead import Caller, Keystead
from keystead.asgi import KeysteadMiddleware, caller_of
from keystead.fastapi import Require
from keystead.testing import FakeKeystead

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "url",
    [
        "",
        "keys.example.com",
        "ftp://keys.example.com",
        "https://u:hunter2@keys.example.com",
        "https://a/?b=hunter2",
        "https://a/#b",
        "https://",
    ],
)
async def test_only_an_http_address_without_a_password_is_an_address_and_the_refusal_does_not_repeat_it(
    url: str,
) -> None:
    with pytest.raises(ValueError, match="The url of Keystead") as refused:
        Keystead(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 61])
async def test_every_check_is_bounded_in_time(timeout: float) -> None:
    with pytest.raises(ValueError, match="60 seconds"):
        Keystead("https://keys.example.com", timeout=timeout)


@pytest.mark.parametrize("permission", ["reports:*", "", None, ["reports:read"], "reports:read\n", "x" * 101])
async def test_a_permission_that_there_cannot_be_is_an_error_and_not_another_question(permission: Any) -> None:
    async with FakeKeystead() as keystead:
        token = keystead.key(permissions=["reports:read"])
        with pytest.raises(ValueError, match="A permission is"):
            await keystead.verify(token, permission=permission)
        with pytest.raises(ValueError, match="A permission is"):
            Require(keystead)(permission)
        with pytest.raises(ValueError, match="A permission is"):
            KeysteadMiddleware(unreached, keystead=keystead, permission=permission)


async def test_a_resource_without_a_permission_is_an_error() -> None:
    async with FakeKeystead() as keystead:
        with pytest.raises(ValueError, match="together with a permission"):
            await keystead.verify(keystead.key(), resource="report-17")
        with pytest.raises(ValueError, match="together with a permission"):
            Require(keystead)(resource=lambda _: "report-17")


@pytest.mark.parametrize("resource", [None, "", 17, ["report-17"]])
async def test_a_request_that_names_no_resource_is_refused_and_not_asked_about_everywhere(resource: Any) -> None:
    async with FakeKeystead() as keystead:
        guarded = KeysteadMiddleware(
            unreached, keystead=keystead, permission="reports:read", resource=lambda _: resource
        )
        token = keystead.key(permissions=["reports:read"])
        answer = TestClient(guarded).get("/", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 403


async def unreached(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("the guard let something through")


async def test_a_handler_without_a_guard_has_no_caller_whatever_its_request_says() -> None:
    with pytest.raises(LookupError):
        caller_of({"headers": [(b"x-keystead-user-id", b"somebody")]})


async def test_what_is_neither_a_request_nor_a_websocket_is_not_let_through() -> None:
    async with FakeKeystead() as keystead:
        guarded = KeysteadMiddleware(unreached, keystead=keystead)

        async def none(*_: Any) -> Any:
            raise AssertionError("nothing is said")

        with pytest.raises(ValueError, match="no guard for webtransport"):
            await guarded({"type": "webtransport"}, none, none)


def test_a_websocket_is_refused_before_it_is_accepted() -> None:
    keystead = FakeKeystead()
    token = keystead.key(email="ada@example.com")

    async def greet(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": caller_of(scope).email})
        await send({"type": "websocket.close"})

    client = TestClient(KeysteadMiddleware(greet, keystead=keystead))
    with client.websocket_connect("/", headers={"authorization": f"Bearer {token}"}) as socket:
        assert socket.receive_text() == "ada@example.com"
    with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect("/"):
        pass
    assert (refused.value.status_code, refused.value.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_server_that_cannot_refuse_a_websocket_with_a_status_closes_it() -> None:
    async with FakeKeystead() as keystead:
        guarded = KeysteadMiddleware(unreached, keystead=keystead)
        received: list[None] = []
        sent: list[Any] = []

        async def receive() -> Any:
            received.append(None)
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await guarded({"type": "websocket", "headers": []}, receive, send)
        assert len(received) == 1, "a connection is taken before it is refused, as ASGI wants it"
        assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1008)]


def test_a_websocket_of_fastapis_is_refused_before_it_is_accepted() -> None:
    keystead = FakeKeystead()
    require = Require(keystead)
    token = keystead.key(email="ada@example.com", permissions_on={"reports:read": ["report-17"]})
    app = FastAPI()
    on_report = require("reports:read", resource=lambda connection: connection.path_params["id"])

    @app.websocket("/reports/{id}")
    async def watch(socket: WebSocket, caller: Annotated[Caller, Depends(on_report)]) -> None:
        await socket.accept()
        await socket.send_text(caller.email)
        await socket.close()

    client = TestClient(app)
    headers = {"authorization": f"Bearer {token}"}
    with client.websocket_connect("/reports/report-17", headers=headers) as socket:
        assert socket.receive_text() == "ada@example.com"
    for path, sent, status in (("/reports/report-18", headers, 403), ("/reports/report-17", {}, 401)):
        with pytest.raises(WebSocketDenialResponse) as refused, client.websocket_connect(path, headers=sent):
            pass
        assert refused.value.status_code == status


def test_the_openapi_document_says_which_routes_need_a_key() -> None:
    document = fastapi_product(FakeKeystead(), lambda: None).openapi()
    assert document["paths"]["/reports"]["get"]["security"] == [{"Keystead": []}]
    scheme = document["components"]["securitySchemes"]["Keystead"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
