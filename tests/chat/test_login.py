"""Tests of `twisted_net.chat.login`: accounts on the line door."""

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.testing import StringTransport
from zope.interface import alsoProvides

from tests.chat.members import dice
from tests.chat.stores import Threaded
from twisted_net.chat.accounts.penalties import TRIES
from twisted_net.chat.accounts.private import fingerprint, private
from twisted_net.chat.accounts.realm import Accounts
from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.doors.delivery import deliver
from twisted_net.chat.doors.line import ChatLineFactory
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.post import Post

HERE, THERE = "127.0.0.1", "192.0.2.7"


class Tls(StringTransport):
    """A transport over TLS, whose peer showed no certificate."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        alsoProvides(self, ISSLTransport)

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 - Twisted's
        """Do nothing."""

    def getPeerCertificate(self) -> None:  # noqa: N802 - Twisted's
        """Return nothing."""


class Server:
    """A line door to a chat that has accounts."""

    def __init__(self, **options: Any) -> None:
        self.clock = Threaded()
        self.accounts = Accounts(self.clock, dice(1), iterations=4096, **options)
        hub: Hub[Outlet] = Hub("lobby", self.accounts.registered)
        self.accounts.present = lambda name: hub.known(name) is not None
        self.post = Post(hub, LocalBus(self.clock.seconds), deliver, accounts=self.accounts)
        self.lines = ChatLineFactory(self.post, self.clock)

    def connects(self, host: str = HERE, tls: bool = False) -> "Peer":
        """Let somebody connect."""
        kind = Tls if tls else StringTransport
        return Peer(self, kind(peerAddress=IPv4Address("TCP", host, 1)))


class Peer:
    """Somebody at ``nc``."""

    def __init__(self, server: Server, transport: StringTransport) -> None:
        self._server = server
        self.transport = transport
        self.protocol = server.lines.buildProtocol(None)
        self.protocol.makeConnection(transport)
        self.says()

    def says(self, *lines: str) -> list[str]:
        """Type lines; return those that came since the last time."""
        self.protocol.dataReceived("".join(f"{line}\n" for line in lines).encode())
        self._server.clock.settle()
        said: bytes = self.transport.value()
        self.transport.clear()
        return said.decode().splitlines()


@pytest.fixture
def server() -> Server:
    """Return a server on which red is registered, who has left."""
    made = Server()
    red = made.connects()
    assert red.says("NICK red", "REGISTER red pencil case")[-1] == "OK REGISTER red"
    assert red.says("QUIT") == ["OK BYE"]
    red.protocol.connectionLost()
    return made


def test_a_registered_name_is_for_its_account_only(server: Server) -> None:
    """Whoever proves it before choosing the name gets it."""
    peer = server.connects()
    assert peer.says("NICK Red") == ["ERR 401 'Red' is registered: LOGIN <account> <password>"]
    assert peer.says("LOGIN red wrong") == ["ERR 401 wrong account or password"]
    assert peer.says("LOGIN RED pencil case") == ["OK LOGIN red"]
    assert peer.says("NICK Red") == ["OK NICK Red", "OK JOIN lobby 1"]
    assert server.post.hub.find("red").account == "red"


def test_who_is_there_already_may_log_in_and_take_the_name(server: Server) -> None:
    """The chat knows them by their account from then on."""
    peer = server.connects()
    assert peer.says("NICK blue", "LOGIN red pencil case", "NICK red") == [
        "OK NICK blue",
        "OK JOIN lobby 1",
        "OK LOGIN red",
        "OK NICK red",
    ]
    assert server.post.hub.find("red").account == "red"


def test_commands_wait_for_the_password_to_be_looked_at(server: Server) -> None:
    """They are obeyed in their order, although that takes a while."""
    peer = server.connects()
    assert peer.says("LOGIN red pencil case", "NICK red", "PING x") == [
        "OK LOGIN red",
        "OK NICK red",
        "OK JOIN lobby 1",
        "PONG x",
    ]


def test_no_password_is_taken_where_somebody_may_listen(server: Server) -> None:
    """It is too late then for this one, but not for the next."""
    peer = server.connects(THERE)
    assert (
        peer.says("LOGIN red pencil case", "REGISTER blue x")
        == ["ERR 403 login needs TLS or loopback"] * 2
    )
    peer = server.connects(THERE, tls=True)
    assert peer.says("LOGIN red pencil case") == ["OK LOGIN red"]


def test_guessing_is_slow_from_whatever_connection(server: Server) -> None:
    """It is the address that has to wait."""
    for n in range(TRIES):
        guess = server.connects(THERE, tls=True).says(f"LOGIN red {n}")
        assert guess == ["ERR 401 wrong account or password"]
    guess = server.connects(THERE, tls=True).says("LOGIN red pencil case")
    assert guess == ["ERR 429 too many wrong passwords: wait 30 s"]


def test_who_leaves_while_a_password_is_looked_at_is_gone(server: Server) -> None:
    """Nobody is told, and nobody is left behind."""
    peer = server.connects()
    peer.says("NICK blue")
    peer.protocol.dataReceived(b"LOGIN red pencil case\n")
    peer.protocol.connectionLost()
    server.clock.settle()
    assert len(server.post.hub) == 0
    assert server.connects().says("LOGIN red pencil case") == ["OK LOGIN red"]


def test_a_name_in_use_is_not_registered_by_somebody_else(server: Server) -> None:
    """But by who has it."""
    blue, green = server.connects(), server.connects()
    blue.says("NICK blue")
    green.says("NICK green")
    assert green.says("REGISTER blue x") == ["ERR 409 name 'blue' is taken"]
    assert blue.says("REGISTER Blue x")[-1] == "OK REGISTER Blue"


def test_a_server_may_have_no_accounts() -> None:
    """Or none for strangers to make."""
    server = Server()
    server.post.accounts = None
    assert server.connects().says("LOGIN red x") == ["ERR 503 there are no accounts here"]
    refused = Server(strangers=False).connects().says("REGISTER red x")
    assert refused == ["ERR 403 nobody may make accounts here"]


def test_only_this_machine_and_tls_are_private() -> None:
    """A socket in the file system is on this machine."""
    here, there = (IPv4Address("TCP", host, 1) for host in (HERE, THERE))
    assert private(StringTransport(peerAddress=here))
    assert private(StringTransport(peerAddress=UNIXAddress(b"x")))
    assert private(Tls(peerAddress=there))
    assert not private(StringTransport(peerAddress=there))
    assert fingerprint(StringTransport(peerAddress=here)) == fingerprint(Tls()) == ""
