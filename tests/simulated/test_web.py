"""Files over HTTP on bad networks: whole, or seen not to be; never cut short."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from tests.simulated.bench import SERVER, serving, together
from tests.simulated.fetching import content
from tests.simulated.scenarios import CUT, NARROW
from twisted_net.testing import Host, SimNetwork, simulate

NAMES = ("book", "empty", "page", "book", "note")


class Asks(Protocol):
    """Send requests at once; keep what comes until the end."""

    transport: Any

    def __init__(self, names: tuple[str, ...]) -> None:
        self.got = b""
        self.over: Deferred[Failure] = Deferred()
        self._names = names

    def connectionMade(self) -> None:
        """Ask for all, and for nothing after that."""
        for name in self._names:
            last = "Connection: close\r\n" if name is self._names[-1] else ""
            head = f"GET /files/{name} HTTP/1.1\r\nHost: localhost\r\n{last}\r\n"
            self.transport.write(head.encode())

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.got += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        self.over.callback(reason)


async def asked(host: Host, names: tuple[str, ...]) -> list[bytes | None]:
    """Return the content of each file that came; None: it did not come, or not whole."""
    there = HostnameEndpoint(host.reactor, SERVER, 7080)
    asking = await connectProtocol(there, Asks(names))
    host.reactor.callLater(60.0, asking.transport.abortConnection)
    await asking.over.addBoth(lambda _: None)
    stream, found = asking.got, []
    for _ in names:
        head, _, stream = stream.partition(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0] or b"0")
        found.append(stream[:length] if head and len(stream) >= length else None)
        stream = stream[length:]
    assert not stream
    return found


@simulate(seeds=4, link=NARROW, chunking=CUT)
async def test_files_over_http_come_whole_over_a_bad_link(net: SimNetwork, shared: Path) -> None:
    """Asked for at once, answered in order; the same bytes as in the folder."""
    serving(net, files_root=str(shared))
    found = await asked(net.host("c0"), NAMES)
    assert found == [content(name) for name in NAMES]


@pytest.mark.parametrize("end", ["kill", "shutdown"])
@simulate(seeds=3, link=NARROW)
async def test_the_end_of_a_server_is_never_the_end_of_a_file(
    net: SimNetwork, shared: Path, end: str
) -> None:
    """What has come is whole, or shorter than its head says; after SIGTERM it is whole."""
    serving(net, files_root=str(shared), grace="60")
    net.at(1.0, getattr(net[SERVER], end))
    clients = [net.host(f"c{n}") for n in range(3)]
    all_found = await together(*(asked(client, NAMES) for client in clients))
    for found in all_found:
        got = [each for each in found if each is not None]
        assert got == [content(name) for name in NAMES[: len(got)]]
        assert len(got) < len(NAMES)
        assert got or end == "kill"
