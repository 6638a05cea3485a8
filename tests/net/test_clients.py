"""Tests of `twisted_net.net.clients`."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock

from twisted_net.net.clients import (
    DatagramClient,
    Target,
    Trust,
    connect,
    has_scheme,
    parse_target,
    resolve,
    trusting,
    within,
)
from twisted_net.net.errors import ConnectError, NoAnswerError, SettingError


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("192.0.2.1", Target("tcp", "192.0.2.1", 7007)),
        ("bench.example:7", Target("tcp", "bench.example", 7)),
        ("[::1]", Target("tcp", "::1", 7007)),
        ("[fe80::1%eth0]:7", Target("tcp", "fe80::1%eth0", 7)),
        ("udp:192.0.2.1:7", Target("udp", "192.0.2.1", 7)),
        ("tcp:host=192.0.2.1:port=7", Target("tcp", "192.0.2.1", 7)),
        ("tftp://192.0.2.1", Target("tftp", "192.0.2.1", 7007)),
        ("unix:/run/x.sock", Target("unix", "/run/x.sock", 0)),
    ],
)
def test_a_server_is_written_in_any_usual_form(text: str, target: Target) -> None:
    """As people type addresses, and as Twisted's endpoints have them."""
    assert parse_target(text, 7007, "tcp") == target


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:abc",
        "http://127.0.0.1",
        "",
        "a b",
        "x:1:2",
    ],
)
def test_a_server_that_cannot_be_meant_is_refused(text: str) -> None:
    """With the forms that would do."""
    with pytest.raises(SettingError) as caught:
        parse_target(text, 7007)
    assert str(caught.value) == f"{text!r}: want HOST[:PORT] or tcp:host=…:port=…"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("127.0.0.1:99999", "port must be 1-65535"),
        ("bench.example:0", "port must be 1-65535"),
        ("tcp:a:123456789", "port must be 1-65535"),
        ("::1", "an IPv6 address stands in brackets: [::1]"),
        ("2001:db8::7", "an IPv6 address stands in brackets: [2001:db8::7]"),
        ("udp:fe80::1%eth0", "an IPv6 address stands in brackets: udp:[fe80::1%eth0]"),
    ],
)
def test_a_server_that_is_nearly_right_is_told_what_is_missing(text: str, why: str) -> None:
    """The forms that would do say nothing of ports and brackets."""
    with pytest.raises(SettingError) as caught:
        parse_target(text, 7007)
    assert str(caught.value) == f"{text!r}: {why}"


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "\udcff", ".a"])
def test_a_name_that_no_host_can_have_is_refused(host: str) -> None:
    """Instead of being looked up for five seconds."""
    with pytest.raises(SettingError) as caught:
        parse_target(host, 7007)
    assert str(caught.value) == f"{host!r}: {host!r} can be no host's name"


@given(st.text(alphabet="tcpudfx:/[].%=0123456789abhost "))
def test_any_text_is_a_server_or_refused(text: str) -> None:
    """Never anything but a target or a SettingError."""
    try:
        target = parse_target(text, 7)
    except SettingError:
        return
    assert 0 <= target.port <= 65535


def test_an_address_is_named_so_that_it_can_be_typed() -> None:
    """IPv6 in brackets, a path as it is."""
    targets = (Target("tcp", "::1", 7), Target("udp", "a", 7), Target("unix", "/x", 0))
    assert [str(target) for target in targets] == ["[::1]:7", "a:7", "/x"]


@pytest.mark.parametrize("trust", [Trust(), Trust(insecure=True)])
def test_tls_is_for_streams_between_hosts(trust: Trust) -> None:
    """Where there is none, it is refused and not left out in silence."""
    assert trusting(Target("tcp", "a", 1), trust) == Target("tcp", "a", 1, trust)
    assert trusting(Target("udp", "a", 1), None) == Target("udp", "a", 1)
    for scheme, over in (("udp", "UDP"), ("tftp", "UDP"), ("unix", "a UNIX socket")):
        with pytest.raises(SettingError, match=f"^--tls: there is none over {over}; leave it out$"):
            trusting(Target(scheme, "a", 1), trust)


