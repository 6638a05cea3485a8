"""Small files that are asked for again and again, on the reactor on which they leave last."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.threads import deferToThread

from tests.files.wires import NOISE
from twisted_net.files.doors import FileFactory
from twisted_net.files.http import ShelfResource
from twisted_net.files.store import Folder
from twisted_net.net.fast.opening import fast
from twisted_net.net.pages import Pages
from twisted_net.net.transports import unsent
from twisted_net.testing.worlds import LoopbackWorld
from twisted_net.web import WebFactory

pytest.importorskip("twisted.internet.epollreactor", reason="there is no epoll here")

from twisted_net.net.fast.reactor import LeanReactor

pytestmark = pytest.mark.real_sockets

CONTENT = NOISE[:60_000]

#: Requests sent ahead on each connection: more than all buffers hold the answers of.
AHEAD = 200

_HTTP = b"GET /files/file HTTP/1.1\r\nHost: localhost\r\n"


def by_lines(reactor: Any, shelf: Folder) -> tuple[Any, bytes]:
    """Return the line door, and what asks it for a file many times and leaves."""
    return FileFactory(shelf, reactor), b"GET file\n" * AHEAD + b"QUIT\n"


def by_http(reactor: Any, shelf: Folder) -> tuple[Any, bytes]:
    """Return the same for HTTP."""
    pages = Pages()
    pages.add("files", "Files", ShelfResource(shelf, reactor))
    last = _HTTP + b"Connection: close\r\n\r\n"
    return WebFactory(pages, reactor), (_HTTP + b"\r\n") * (AHEAD - 1) + last


def asked(port: int, requests: bytes) -> socket.socket:
    """Send requests on a connection of their own, and do not read."""
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.sendall(requests)
    client.recv(1, socket.MSG_PEEK)
    return client


def read(client: socket.socket) -> bytes:
    """Return what comes to the end."""
    came = bytearray()
    while data := client.recv(1 << 20):
        came += data
    client.close()
    return bytes(came)


@pytest.mark.parametrize("door", [by_lines, by_http])
def test_who_asks_ahead_and_reads_late_gets_every_answer_whole(door: Any, tmp_path: Path) -> None:
    """And hardly anything waits here meanwhile."""
    (tmp_path / "file").write_bytes(CONTENT)
    os.utime(tmp_path / "file", (1700000000, 1700000000))

    async def scenario(world: LoopbackWorld) -> None:
        factory, requests = door(world.reactor, Folder(str(tmp_path)))
        protocols: list[Any] = []
        build = factory.buildProtocol

        def built(address: Any) -> Any:
            protocols.append(build(address))
            return protocols[-1]

        factory.buildProtocol = built
        port = fast(world.reactor).listenTCP(0, factory, interface="127.0.0.1")
        number = port.getHost().port
        clients = [await deferToThread(asked, number, requests) for _ in range(3)]
        assert all(unsent(each.transport) < 5 * len(CONTENT) for each in protocols)
        for client in clients:
            assert (await deferToThread(read, client)).count(CONTENT) == AHEAD
        await port.stopListening()

    LoopbackWorld(LeanReactor).run(scenario, timeout=60)
