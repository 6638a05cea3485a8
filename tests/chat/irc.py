"""Members on the IRC door for tests, without a socket."""

from functools import partial

from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from tests.chat.members import Cut, Server, dice, whole
from tests.chat.stores import Threaded
from twisted_net.chat.accounts.realm import Accounts
from twisted_net.chat.banning import Banning
from twisted_net.chat.bus.base import Bus
from twisted_net.chat.core.irc.monitor import Watches
from twisted_net.chat.core.irc.offered import OFFERED
from twisted_net.chat.core.irc.renaming import tell_all
from twisted_net.chat.core.irc.server import IrcServer
from twisted_net.chat.core.irc.subscriptions import Subscriptions
from twisted_net.chat.doors.desk import Accountant, Biographer, Historian
from twisted_net.chat.doors.everybody import show_out
from twisted_net.chat.doors.irc import ChatIrcFactory
from twisted_net.chat.doors.outlet import QUEUE
from twisted_net.chat.store.profiles import MemoryProfiles


class IrcChat(Server):
    """A server with an IRC door beside the others.

    :param keep: whether what is said is kept.
    :param accounts: whether there are accounts.
    :param bus: from which events come; None: they come at once.
    """

    def __init__(
        self,
        queue: int = QUEUE,
        keep: bool = False,
        accounts: bool = False,
        bus: Bus | None = None,
        **settings: object,
    ) -> None:
        clock = Threaded()
        known = Accounts(clock, dice(1), iterations=4096) if accounts else None
        super().__init__(queue=queue, keep=keep, clock=clock, accounts=known, bus=bus)
        soon = partial(self.clock.callLater, 0)
        settings = {"capabilities": OFFERED, "soon": soon, **settings}
        self.irc = IrcServer(
            hub=self.hub,
            post=self.post,
            name="irc.example",
            network="Example",
            version="1.0",
            started=self.clock.seconds(),
            **settings,  # type: ignore[arg-type]
        )
        if known is not None:
            known.present = lambda name: self.hub.known(name) is not None
            self.irc.accounts = Accountant(known, opened=True)
            self.irc.guesses = known.guesses
            self.irc.profiles = Biographer(MemoryProfiles())
        if self.post.history is not None:
            self.irc.history = Historian(self.post.history)
        self.irc.watches = Watches(self.hub)
        self.bus.tail(self.irc.watches.heard)
        self.post.watch(partial(tell_all, self.irc))
        self.irc.subscriptions = Subscriptions(self.hub)
        self.post.watch(self.irc.subscriptions.heard)
        seconds = self.clock.seconds
        show = partial(show_out, self.post, seconds)
        banning = Banning(self.hub, self.post.announce, show, seconds)
        banning.begin()
        self.post.watch(banning.happened)
        counters = self.counters.door("irc")
        self.factory = ChatIrcFactory(self.irc, self.clock, queue, counters)

    def on_irc(
        self, name: str = "", *capabilities: str, cut: Cut = whole, host: str = "192.168.1.1"
    ) -> "OnIrc":
        """Let somebody connect, and register under a name if one is given."""
        member = OnIrc(self, cut, host)
        if capabilities:
            member.says(f"CAP REQ :{' '.join(capabilities)}")
        if name:
            member.says(f"NICK {name}", f"USER {name} 0 * :{name.title()} Example", "CAP END")
        return member

    def wait(self, seconds: float, *members: "OnIrc") -> None:
        """Let time pass, in which these show now and then that they are there."""
        for _ in range(int(seconds // 50)):
            self.clock.advance(50)
            for member in members:
                member.says("PONG")
        self.clock.advance(seconds % 50)


class OnIrc:
    """A member on the IRC door."""

    def __init__(
        self,
        server: IrcChat,
        cut: Cut = whole,
        host: str = "192.168.1.1",
        transport: type[StringTransport] = StringTransport,
    ) -> None:
        self.server = server
        self.transport = transport(peerAddress=IPv4Address("TCP", host, 54321))
        self.protocol = server.factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        self._cut = cut

    def says(self, *lines: str) -> list[str]:
        """Send lines; return the lines that came since the last time."""
        self.sends("".join(f"{line}\r\n" for line in lines).encode())
        return self.hears()

    def sends(self, data: bytes) -> None:
        """Send bytes as they are."""
        for piece in self._cut(data):
            self.protocol.dataReceived(piece)

    def hears(self) -> list[str]:
        """Return the lines that came since the last time."""
        for _ in range(1 if self.server.irc.accounts is None else 20):  # threads do their work
            self.server.clock.advance(0)
        said: bytes = self.transport.value()
        self.transport.clear()
        lines = said.decode(self.protocol.charset).split("\r\n")
        assert lines.pop() == "", "a line without an end"
        assert all(len(line.encode()) <= 8191 + 510 for line in lines)
        return lines

    def numerics(self, *lines: str) -> list[str]:
        """Send lines; return the numerics, or commands, of the answers."""
        return [line.split(" ")[2 if line[:1] == "@" else 1] for line in self.says(*lines)]
