"""What stands at Keystead's address and is not Keystead, or no longer as it should be: nobody gets in, and the key stays here."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2
import pytest

from keystead import Accepted, Keystead, Refused, Verification

pytestmark = pytest.mark.anyio

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]

GOOD = {
    "x-keystead-user-id": "018f3c1e-0000-7000-8000-000000000001",
    "x-keystead-user-email": "ada@example.com",
    "x-keystead-organization-id": "018f3c1e-0000-7000-8000-000000000002",
    "x-keystead-key-id": "018f3c1e-0000-7000-8000-000000000003",
    "x-keystead-permissions": "keys:create,reports:read",
}


@contextlib.asynccontextmanager
async def serve(answer: Answer) -> AsyncIterator[str]:
    """A server that answers the head of each request."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await answer(await reader.readuntil(b"\r\n\r\n"), writer)
            await writer.drain()
            # Open until the client has had enough.
            await reader.read()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


def answering(status: int, headers: list[tuple[str, str]], body: str = "") -> Answer:
    lines = [f"HTTP/1.1 {status} Anything", *(f"{name}: {value}" for name, value in headers)]
    head = "\r\n".join([*lines, f"content-length: {len(body)}", "", body])

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode("latin-1"))

    return answer


async def asked(answer: Answer, timeout: float = 2.0) -> Verification:
    async with serve(answer) as url, Keystead(url, timeout=timeout) as keystead:
        return await keystead.verify("token")


async def test_an_acceptance_is_one_that_says_who_the_caller_is_in_keysteads_form() -> None:
    verification = await asked(answering(200, list(GOOD.items())))
    assert isinstance(verification, Accepted)
    assert verification.caller.permissions == {"keys:create", "reports:read"}


async def test_whatever_else_says_200_lets_nobody_through(caplog: pytest.LogCaptureFixture) -> None:
    changed = [
        ("x-keystead-user-id", ""),
        ("x-keystead-user-id", "a b"),
        ("x-keystead-user-email", "ada"),
        ("x-keystead-user-email", "ada@example.com, bob@example.com"),
        ("x-keystead-user-email", "j\xf6rg@example.com"),
        ("x-keystead-organization-id", "x" * 65),
        ("x-keystead-permissions", "reports:*"),
        ("x-keystead-permissions", "reports:read,"),
        ("x-keystead-permissions", "reports:read, reports:write"),
        ("x-keystead-key-id", ""),
    ]
    answers = [[(name, value) for name, value in GOOD.items() if name != without] for without in GOOD]
    answers += [list({**GOOD, name: value}.items()) for name, value in changed]
    answers += [[*GOOD.items(), item] for item in GOOD.items()]
    answers += [[*GOOD.items(), ("x-keystead-impersonator-key-id", GOOD["x-keystead-key-id"])], []]
    for headers in answers:
        caplog.clear()
        verification = await asked(answering(200, headers))
        assert isinstance(verification, Refused) and verification.status == 503, headers
        assert caplog.records[-1].message.endswith("the answer does not say who the caller is"), headers


async def test_no_other_status_is_an_acceptance_whatever_it_says(caplog: pytest.LogCaptureFixture) -> None:
    for status in (201, 203, 206, 300, 400, 404, 422, 429, 500, 502, 503, 504):
        verification = await asked(answering(status, list(GOOD.items())))
        assert isinstance(verification, Refused) and verification.status == 503, status
        assert caplog.records[-1].message.endswith(f"the answer has the status {status}")


async def test_a_redirect_is_not_followed_so_the_key_goes_nowhere_else() -> None:
    elsewhere: list[bytes] = []

    async def other(request: bytes, writer: asyncio.StreamWriter) -> None:
        elsewhere.append(request)
        await answering(200, list(GOOD.items()))(request, writer)

    async with serve(other) as url:
        for status in (301, 302, 303, 307, 308):
            verification = await asked(answering(status, [*GOOD.items(), ("location", f"{url}/verify")]))
            assert isinstance(verification, Refused) and verification.status == 503, status
    assert elsewhere == []


