"""Asking a web factory without a socket."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.task import Clock

from tests.files.wires import Wire
from twisted_net.net.pages import Pages
from twisted_net.web import WebFactory


@dataclass(frozen=True)
class Answer:
    """One answer, taken apart.

    :ivar headers: names in small letters.
    """

    code: int
    headers: dict[str, str]
    body: bytes


def answers(stream: bytes, head: bool = False) -> list[Answer]:
    """Take the answers of one connection apart; chunks are put together.

    :param head: they have no bodies, whatever their heads say.
    """
    found = []
    while stream:
        top, _, stream = stream.partition(b"\r\n\r\n")
        status, *lines = top.decode("latin-1").split("\r\n")
        pairs = [line.partition(": ") for line in lines]
        headers = {name.lower(): value for name, _, value in pairs}
        assert len(headers) == len(pairs), "a field is said twice"
        code = int(status.split(" ")[1])
        body = b""
        if head or code == 304:
            pass
        elif headers.get("transfer-encoding") == "chunked":
            body, stream = _unchunked(stream)
        else:
            length = int(headers.get("content-length", "0"))
            body, stream = stream[:length], stream[length:]
        found.append(Answer(code, headers, body))
    return found


def _unchunked(stream: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, stream = stream.partition(b"\r\n")
        length = int(size, 16)
        body, stream = body + stream[:length], stream[length + 2 :]
        if not length:
            return body, stream


def request(path: str, method: str = "GET", version: str = "1.1", **headers: str) -> bytes:
    """Return a request; ``_`` in a header's name is ``-``."""
    lines = [f"{method} {path} HTTP/{version}"]
    lines += [
        f"{name.replace('_', '-')}: {value}"
        for name, value in ({"Host": "localhost"} | headers).items()
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Web:
    """A web factory with pages, a clock, and its visitors.

    :param options: as `WebFactory` takes them.
    """

    def __init__(self, add: Callable[[Pages, Clock], object] | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.pages = Pages()
        if add is not None:
            add(self.pages, self.clock)
        self.factory = WebFactory(self.pages, self.clock, **options)

    def connect(self) -> tuple[Any, Wire]:
        """Connect a client."""
        wire = Wire()
        protocol: Any = self.factory.buildProtocol(None)
        protocol.makeConnection(wire)
        return protocol, wire

    def ask(self, path: str, method: str = "GET", **more: str) -> Answer:
        """Return the answer to one request on a connection of its own."""
        protocol, wire = self.connect()
        protocol.dataReceived(request(path, method, **more))
        (answer,) = answers(wire.read_all(), method == "HEAD")
        return answer

    @property
    def dropped(self) -> dict[str, int]:
        """What the counters say was refused."""
        return dict(self.factory.drops._counters.dropped)