def test_only_a_scheme_makes_a_word_a_server() -> None:
    """``netdemo echo localhost`` sends the word localhost."""
    assert all(has_scheme(text) for text in ("tcp:a:7", "udp:a", "unix:/x"))
    assert not any(has_scheme(text) for text in ("localhost", "a:7", "udp: what is it"))


def outcome(waiting: Any) -> list[Any]:
    """Return a list that will hold what this comes to."""
    came: list[Any] = []
    ensureDeferred(waiting).addBoth(came.append)
    return came


def test_a_wait_ends_with_its_patience() -> None:
    """And what was waited for is cancelled."""
    clock = Clock()
    waiting: Deferred[None] = Deferred()
    came = outcome(within(clock, 2.0, waiting, "no answer from 192.0.2.1:7 in 2 s"))
    clock.advance(1.9)
    assert came == []
    clock.advance(0.1)
    assert came[0].check(NoAnswerError)
    assert came[0].getErrorMessage() == "no answer from 192.0.2.1:7 in 2 s"


def test_a_wait_that_is_answered_leaves_no_timer() -> None:
    """The answer itself comes back."""
    clock = Clock()
    waiting: Deferred[int] = Deferred()
    came = outcome(within(clock, 2.0, waiting, "no answer"))
    waiting.callback(7)
    assert came == [7]
    assert not clock.getDelayedCalls()


def test_a_connection_that_nobody_answers_times_out() -> None:
    """Exactly after the patience."""
    reactor = MemoryReactorClock()
    came = outcome(connect(reactor, Target("unix", "/run/x.sock", 0), Protocol(), 3.0))
    (_, factory, timeout, _) = reactor.unixClients[0]
    assert timeout == 3.0
    assert came == []
    factory.stopFactory()


class Resolver:
    """A resolver that knows these names."""

    def __init__(self, names: dict[str, list[str]]) -> None:
        self.names = names
        self.nameResolver = self

    def resolveHostName(self, receiver: Any, host: str, port: int = 0) -> None:
        """Resolve at once."""
        receiver.resolutionBegan(self)
        for address in self.names.get(host, []):
            receiver.addressResolved(type("Address", (), {"host": address}))
        receiver.resolutionComplete()

    def callLater(self, *arguments: Any) -> Any:
        """Keep time."""
        return Clock().callLater(*arguments)


def test_the_first_address_of_a_name_is_taken() -> None:
    """A datagram goes to one place."""
    reactor = Resolver({"bench": ["192.0.2.1", "192.0.2.2"]})
    assert outcome(resolve(reactor, Target("udp", "bench", 7))) == ["192.0.2.1"]


def test_an_address_of_one_link_keeps_its_link() -> None:
    """Looked up it would lose it, and nothing that comes from there could be recognised."""
    host = "fe80::1%eth0"
    assert outcome(resolve(Resolver({}), Target("udp", host, 7))) == [host]


def test_a_name_without_an_address_cannot_be_resolved() -> None:
    """And the error names it."""
    came = outcome(resolve(Resolver({}), Target("udp", "nope.invalid", 7)))
    assert came[0].check(ConnectError)
    assert came[0].getErrorMessage() == "cannot resolve 'nope.invalid'"


def test_where_nothing_can_be_sent_is_said_so() -> None:
    """A broadcast address, or no way there."""

    class Refusing:
        def write(self, packet: bytes, addr: Any) -> None:
            raise PermissionError(13, "Permission denied")

    client = DatagramClient(("255.255.255.255", 7), lambda _: None)
    client.transport = Refusing()
    with pytest.raises(ConnectError, match=r"cannot send to 255\.255\.255\.255:7: permission den"):
        client.send(b"x")


def test_a_datagram_client_hears_its_peer_only() -> None:
    """Anybody can send to an open port."""
    heard: list[bytes] = []
    client = DatagramClient(("192.0.2.1", 7), heard.append)
    client.datagramReceived(b"mine", ("192.0.2.1", 7))
    client.datagramReceived(b"a stranger's", ("192.0.2.2", 7))
    client.datagramReceived(b"another port's", ("192.0.2.1", 8))
    assert heard == [b"mine"]
