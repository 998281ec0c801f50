"""A server of mail on loopback with a certificate of its own: it answers an address as the word before its first digit says."""

import asyncio
import logging
import queue
import re
import ssl
import threading
import warnings

import trustme
from aiosmtpd.smtp import SMTP, AuthResult

# It says of every password that its own way to look at it is old, and of every session that TLS is our business.
logging.getLogger("mail.log").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module="aiosmtpd")
USER, PASSWORD = "epicenter", "p\u00e4ss word"


class Answers:
    """What it says of addresses and letters, and what it was sent."""

    def __init__(self):
        self.letters = queue.Queue()
        self.before = set()
        self.hung = asyncio.Event()
        self.is_quick = False

    async def handle_RCPT(self, server, session, envelope, address, options):
        word = re.match("[a-z]+", address).group()
        first = address not in self.before
        self.before.add(address)
        if word == "hang":
            await self.hung.wait()
        if word == "gone":
            return "550 5.1.1 <%s>: there is nobody" % address
        if word == "refused":
            return "550 5.7.1 not from you"
        if word == "later" and first:
            return "451 4.7.1 try again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        is_protected = session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None
        self.letters.put((is_protected and session.authenticated, envelope.rcpt_tos, envelope.content))
        if any(it.startswith("slow") for it in envelope.rcpt_tos) and not self.is_quick:
            await self.hung.wait()
        return "250 taken"


class MailServer:
    """`starttls` and `implicit` are its ports while the context lasts; `authorities` is what a client checks it with."""

    def __init__(self):
        authority = trustme.CA()
        self.authorities = authority.cert_pem.bytes()
        self.offered = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(self.offered)
        self.is_up = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()))

    def __enter__(self):
        self.thread.start()
        self.is_up.wait()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.is_over.set)
        self.thread.join()

    def session(self, **more):
        known = lambda server, session, envelope, mechanism, data: AuthResult(
            success=(data.login, data.password) == (USER.encode(), PASSWORD.encode())
        )
        return SMTP(self.answers, hostname="mail.example.com", authenticator=known, auth_required=True, **more)

    async def serve(self):
        self.loop, self.is_over = asyncio.get_running_loop(), asyncio.Event()
        self.answers = Answers()
        first = lambda: self.session(tls_context=self.offered, require_starttls=True)
        second = lambda: self.session(auth_require_tls=False)
        starttls = await self.loop.create_server(first, "127.0.0.1", 0)
        implicit = await self.loop.create_server(second, "127.0.0.1", 0, ssl=self.offered)
        self.starttls, self.implicit = (it.sockets[0].getsockname()[1] for it in (starttls, implicit))
        self.is_up.set()
        await self.is_over.wait()