async def test_who_does_not_answer_in_time_is_not_waited_for_in_whichever_part_of_the_answer_it_stops(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def silent(_: bytes, __: asyncio.StreamWriter) -> None:
        pass

    async def unfinished(_: bytes, writer: asyncio.StreamWriter) -> None:
        headers = "".join(f"{name}: {value}\r\n" for name, value in GOOD.items())
        writer.write(f"HTTP/1.1 200 OK\r\n{headers}content-length: 10\r\n\r\nx".encode())

    async def trickling(_: bytes, writer: asyncio.StreamWriter) -> None:
        # Each part comes in time; all of it never does.
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    for answer in (silent, unfinished, trickling):
        verification = await asked(answer, timeout=0.1)
        assert isinstance(verification, Refused) and verification.status == 503, answer
        assert caplog.records[-1].message.endswith("there was no answer within 0.1 s"), answer


async def test_an_answer_that_is_cut_off_or_is_no_http_lets_nobody_through(caplog: pytest.LogCaptureFixture) -> None:
    for begin in (b"", b"220 mail.example.com ESMTP\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx"):

        async def broken(_: bytes, writer: asyncio.StreamWriter, begin: bytes = begin) -> None:
            writer.write(begin)
            writer.write_eof()

        verification = await asked(broken)
        assert isinstance(verification, Refused) and verification.status == 503, begin
        assert "because it cannot be reached (" in caplog.records[-1].message, begin


async def test_a_challenge_that_is_not_in_keysteads_form_is_not_passed_on_to_callers() -> None:
    for challenge in (
        None,
        'Basic realm="proxy"',
        "Bearer",
        f'Bearer error_description="{"x" * 501}"',
        'Bearer error="invalid_token", error_description="a\\"b"',
        'Bearer error="invalid_token", error_description="\xe9"',
    ):
        headers = [] if challenge is None else [("www-authenticate", challenge)]
        verification = await asked(answering(401, headers, "<html>"))
        assert isinstance(verification, Refused) and verification.status == 401
        assert verification.detail == "The API key does not work."
        plain = 'Bearer error="invalid_token", error_description="The API key does not work."'
        assert verification.headers()["www-authenticate"] == plain


async def test_each_check_is_a_request_of_its_own_whose_answer_nobody_keeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A proxy of the environment's would get the key.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    requests: list[bytes] = []

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        requests.append(request)
        strange = [("cache-control", "max-age=60"), ("set-cookie", "who=somebody"), ("connection", "close")]
        await answering(200, [*GOOD.items(), *strange])(request, writer)

    async with serve(answer) as url, Keystead(f"{url}/keys/") as keystead:
        for _ in range(2):
            accepted = await keystead.verify("token", permission="reports:read", resource="a/b&c")
            assert isinstance(accepted, Accepted)
    assert len(requests) == 2
    for request in requests:
        lines = request.split(b"\r\n")
        assert lines[0] == b"POST /keys/verify?permission=reports%3Aread&resource=a%2Fb%26c HTTP/1.1"
        assert b"who=somebody" not in request
        assert [line for line in lines if line.lower().startswith(b"authorization")] == [b"authorization: Bearer token"]


async def test_what_cannot_be_a_token_is_refused_without_a_question() -> None:
    questions: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        questions.append(request)
        return httpx2.Response(200, headers=GOOD)

    async with Keystead("http://keystead.invalid", transport=httpx2.MockTransport(answer)) as keystead:
        for token in ("", "a b", "a\n", "a\r\nx: y", "a\0", "a,b", "a\u00e9", "a\u20ac", '"a"', "a" * 8193):
            verification = await keystead.verify(token)
            assert isinstance(verification, Refused) and verification.status == 401, token
        for value in (b"Bearer", b"bearer a", b"Bearer  a", b"Bearer\ta", b"Bearer a ", b"Basic a", b"Bearer \xc3\xa9"):
            verification = await keystead.verify([(b"Authorization", value)])
            assert isinstance(verification, Refused) and verification.status == 401, value
        assert questions == []
        assert isinstance(await keystead.verify([(b"AUTHORIZATION", b"Bearer " + b"a" * 8192)]), Accepted)
    assert len(questions) == 1


async def test_no_error_that_was_raised_on_the_way_is_kept_in_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Keystead("http://127.0.0.1:1") as keystead:
        verification = await keystead.verify("a-token-that-nobody-else-has")
    assert "a-token-that-nobody-else-has" not in repr(verification) + repr(vars(keystead)) + caplog.text
    assert all(record.exc_info is None for record in caplog.records if record.name == "keystead")
