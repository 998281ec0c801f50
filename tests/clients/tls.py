"""A TLS end in front of a plain server on loopback, for clients that take nothing but https."""

import asyncio
import ssl
import threading

import trustme


class TlsFront:
    """`url` leads to the plain server at `host`:`port` while the context lasts; `trust` is what a client checks it with."""

    def __init__(self, host, port):
        authority = trustme.CA()
        self.behind = host, port
        self.offered = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(self.offered)
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)
        self.carried = []
        self.is_up = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.serve()))

    def __enter__(self):
        self.thread.start()
        self.is_up.wait()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.is_over.set)
        self.thread.join()

    async def serve(self):
        self.loop, self.is_over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self.carry, "127.0.0.1", 0, ssl=self.offered)
        self.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self.is_up.set()
        await self.is_over.wait()
        await asyncio.gather(*self.carried)

    async def carry(self, reader, writer):
        self.carried.append(asyncio.current_task())
        inner_reader, inner_writer = await asyncio.open_connection(*self.behind)
        await asyncio.gather(pumped(reader, inner_writer), pumped(inner_reader, writer), return_exceptions=True)


async def pumped(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
