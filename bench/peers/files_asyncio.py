"""Files over HTTP with asyncio's sendfile; with the argument ``uvloop`` on its loop.

uvloop has no sendfile: there a file is read and written, 256 KiB at a time.
"""

import asyncio
import importlib
import os
import sys
from typing import Any

BACKLOG = 1024
PIECE = 256 << 10


class Files(asyncio.Protocol):
    """Answers GET, one request after the other."""

    transport: asyncio.Transport

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.requests = b""
        self.sending: asyncio.Task[None] | None = None
        self.writable = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; both loops switch Nagle's algorithm off by themselves."""
        self.transport = transport  # type: ignore[assignment]  # uvloop's is of another class
        self.writable.set()

    def data_received(self, data: bytes) -> None:
        """Answer a whole head; the load sends one at a time."""
        self.requests += data
        if self.requests.endswith(b"\r\n\r\n"):
            request, self.requests = self.requests, b""
            self.sending = asyncio.get_running_loop().create_task(self.answer(request))

    def pause_writing(self) -> None:
        """Read no more of the file while the peer does not read."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self.writable.set()

    async def answer(self, request: bytes) -> None:
        """Send the head and the file."""
        name = request.split()[1].decode()
        with open(self.folder + name, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            try:
                await asyncio.get_running_loop().sendfile(self.transport, file)
            except NotImplementedError:
                await self.copy(file)
        if b"Connection: close" in request:
            self.transport.close()

    async def copy(self, file: Any) -> None:
        """Read and write."""
        while piece := file.read(PIECE):
            self.transport.write(piece)
            await self.writable.wait()


async def main(folder: str) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Files(folder), "127.0.0.1", 0, backlog=BACKLOG)
    print(f"http 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    own = importlib.import_module("uvloop").new_event_loop if "uvloop" in sys.argv else None
    with asyncio.Runner(loop_factory=own) as runner:
        runner.run(main(sys.argv[1]))
