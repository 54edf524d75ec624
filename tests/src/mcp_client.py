"""A program that connects an AI tool to Keystead with the official Python SDK.

The arguments are the address, and the API key, if it has one; without a key it has itself let in by OAuth, as the client that describes
itself at an address, if that is given instead. Each line of standard input is
a call, `{"call": NAME, "with": {…}}`. On standard output each call is answered by a line with `result` or `error`, and `statuses`, those
of the HTTP answers that came in meanwhile. Lines with `event` say what else happens.
"""

import contextlib
import json
import os
import sys
from urllib.parse import parse_qs, urlsplit

import anyio
import anyio.to_thread
import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitResult

address, *proof = sys.argv[1:]
document = next((given for given in proof if given.startswith("https://")), None)
key = None if document else next(iter(proof), None)
statuses = []
elicited = []
reply = {"action": "cancel"}


def say(line):
    print(json.dumps(line), flush=True)


def plain(result):
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


class Storage:
    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens
        say({"event": "tokens", "expires_in": tokens.expires_in, "scope": tokens.scope, "type": tokens.token_type})

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client
        say({"event": "registered"})


async def visitor(stack):
    """The person's part of being let in: whoever reads the events opens the address in a browser, which comes back to us."""
    listener = await stack.enter_async_context(await anyio.create_tcp_listener(local_host="127.0.0.1"))
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    arrived, arrivals = anyio.create_memory_object_stream(1)

    async def serve(connection):
        async with connection:
            request = b""
            while b"\r\n\r\n" not in request:
                request += await connection.receive()
            await connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        target = request.split(b" ")[1].decode()
        if target.startswith("/callback"):
            await arrived.send(parse_qs(urlsplit(target).query))

    async def redirect(url):
        say({"event": "authorize", "url": url})

    async def come_back():
        given = await arrivals.receive()
        if "error" in given:
            raise RuntimeError(given["error"][0])
        return AuthorizationCodeResult(**{name: given[name][0] for name in ("code", "state", "iss") if name in given})

    tasks = await stack.enter_async_context(anyio.create_task_group())
    stack.callback(tasks.cancel_scope.cancel)
    tasks.start_soon(listener.serve, serve)
    metadata = OAuthClientMetadata(
        client_name="Test tool",
        redirect_uris=[f"http://127.0.0.1:{port}/callback"],
        token_endpoint_auth_method="none",
    )
    return OAuthClientProvider(address, metadata, Storage(), redirect, come_back, document)


async def elicit(_, asked):
    elicited.append(plain(asked))
    return ElicitResult(**reply)


async def note(answer):
    statuses.append(answer.status_code)


class Calls:
    def __init__(self, stack, tasks):
        self.stack = stack
        self.tasks = tasks
        self.client = None
        self.visitor = None

    async def connect(self):
        if key:
            proof = {"headers": {"authorization": f"Bearer {key}"}}
        else:
            self.visitor = await visitor(self.stack)
            proof = {"auth": self.visitor}
        http = httpx2.AsyncClient(timeout=60, event_hooks={"response": [note]}, **proof)
        transport = streamable_http_client(address, http_client=await self.stack.enter_async_context(http))
        self.client = await self.stack.enter_async_context(Client(transport, elicitation_callback=elicit))
        return {
            "protocol": self.client.protocol_version,
            "server": plain(self.client.server_info),
            "capabilities": plain(self.client.server_capabilities),
            "instructions": self.client.instructions,
        }

    async def tools(self):
        return plain(await self.client.list_tools())

    async def resources(self, cursor=None):
        return plain(await self.client.list_resources(cursor=cursor))

    async def templates(self):
        return plain(await self.client.list_resource_templates())

    async def prompts(self):
        return plain(await self.client.list_prompts())

    async def read(self, uri):
        return plain(await self.client.read_resource(uri))

    async def prompt(self, name, arguments=None):
        return plain(await self.client.get_prompt(name, arguments))

    async def call(self, name, arguments=None, reply=None):
        elicited.clear()
        globals()["reply"] = reply or {"action": "cancel"}
        return plain(await self.client.call_tool(name, arguments)) | {"elicited": list(elicited)}

    async def side_by_side(self, calls):
        """Models call tools side by side."""
        results = {}

        async def call(at, one):
            results[at] = await self.call(**one)

        async with anyio.create_task_group() as tasks:
            for at, one in enumerate(calls):
                tasks.start_soon(call, at, one)
        return [results[at] for at in sorted(results)]

    async def listen(self):
        return await self.tasks.start(self.listening)

    async def listening(self, task_status):
        async with self.client.listen(resources_list_changed=True) as subscription:
            task_status.started(plain(subscription.honored))
            try:
                async for _ in subscription:
                    say({"event": "notifications/resources/list_changed"})
                say({"event": "ended", "how": "graceful"})
            except SubscriptionLost:
                say({"event": "ended", "how": "remote"})

    async def later(self):
        """It looks at its own clock to know that its token has run out."""
        self.visitor.context.token_expiry_time = 1
        return {}


def innermost(error):
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def main():
    async with contextlib.AsyncExitStack() as stack, anyio.create_task_group() as tasks:
        calls = Calls(stack, tasks)
        while line := await anyio.to_thread.run_sync(sys.stdin.readline):
            asked = json.loads(line)
            statuses.clear()
            try:
                answer = {"result": await getattr(calls, asked["call"])(**asked.get("with") or {})}
            except Exception as error:
                error = innermost(error)
                code = error.error.code if isinstance(error, MCPError) else None
                answer = {"error": {"message": str(error), "code": code}}
            say(answer | {"statuses": statuses})
        # Nobody listens any more.
        os._exit(0)


anyio.run(main)
