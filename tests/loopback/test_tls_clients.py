"""Clients over TLS, on the real reactor: whom they believe, and what they say of all others."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.protocol import Factory, Protocol

from tests.patience import PATIENCE
from twisted_net.echo.client import ask_stream
from twisted_net.echo.core import Dialog, Identity
from twisted_net.echo.doors import EchoFactory
from twisted_net.net.clients import Target, Trust, connect
from twisted_net.net.counters import DoorCounters
from twisted_net.net.errors import ClientError, ConnectError, NoAnswerError, SettingError
from twisted_net.net.guards import GuardedFactory
from twisted_net.net.limits import Census
from twisted_net.net.service import Door

pytest.importorskip("OpenSSL", reason="TLS is not installed (the extra tls)")

from twisted_net.net.tls.demo import Demo, demo
from twisted_net.net.tls.serving import Pair, encrypted

#: What Twisted hands to pyOpenSSL is Twisted's affair.
pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")

LONG = bytes(range(251)) * 4000


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Return a certificate for this host."""
    return demo(tmp_path_factory.mktemp("tls"), "127.0.0.1", time.time())


async def asked(
    question: bytes,
    certificate: Demo,
    trust: Trust | None,
    host: str = "127.0.0.1",
    transform: Callable[[], Any] = Identity,
    tls: bool = True,
) -> bytes:
    """Ask an echo server; return its answer."""
    from twisted.internet import reactor

    real: Any = reactor
    door = Door("echo-tcp", "stream", "tcp:0", EchoFactory(transform, real))
    inside: Any = door.serve
    guard = GuardedFactory(door, inside, real, DoorCounters(), Census(9, 9))
    factory: Any = guard
    if tls:
        pair = Pair(certificate.private, certificate.private)
        factory = encrypted(pair, factory, "echo-tcp", real)
    port = real.listenTCP(0, factory, interface=host if host[0].isdigit() else "127.0.0.1")
    try:
        target = Target("tcp", host, port.getHost().port, trust)
        return await ask_stream(real, target, question, PATIENCE)
    finally:
        await port.stopListening()
        await guard.drain()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("question", [b"hello", LONG], ids=["short", "long"])
@pytest_twisted.ensureDeferred
async def test_who_has_the_certificate_may_ask(
    host: str, question: bytes, certificate: Demo
) -> None:
    """And hears the answer to the last byte, though TLS knows no half-close."""
    assert await asked(question, certificate, Trust(ca=str(certificate.public)), host) == question


@pytest_twisted.ensureDeferred
async def test_who_takes_any_certificate_may_ask(certificate: Demo) -> None:
    """A server that speaks first is heard too."""
    answer = await asked(b"Are you there?\n", certificate, Trust(insecure=True), transform=Dialog)
    assert answer.endswith(b"Are you there!\n")


@pytest.mark.parametrize(
    ("trust", "host", "tls", "why"),
    [
        (Trust(), "127.0.0.1", True, "nobody whom we trust has signed its certificate; --ca FILE"),
        (Trust(ca="{ca}"), "127.0.0.2", True, "its certificate is not for '127.0.0.2'"),
        (Trust(insecure=True), "127.0.0.1", False, "it does not speak TLS there"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_who_is_not_believed_is_told_why(
    trust: Trust, host: str, tls: bool, why: str, certificate: Demo
) -> None:
    """In one line, and nothing was sent."""
    trust = Trust(trust.ca.replace("{ca}", str(certificate.public)), trust.insecure)
    with pytest.raises(ConnectError, match=rf"^no TLS with {host}:[0-9]+: {why}"):
        await asked(b"hello", certificate, trust, host, tls=tls)


class Leaves(Protocol):
    """Hangs up on everybody."""

    def connectionMade(self) -> None:
        """Hang up."""
        self.transport.loseConnection()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("protocol", "patience", "error", "why"),
    [
        (Leaves, PATIENCE, ConnectError, "lost before TLS began"),
        (Protocol, 0.3, NoAnswerError, "no answer in"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_server_that_does_not_begin_tls_is_given_up(
    protocol: type[Protocol], patience: float, error: type[ClientError], why: str
) -> None:
    """It hangs up, or says nothing at all."""
    from twisted.internet import reactor

    real: Any = reactor
    door = Door("echo-tcp", "stream", "tcp:0", Factory.forProtocol(protocol))
    inside: Any = door.serve
    guard = GuardedFactory(door, inside, real, DoorCounters(), Census(9, 9))
    port = real.listenTCP(0, guard, interface="127.0.0.1")
    target = Target("tcp", "127.0.0.1", port.getHost().port, Trust(insecure=True))
    with pytest.raises(error, match=why):
        await connect(real, target, Protocol(), patience)
    await port.stopListening()
    await guard.drain()


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nx\n"])
@pytest_twisted.ensureDeferred
async def test_a_file_of_certificates_that_is_none_is_named(
    content: bytes | None, tmp_path: Path
) -> None:
    """Before anybody is asked."""
    from twisted.internet import reactor

    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    target = Target("tcp", "127.0.0.1", 1, Trust(ca=str(path)))
    why = "no such file" if content is None else "holds no PEM certificate"
    with pytest.raises(SettingError, match=f"^--ca '{path}': {why}"):
        await connect(reactor, target, Protocol(), 5.0)
