"""IRC over WebSocket on bad networks: every line once and in order, and nobody left behind."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from tests.net.websocket.clients import TEXT, Client, asking
from tests.simulated.bench import CHAT_TCP, SERVER, serving
from tests.simulated.scenarios import CUT, ROUGH
from twisted_net.chat.client import ChatLineClient
from twisted_net.chat.codec.messages import Kind
from twisted_net.chat.codec.requests import Talk
from twisted_net.testing import Host, SimNetwork, simulate

TEXTS = [f"text {n}" for n in range(12)]


class InBrowser(Protocol):
    """An IRC client that comes by WebSocket.

    :ivar heard: what others said in the lobby.
    :ivar ends: fires when the connection is lost.
    """

    transport: Any

    def __init__(self, name: str, wanted: int) -> None:
        self.socket = Client()
        self.heard: list[str] = []
        self.inside: Deferred[None] = Deferred()
        self.full: Deferred[None] = Deferred()
        self.over: Deferred[None] = Deferred()
        self._name = name
        self._wanted = wanted

    def connectionMade(self) -> None:
        """Open the socket, and register without waiting for the answer."""
        name = self._name
        lines = (f"NICK {name}", f"USER {name} 0 * :{name}", "JOIN #lobby")
        self.transport.write(asking("/irc", TEXT) + self.socket.says(*lines))

    def says(self, *lines: str) -> None:
        """Send lines, each in two frames."""
        for line in lines:
            first, last = self.socket.part(line[:5], last=False), self.socket.part(line[5:])
            self.transport.write(first + last)

    def dataReceived(self, data: bytes) -> None:
        """Take what came."""
        lines, answer = self.socket.hears(data)
        self.transport.write(answer)
        for line in lines:
            _, command, *_ = str(line).split(" ")
            if command == "366":
                self.inside.callback(None)
            elif command == "PRIVMSG":
                self.heard.append(str(line).partition(" :")[2])
                if len(self.heard) == self._wanted:
                    self.full.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever waits."""
        self.over.callback(None)


async def entered(host: Host, name: str, wanted: int) -> InBrowser:
    """Return a client that is in the lobby."""
    there = HostnameEndpoint(host.reactor, SERVER, 7080)
    made: InBrowser = await connectProtocol(there, InBrowser(name, wanted))
    await made.inside
    return made


@simulate(seeds=6, link=ROUGH, chunking=CUT, order="shuffle")
async def test_a_browser_hears_and_is_heard_once_and_in_order(net: SimNetwork) -> None:
    """However the stream is cut; who comes by lines hears the same."""
    bench = serving(net)
    heard: list[str] = []

    def hear(message: Any, *_: Any) -> None:
        if message.kind is Kind.SAID:
            heard.append(message.text)

    red = await entered(net.host("r"), "red", len(TEXTS))
    blue = ChatLineClient(net.host("b").reactor, CHAT_TCP, hear, 30.0)
    await blue.enter("blue")

    red.says(*(f"PRIVMSG #lobby :{text}" for text in TEXTS))
    for text in TEXTS:
        await blue.request(Talk(text))
    await red.full
    assert red.heard == TEXTS
    red.says("QUIT")
    await red.over
    assert red.socket.closed == (1000, "")
    await blue.leave()
    assert heard == TEXTS
    assert bench.counters.door("web").open == 0


@simulate(seeds=6, link=ROUGH, chunking=CUT)
async def test_a_server_that_stops_lets_nobody_hang(net: SimNetwork) -> None:
    """Each browser hears that it goes away; nothing is left open."""
    bench = serving(net)
    browsers = [await entered(net.host(f"b{n}"), f"b{n}", 1) for n in range(3)]
    stopped = bench.lives[-1].stopService()
    for each in browsers:
        await each.over
        assert each.socket.closed == (1001, "")
    await stopped
    assert bench.counters.door("web").open == 0
