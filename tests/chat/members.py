"""Members of a chat for tests: a server's doors without sockets, and who comes through them."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import FakeDatagramTransport, StringTransport

from twisted_net.chat.accounts.realm import Accounts
from twisted_net.chat.bus.base import Bus
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.codec import actions, actions_said
from twisted_net.chat.codec.charsets import UTF_8
from twisted_net.chat.codec.messages import Command, Heard
from twisted_net.chat.core.datagram import Session
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.open_session import ACK_DELAY
from twisted_net.chat.core.states import Came, Happening
from twisted_net.chat.doors.datagram import ChatDatagramProtocol
from twisted_net.chat.doors.delivery import deliver
from twisted_net.chat.doors.line import ChatLineFactory
from twisted_net.chat.doors.outlet import QUEUE, Outlet
from twisted_net.chat.doors.stream import BURST_SECONDS, RATE
from twisted_net.chat.post import Post
from twisted_net.chat.store.memory import MemoryHistory
from twisted_net.net.counters import Counters

if TYPE_CHECKING:
    from twisted_net.chat.core.keypair import Keypair

#: Commands that a member of a stream door may send at once.
BURST = RATE * BURST_SECONDS

#: A way of cutting a stream into the pieces in which it arrives.
Cut = Callable[[bytes], list[bytes]]


def whole(data: bytes) -> list[bytes]:
    """Let it arrive in one piece."""
    return [data]


def by_bytes(data: bytes) -> list[bytes]:
    """Let it arrive byte by byte."""
    return [bytes([byte]) for byte in data]


def dice(seed: int) -> Random:
    """Return dice that fall the same way in every run."""
    return Random(seed)  # noqa: S311


def turns(clock: Any, count: int) -> None:
    """Let so many turns of the reactor pass, one by one: what a turn asks for comes in the next."""
    for _ in range(count):
        due = [each for each in clock.getDelayedCalls() if each.getTime() <= clock.seconds()]
        for call in due:
            if call.active():
                clock.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)


def keypair(name: str) -> "Keypair":
    """Return somebody's key for life; without the library for it a test is skipped."""
    pytest.importorskip("cryptography", reason="no cryptography (the extra tls)")
    from twisted_net.chat.core.keypair import Keypair

    return Keypair(name.encode().ljust(32))


class Server:
    """Both doors, one hub, a clock that stands still and seeded dice."""

    def __init__(
        self,
        lobby: str = "lobby",
        queue: int = QUEUE,
        keep: bool = False,
        charset: str = UTF_8,
        clock: Clock | None = None,
        accounts: Accounts | None = None,
        bus: Bus | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.clock.advance(1767225600.0 - self.clock.seconds())
        self.counters = Counters()
        self.hub: Hub[Outlet] = Hub(lobby, accounts.registered) if accounts else Hub(lobby)
        history = MemoryHistory(self.clock.seconds, kept="30d") if keep else None
        self.bus = bus or LocalBus(self.clock.seconds)
        self.post = Post(self.hub, self.bus, deliver, history, accounts)
        lines, datagrams = (self.counters.door(name) for name in ("chat-tcp", "chat-udp"))
        self.lines = ChatLineFactory(self.post, self.clock, queue, lines, b"secret", charset)
        self.udp = ChatDatagramProtocol(self.post, self.clock, dice(1), datagrams)
        self.port = FakeDatagramTransport()
        self.udp.makeConnection(self.port)

    def on_line(self, name: str = "", cut: Cut = whole) -> "OnLine":
        """Let somebody connect, and take a name if one is given."""
        member = OnLine(self, cut)
        if name:
            member.says(f"NICK {name}")
        return member

    def on_datagrams(self, name: str, port: int = 40000) -> "OnDatagrams":
        """Let somebody begin a session."""
        member = OnDatagrams(self, name, ("192.0.2.7", port))
        member.pump()
        return member

    def sent(self, *datagrams: bytes, host: str = "192.0.2.7", port: int = 40000) -> list[bytes]:
        """Send datagrams to the door; return what it sends to that address."""
        self.port.written.clear()
        for datagram in datagrams:
            self.udp.datagramReceived(datagram, (host, port))
        self.clock.advance(0)
        return [packet for packet, address in self.port.written if address == (host, port)]

    def dropped(self, door: str) -> dict[str, int]:
        """Return what a door counted."""
        return self.counters.door(door).dropped


class OnLine:
    """A member on the line door."""

    def __init__(self, server: Server, cut: Cut = whole) -> None:
        self.server = server
        self.transport = StringTransport()
        self.protocol = server.lines.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        self._cut = cut

    def says(self, *lines: str) -> list[str]:
        """Type lines; return the lines that came since the last time."""
        self.sends("".join(f"{line}\n" for line in lines).encode())
        return self.hears()

    def sends(self, data: bytes) -> None:
        """Send bytes as they are."""
        for piece in self._cut(data):
            self.protocol.dataReceived(piece)

    def hears(self, charset: str = UTF_8) -> list[str]:
        """Return the lines that came since the last time."""
        self.server.clock.advance(0)
        said: bytes = self.transport.value()
        self.transport.clear()
        return said.decode(charset).split("\n")[:-1]


class OnDatagrams:
    """A member on the datagram door: a client's session on a wire that loses nothing."""

    def __init__(self, server: Server, name: str, address: tuple[str, int]) -> None:
        self.server = server
        self.address = address
        self.happened: list[Happening] = []
        self.session = Session.initiator(dice(2), server.clock.seconds(), name)
        self.bodies: list[bytes] = []

    def asks(self, command: Command) -> list[Heard]:
        """Send a command; return what was heard since the last time."""
        self.session.send(actions.asked(command))
        return self.hears()

    def hears(self) -> list[Heard]:
        """Return what was heard since the last time."""
        self.happened.clear()
        self.pump()
        came = [each for each in self.happened if isinstance(each, Came)]
        return [heard for each in came for heard in actions_said.heard(each.body)[1]]

    def pump(self) -> None:
        """Carry datagrams to and fro until there are no more."""
        self.server.clock.advance(0)
        while True:
            # A little later, so that acknowledgements wait for nothing to ride on.
            here = self.session.outgoing(self.server.clock.seconds() + ACK_DELAY)
            for datagram in here:
                self.server.udp.datagramReceived(datagram, self.address)
            self.server.clock.advance(0)
            there = [each for each, address in self.server.port.written if address == self.address]
            if not here and not there:
                return
            self.server.port.written = [
                each for each in self.server.port.written if each[1] != self.address
            ]
            for datagram in there:
                now = self.server.clock.seconds()
                made = self.session.received(datagram, now)
                self.happened += made
                self.bodies += [each.body for each in made if isinstance(each, Came)]
