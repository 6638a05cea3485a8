"""The web door, and the pages of others that a browser has open."""

import json
import re
import socket
import time
from collections.abc import Callable

import pytest

from tests.blackbox.conftest import PATIENCE, Bench
from tests.blackbox.safety.conftest import Shows
from tests.blackbox.safety.watching import (
    MEGABYTE,
    connected,
    more,
    resident,
    to_the_end,
)

pytestmark = pytest.mark.slow

Start = Callable[..., Bench]

#: Requests, and what refuses them.
ASKED = {
    "Origin: http://evil": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\n",
        (403,),
    ),
    "Origin: null": (b"GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n", (403,)),
    "Host: evil:7080": (b"GET / HTTP/1.1\r\nHost: evil:7080\r\n", (421,)),
    "no Host": (b"GET / HTTP/1.1\r\n", (400,)),
    "two Hosts": (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n", (400,)),
    "POST without the header": (
        b"POST /chat/enter HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n",
        (403,),
    ),
    "POST from another site": (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nX-Netdemo: 1\r\n"
        b"Sec-Fetch-Site: cross-site\r\n",
        (403,),
    ),
    "a WebSocket from elsewhere": (
        b"GET /irc HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        (403,),
    ),
    "a WebSocket by another name": (
        b"GET /irc HTTP/1.1\r\nHost: evil:7080\r\nOrigin: http://evil:7080\r\n"
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        (421,),
    ),
}


def status(server: Bench, request: bytes) -> int:
    """Return the code that the web door answers with."""
    with connected(server.port("web")) as asker:
        asker.sendall(request + b"\r\n")
        return int(asker.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("what", ASKED)
def test_other_peoples_pages_are_refused(what: str, shared: Start, shows: Shows) -> None:
    """R24: By host, by origin, by a header that no form can send."""
    request, wanted = ASKED[what]
    got = status(shared(), request)
    shows(" or ".join(map(str, wanted)), f"{what}: {got}")
    assert got in wanted


def test_our_own_pages_are_not(shared: Start, shows: Shows) -> None:
    """R24: By address, as localhost, and from this server's own origin."""
    server = shared()
    number = server.port("web")
    codes = [
        status(server, f"GET / HTTP/1.1\r\nHost: {host}\r\n{more}".encode())
        for host, more in (
            (f"127.0.0.1:{number}", ""),
            (f"localhost:{number}", ""),
            (f"localhost:{number}", f"Origin: http://localhost:{number}\r\n"),
        )
    ]
    shows("our own: 200", codes)
    assert codes == [200, 200, 200]


def test_a_hundred_megabytes_are_refused(shared: Start, shows: Shows) -> None:
    """R24: Before they are read."""
    server = shared()
    before = resident(server)
    sent = 0
    with socket.socket() as sender:
        # However much a kernel may take in advance, here it takes little.
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        sender.settimeout(PATIENCE)
        sender.connect(("127.0.0.1", server.port("web")))
        head = b"POST /files/ HTTP/1.1\r\nHost: localhost\r\nX-Netdemo: 1\r\n"
        sender.sendall(head + b"Content-Length: %d\r\n\r\n" % (100 * MEGABYTE))
        answer = sender.recv(1000)
        try:
            while sent < 100 * MEGABYTE:
                sent += sender.send(bytes(65536))
        except (ConnectionResetError, BrokenPipeError):
            pass
    added = more(resident(server), before)
    shows(
        "a body of 100 MB: 413", f"{answer.split()[1].decode()}, {sent / MEGABYTE:.1f} MB, {added}"
    )
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert sent < 20 * MEGABYTE
    assert float(added.removesuffix(" MB")) <= 2


def entered(server: Bench, name: str) -> str:
    """Let a browser into the chat; return its cookie."""
    body = json.dumps({"name": name}).encode()
    head = b"POST /chat/enter HTTP/1.1\r\nHost: localhost\r\nX-Netdemo: 1\r\n"
    with connected(server.port("web")) as browser:
        browser.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer = browser.recv(4000).decode()
    found = re.search(r"Set-Cookie: ([^;\r]*)", answer, re.IGNORECASE)
    assert found, answer
    return found[1]


def test_readers_of_events_who_do_not_read_cost_little(alone: Start, shows: Shows) -> None:
    """R24: Ten browsers that have opened the chat's stream."""
    server = alone("--chat-queue=65536")
    before, readers = resident(server), []
    for number in range(10):
        reader = socket.socket()
        reader.settimeout(PATIENCE)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", server.port("web")))
        head = "GET /chat/events HTTP/1.1\r\nHost: localhost\r\nCookie: "
        reader.sendall(f"{head}{entered(server, f'b{number}')}\r\n\r\n".encode())
        assert b"text/event-stream" in reader.recv(1000)
        readers.append(reader)
    talkers = 0
    over = time.monotonic() + 3 * PATIENCE
    while not any("send_queue_full" in line for line in server.output):
        assert time.monotonic() < over, "nobody is cut"
        with connected(server.port("chat-tcp")) as talker:  # a member may say a hundred at once
            said = b"".join(b"%d %b\n" % (number, b"x" * 900) for number in range(90))
            talker.sendall(b"NICK talker%d\n" % talkers + said + b"QUIT\n")
            to_the_end(talker)
        talkers += 1
    added = more(resident(server), before)
    for each in readers:
        each.close()
    shows("10 that do not read: cut, at most +8 MB", f"{added}, after {90 * talkers} events")
    assert float(added.removesuffix(" MB")) <= 8
