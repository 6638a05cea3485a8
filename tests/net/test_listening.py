"""Tests of `twisted_net.net.listening`."""

import errno
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.internet.testing import MemoryReactor, MemoryReactorClock

from twisted_net.net import listening
from twisted_net.net.errors import StartError
from twisted_net.net.service import Door


class Refusing(MemoryReactor):
    """A reactor whose ports do not open."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Any:
        """Refuse as the kernel does."""
        raise CannotListenError(interface, port, OSError(self.number, "no"))


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (
            errno.EADDRINUSE,
            "port 7008 in use (chat-tcp, 127.0.0.1); choose another with --chat-tcp;"
            " netdemo doctor says who has it",
        ),
        (
            errno.EADDRNOTAVAIL,
            "cannot listen on 127.0.0.1:7008: no such address on this host (chat-tcp)",
        ),
        (
            errno.EACCES,
            "cannot listen on 127.0.0.1:7008 (chat-tcp): ports below 1024 are root's",
        ),
        (errno.ENOBUFS, "cannot listen on 127.0.0.1:7008 (chat-tcp): no"),
    ],
)
def test_a_port_that_does_not_open_is_one_line(number: int, why: str) -> None:
    """The fact stands in the first 80 characters: a daemon's parent shows no more."""
    door = Door("chat-tcp", "stream", "tcp:7008", Factory())
    with pytest.raises(StartError) as caught:
        listening.listen(Refusing(number), door, door.serve, "127.0.0.1")
    assert str(caught.value) == why


def test_a_stream_door_listens_on_the_interface_of_the_bench() -> None:
    """With a backlog that a burst of clients fits into."""
    reactor = MemoryReactor()
    door = Door("echo-tcp", "stream", "tcp:7007", Factory())
    listening.listen(reactor, door, door.serve, "127.0.0.1")
    (port, _, backlog, interface) = reactor.tcpServers[0]
    assert (port, backlog, interface) == (7007, listening.BACKLOG, "127.0.0.1")


def test_a_datagram_door_takes_the_longest_datagram() -> None:
    """Twisted's default would cut it at 8192 without a word."""
    opened: list[Any] = []

    class Reactor(MemoryReactor):
        def listenUDP(self, *arguments: Any) -> Any:
            opened.append(arguments)

    protocol = DatagramProtocol()
    door = Door("echo-udp", "datagram", "udp:7007", protocol)
    listening.listen(Reactor(), door, protocol, "127.0.0.1")
    assert opened == [(7007, protocol, "127.0.0.1", 65535)]


@pytest.mark.parametrize(
    ("text", "interface"),
    [
        ("tcp6:7007", "::1"),
        ("tcp:7007:interface=192.0.2.1", "192.0.2.1"),
    ],
)
def test_no_type_of_stream_door_is_open_to_the_network_unasked(text: str, interface: str) -> None:
    """Twisted's own default would be every address."""
    reactor = MemoryReactor()
    door = Door("echo-tcp", "stream", text, Factory())
    listening.listen(reactor, door, door.serve, "127.0.0.1")
    assert reactor.tcpServers[0][3] == interface


@pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
@pytest.mark.parametrize("text", ["tls:{folder}:7007", "ssl:7007:privateKey={folder}/tls-demo.pem"])
def test_no_door_that_speaks_tls_is_either(text: str, tmp_path: Path) -> None:
    """Where TLS is installed."""
    pytest.importorskip("OpenSSL")
    from twisted_net.net.tls.demo import demo

    demo(tmp_path, "127.0.0.1", time.time())
    reactor = MemoryReactorClock()
    door = Door("echo-tcp", "stream", text.format(folder=tmp_path), Factory())
    listening.listen(reactor, door, door.serve, "127.0.0.1")
    assert reactor.tcpServers[0][0] == 7007
    assert reactor.tcpServers[0][2:] == (listening.BACKLOG, "127.0.0.1")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ssl:7881:privateKey={}/junk.pem", "'{}/junk.pem' holds no PEM private key"),
        ("ssl:7881:privateKey={}/nope.pem", "'{}/nope.pem': no such file or directory"),
        ("tls:{}/empty:7881", "'{}/empty' holds no file *.pem"),
        ("tls:{}/nope:7881", "'{}/nope': no such file or directory"),
        ("tls:{}:7881", "'{}/junk.pem' holds no PEM private key"),
    ],
)
def test_a_certificate_that_is_none_is_one_line(text: str, why: str, tmp_path: Path) -> None:
    """With the file, and nothing is opened."""
    pytest.importorskip("OpenSSL")
    (tmp_path / "junk.pem").write_bytes(b"junk")
    (tmp_path / "empty").mkdir()
    door = Door("echo-tcp", "stream", text.replace("{}", str(tmp_path)), Factory())
    reactor = MemoryReactorClock()
    with pytest.raises(StartError) as caught:
        listening.listen(reactor, door, door.serve, "127.0.0.1")
    assert str(caught.value) == f"--echo-tcp {door.endpoint!r}: " + why.replace("{}", str(tmp_path))
    assert reactor.tcpServers == []


def test_where_tls_is_not_installed_it_is_said_how_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is not for everybody."""
    monkeypatch.delattr("twisted_net.net.tls.serving", raising=False)
    monkeypatch.setitem(sys.modules, "twisted_net.net.tls.serving", None)
    door = Door("echo-tcp", "stream", "ssl:7007", Factory())
    with pytest.raises(StartError, match=r"pip install 'twisted_net\[tls\]'"):
        listening.listen(MemoryReactorClock(), door, door.serve, "127.0.0.1")


def test_a_unix_door_that_another_server_has_is_said_so(tmp_path: Path) -> None:
    """Twisted's lock beside the socket tells."""

    class Taken(MemoryReactor):
        def listenUNIX(self, *arguments: Any, **named: Any) -> Any:
            raise CannotListenError(None, b"/run/x", OSError("Cannot acquire lock"))

    door = Door("echo-tcp", "stream", f"unix:{tmp_path}/x", Factory())
    with pytest.raises(StartError) as caught:
        listening.listen(Taken(), door, door.serve, "127.0.0.1")
    assert str(caught.value) == f"--echo-tcp {door.endpoint!r}: another server has it"


def test_a_unix_door_needs_its_folder(tmp_path: Path) -> None:
    """Which is named."""
    door = Door("echo-tcp", "stream", f"unix:{tmp_path}/nope/x", Factory())
    with pytest.raises(StartError) as caught:
        listening.listen(MemoryReactor(), door, door.serve, "127.0.0.1")
    assert str(caught.value) == (
        f"--echo-tcp {door.endpoint!r}: directory '{tmp_path}/nope' does not exist"
    )


def test_an_endpoint_type_that_fails_its_own_way_is_one_line_too() -> None:
    """A plug-in's exception is not the user's."""
    door = Door("echo-tcp", "stream", "unix:/tmp:mode=nonsense", Factory())
    with pytest.raises(StartError, match=r"--echo-tcp 'unix:/tmp:mode=nonsense': "):
        listening.listen(MemoryReactor(), door, door.serve, "127.0.0.1")
