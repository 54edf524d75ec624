"""An SMTP server that keeps what it is sent: each mail, and each refusal, is a line of JSON on standard output.

The argument says how it behaves: accept, refuse, put-off-once or quote. The first line is the port. Ends with its standard input.
"""

import asyncio
import email
import email.policy
import json
import sys

from aiosmtpd.smtp import SMTP


def say(**what):
    print(json.dumps(what), flush=True)


class Handler:
    def __init__(self, behaviour):
        self.behaviour = behaviour

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.behaviour == "refuse":
            say(refused=550)
            return "550 5.1.1 there is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        # Python's own parser decodes, so that the test does not trust what wrote the mail.
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        text = mail.get_content()
        if self.behaviour == "put-off-once":
            self.behaviour = "accept"
            say(refused=451, message_id=mail["Message-ID"])
            return "451 4.3.0 come back later"
        if self.behaviour == "quote":
            link = next(word for word in text.split() if "://" in word)
            say(refused=554)
            return f"554 5.7.1 listed: {link}"
        say(
            envelope_from=envelope.mail_from,
            envelope_to=envelope.rcpt_tos,
            headers=[[name, str(value)] for name, value in mail.items()],
            text=text,
            raw=envelope.content.decode("utf-8", "backslashreplace"),
        )
        return "250 OK"


async def main():
    loop = asyncio.get_running_loop()
    handler = Handler(sys.argv[1])
    server = await loop.create_server(lambda: SMTP(handler, hostname="sink", loop=loop), "127.0.0.1", 0)
    say(port=server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.buffer.read)


asyncio.run(main())
