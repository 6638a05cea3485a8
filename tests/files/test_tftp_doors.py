"""Tests of `twisted_net.files.tftp.doors`: requests and transfers, without a socket."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import CannotListenError
from twisted.logger import LogEvent, capturedLogs, formatEvent

from tests.files.wires import NOISE, Port, Reactor, at_once
from twisted_net.files.shelf import Content, Shelf, Source
from twisted_net.files.store import Folder
from twisted_net.files.tftp.codec import (
    Ack,
    Code,
    Data,
    Error,
    OptionAck,
    Packet,
    Request,
    parse,
    render,
)
from twisted_net.files.tftp.core import Terms
from twisted_net.files.tftp.doors import Policy, TftpDatagramProtocol
from twisted_net.files.tftp.transfers import MOST_STRANGERS, ReadTransfer
from twisted_net.net.service import IDrains

CLIENT = ("192.0.2.1", 40000)
OTHER = ("192.0.2.2", 40000)


class Bench:
    """A TFTP door to a folder, on ports that pretend."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.reactor = Reactor()
        self.door = TftpDatagramProtocol(
            Folder(str(root)), self.reactor, policy=Policy(**options), aside=at_once
        )
        self.port: Port = self.reactor.listenUDP(7069, self.door, "192.0.2.99")

    def ask(self, name: bytes, peer: Any = CLIENT, mode: str = "octet", **options: str) -> None:
        """Send a read request to the door."""
        self.door.datagramReceived(render(Request("read", name, mode, options)), peer)

    def transfer(self, at: int = -1) -> Port:
        """Return the port of a transfer, of the last one unless told otherwise."""
        return self.reactor.ports[1:][at]

    def answer(self, packet: Packet, peer: Any = CLIENT, at: int = -1) -> list[Packet]:
        """Send a packet to a transfer, and return what it sends."""
        port = self.transfer(at)
        port.protocol.datagramReceived(render(packet), peer)
        return packets(port)

    @property
    def dropped(self) -> dict[str, int]:
        """What the counters say was thrown away."""
        return self.door.journal.counters.dropped


def packets(port: Port) -> list[Packet]:
    """Return what a port sent since it was last looked at."""
    return [parse(datagram) for datagram in port.take()]


def logged(events: Sequence[LogEvent]) -> list[str]:
    """Return what the log shows."""
    return [str(formatEvent(event)) for event in events if "door" in event]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with files, and bait."""
    (tmp_path / "small").write_bytes(b"small")
    (tmp_path / "large").write_bytes(NOISE[:2000])
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner").write_bytes(b"inner")
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "fifo")
    return tmp_path


@pytest.fixture
def bench(root: Path) -> Bench:
    """Return a door to it."""
    return Bench(root)


def test_a_file_comes_from_a_port_of_its_own(bench: Bench) -> None:
    """On the address that was asked; the door's own port says nothing (RFC 1350, 4)."""
    bench.ask(b"large")
    assert bench.transfer().host.host == "192.0.2.99"
    assert packets(bench.transfer()) == [Data(1, NOISE[:512])]
    got = NOISE[:512]
    for number in range(1, 5):
        for packet in bench.answer(Ack(number)):
            assert isinstance(packet, Data)
            got += packet.block
    assert got == NOISE[:2000]
    assert not bench.transfer().open
    assert bench.port.sent == []
    assert not bench.reactor.getDelayedCalls()
    assert not bench.door.running


def test_options_are_agreed_on_first(bench: Bench) -> None:
    """And the block size is kept to."""
    bench.ask(b"large", blksize="1428", tsize="0", unknown="x")
    assert packets(bench.transfer()) == [OptionAck({"blksize": "1428", "tsize": "2000"})]
    assert bench.answer(Ack(0)) == [Data(1, NOISE[:1428])]


def test_the_block_size_is_capped_by_a_setting(root: Path) -> None:
    """For networks whose devices cannot put fragments together."""
    bench = Bench(root, terms=Terms(1428))
    bench.ask(b"large", blksize="65464")
    assert packets(bench.transfer()) == [OptionAck({"blksize": "1428"})]


def test_a_boot_loader_s_names_mean_the_shared_folder(bench: Bench) -> None:
    """With the slashes of either world."""
    for name in (b"/sub/inner", b"\\sub\\inner", b"sub/inner"):
        bench.ask(name)
        assert packets(bench.transfer()) == [Data(1, b"inner")]
        bench.answer(Ack(1))


@pytest.mark.parametrize(
    ("request_", "code", "text"),
    [
        (Request("read", b"nope"), Code.NOT_FOUND, "no such file"),
        (Request("read", b""), Code.ACCESS, "a folder"),
        (Request("read", b"../x"), Code.ACCESS, "outside the shared folder"),
        (Request("read", b"link"), Code.ACCESS, "a link; links are not followed"),
        (Request("read", b".hidden"), Code.NOT_FOUND, "no such file"),
        (Request("read", b"fifo"), Code.ACCESS, "not a regular file"),
        (Request("read", b"sub"), Code.ACCESS, "a folder"),
        (Request("read", b"x" * 300), Code.ACCESS, "outside the shared folder"),
        (
            Request("write", b"new"),
            Code.ACCESS,
            "server is read-only (start with --tftp-write yes)",
        ),
        (
            Request("read", b"small", "mail"),
            Code.ILLEGAL,
            "mode 'mail' not supported; use octet (binary)",
        ),
    ],
)
def test_a_request_that_is_not_granted_gets_one_error(
    bench: Bench, request_: Request, code: int, text: str
) -> None:
    """And no port, no timer, no second word."""
    bench.door.datagramReceived(render(request_), CLIENT)
    assert packets(bench.port) == [Error(code, text)]
    assert len(bench.reactor.ports) == 1
    assert not bench.reactor.getDelayedCalls()


@pytest.mark.parametrize(
    ("datagram", "answer"),
    [
        (b"", []),
        (b"\0", []),
        (b"\0\x09", [Error(4, "illegal operation 9")]),
        (b"\0\1small\0octet", [Error(4, "request not terminated")]),
        (b"\0\1small\0OCTET\0blksize\x007\0", []),
        (b"\0\1" + b"x" * 500 + b"\0" + b"y" * 500 + b"\0", [Error]),
    ],
)
def test_odd_datagrams_get_at_most_one_answer(
    bench: Bench, datagram: bytes, answer: list[Any]
) -> None:
    """The words are those that were promised."""
    bench.door.datagramReceived(datagram, CLIENT)
    got = packets(bench.port)
    assert got == answer or [type(packet) for packet in got] == answer


@pytest.mark.parametrize("packet", [Data(1, b"x"), Ack(0), Error(4, "x"), OptionAck({"a": "b"})])
def test_answers_are_never_answered_at_the_door(bench: Bench, packet: Packet) -> None:
    """Two servers would keep each other busy for ever; they are counted."""
    bench.door.datagramReceived(render(packet), CLIENT)
    assert bench.port.sent == []
    assert bench.dropped == {"no_request": 1}


def test_nothing_that_the_door_itself_says_is_answered(bench: Bench) -> None:
    """Its own words, sent back by somebody, begin no loop."""
    for datagram in (b"\0\x09", b"\0\1x", render(Request("read", b"nope"))):
        bench.door.datagramReceived(datagram, CLIENT)
    bench.ask(b"small", tsize="0")
    said = [*bench.port.take(), *bench.transfer().take()]
    for datagram in said:
        bench.door.datagramReceived(datagram, OTHER)
        bench.transfer().protocol.datagramReceived(datagram, OTHER)
    assert bench.port.sent == []
    assert packets(bench.transfer()) == [Error(5, "unknown transfer")]  # to the OACK only


def test_a_stranger_is_sent_away_and_disturbs_nothing(bench: Bench) -> None:
    """ERROR 5 goes to the stranger; an ERROR of a stranger's is not even answered."""
    bench.ask(b"large")
    bench.transfer().take()
    port = bench.transfer()
    port.protocol.datagramReceived(render(Ack(1)), OTHER)
    assert [(parse(sent), to) for sent, to in port.sent] == [(Error(5, "unknown transfer"), OTHER)]
    port.take()
    port.protocol.datagramReceived(render(Error(0, "stop")), OTHER)
    port.protocol.datagramReceived(b"\0", OTHER)
    port.protocol.datagramReceived(render(Ack(1)), (CLIENT[0], 40001))
    assert packets(port) == [Error(5, "unknown transfer")]
    assert bench.answer(Ack(1)) == [Data(2, NOISE[512:1024])]


def test_strangers_without_end_are_not_answered_without_end(bench: Bench) -> None:
    """Their addresses may be forged, and an ERROR is longer than an ACK."""
    bench.ask(b"large")
    port = bench.transfer()
    port.take()
    for number in range(1000):
        port.protocol.datagramReceived(render(Ack(1)), ("203.0.113.1", number + 1))
    assert len(port.take()) == MOST_STRANGERS
    assert bench.dropped == {"unknown_transfer": 1000}
    assert bench.answer(Ack(1)) == [Data(2, NOISE[512:1024])]


def test_the_same_request_again_is_one_transfer(bench: Bench) -> None:
    """The client asks twice because our first answer was lost: it gets that again."""
    bench.ask(b"large")
    bench.ask(b"large")
    assert len(bench.reactor.ports) == 2
    assert packets(bench.transfer()) == [Data(1, NOISE[:512]), Data(1, NOISE[:512])]
    bench.answer(Ack(1))
    bench.ask(b"large")
    assert packets(bench.transfer()) == []
    assert len(bench.reactor.ports) == 2


def test_another_request_from_the_same_port_replaces_the_transfer(bench: Bench) -> None:
    """A client that was restarted, or that uses one port for all its files."""
    bench.ask(b"large")
    bench.answer(Ack(1))
    bench.ask(b"small")
    assert packets(bench.transfer(0)) == []  # it could be taken for the new one's answer
    assert not bench.transfer(0).open
    assert packets(bench.transfer(1)) == [Data(1, b"small")]
    assert list(bench.door.running) == [CLIENT]


def test_the_same_request_later_is_a_restart(bench: Bench) -> None:
    """A board that was reset asks for the same file from the same port."""
    bench.ask(b"large", timeout="60")
    bench.answer(Ack(0))
    bench.answer(Ack(1))
    bench.reactor.advance(6)
    bench.ask(b"large", timeout="60")
    assert len(bench.reactor.ports) == 3
    assert not bench.transfer(0).open


def test_a_client_quicker_than_the_closing_of_a_port_is_served(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twisted closes a port a turn later; the next request may be in the same turn."""
    for name in (b"small", b"small", b"large"):
        bench.ask(name)
        monkeypatch.setattr(bench.transfer(), "stopListening", lambda: None)
        assert len(packets(bench.transfer())) == 1
        bench.answer(Ack(1))
    assert len(bench.reactor.ports) == 4
    assert list(bench.door.running) == [CLIENT]


def test_a_slow_client_that_asks_again_is_no_restart(bench: Bench) -> None:
    """Some repeat their request after five seconds; the log must not call it a failure."""
    bench.ask(b"large")
    bench.reactor.advance(5.5)
    with capturedLogs() as events:
        bench.ask(b"large")
    assert logged(events) == []
    assert len(bench.reactor.ports) == 2


def test_clients_behind_one_address_have_transfers_of_their_own(bench: Bench) -> None:
    """They are told apart by their ports."""
    bench.ask(b"large", (CLIENT[0], 1025))
    bench.ask(b"large", (CLIENT[0], 1026))
    assert len(bench.door.running) == 2


def test_a_lost_acknowledgement_is_waited_for_and_the_log_says_which(bench: Bench) -> None:
    """It says why the transfer stalled, which is what people look for."""
    bench.ask(b"large")
    bench.answer(Ack(1))
    bench.transfer().take()
    with capturedLogs() as events:
        bench.reactor.pump([0.05] * 700)
    assert packets(bench.transfer()) == [Data(2, NOISE[512:1024])] * 5
    (line,) = logged(events)
    assert line.startswith("tftp: stopped sending 'large' to '192.0.2.1:40000' after 512 bytes")
    assert line.endswith("no ACK of block 2 after 5 retransmissions")
    assert not bench.transfer().open
    assert bench.dropped == {"transfer_stopped": 1}


def test_many_abandoned_requests_leave_nothing_behind(root: Path) -> None:
    """No transfer outlives its timeouts, none is sent more than two packets, none fills the log."""
    bench = Bench(root, per_peer=60)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(60):
        bench.ask(b"large", ("192.0.2.1", 40000 + number))
    assert len(bench.door.running) == 60
    with capturedLogs() as events:
        bench.reactor.pump([0.5] * 80)
    assert len(logged(events)) == 1
    assert bench.dropped == {"unanswered": 60}
    assert not bench.door.running
    assert not bench.reactor.getDelayedCalls()
    assert len(os.listdir("/proc/self/fd")) == before
    assert max(len(port.sent) for port in bench.reactor.ports[1:]) == 2


def test_each_transfer_is_one_line_in_the_log(bench: Bench) -> None:
    """With its rate."""
    with capturedLogs() as events:
        bench.ask(b"small")
        bench.reactor.advance(0.5)
        bench.answer(Ack(1))
    assert logged(events) == [
        "tftp: sent 'small' to '192.0.2.1:40000': 5 bytes in 0.50 s, 10 bytes/s"
    ]


def test_a_probe_for_the_size_makes_no_noise(bench: Bench) -> None:
    """Network boot asks for tsize, and then says that it wants nothing."""
    with capturedLogs() as events:
        for code in (Code.OPTION, Code.OTHER):
            bench.ask(b"large", tsize="0")
            assert bench.answer(Error(code, ""))[1:] == []
            assert not bench.transfer().open
    assert logged(events) == []
    assert bench.dropped == {}


def test_too_many_transfers_are_refused(root: Path) -> None:
    """With an ERROR; the request again, once one has ended, is granted."""
    bench = Bench(root, transfers=1)
    bench.ask(b"small")
    bench.ask(b"small", OTHER)
    assert packets(bench.port) == [Error(0, "busy, try again later")]
    bench.answer(Ack(1))
    bench.ask(b"small", OTHER)
    assert list(bench.door.running) == [OTHER]


def test_a_stopping_server_finishes_its_transfers_and_begins_none(bench: Bench) -> None:
    """What `drain` returns fires when the last one has ended."""
    assert IDrains.providedBy(bench.door)
    bench.ask(b"small")
    drained: list[None] = []
    bench.door.drain().addCallback(drained.append)
    bench.ask(b"small", OTHER)
    assert packets(bench.port) == [Error(0, "server is stopping")]
    assert drained == []
    bench.answer(Ack(1))
    assert drained == [None]


def test_a_server_with_nothing_to_do_stops_at_once(bench: Bench) -> None:
    """Nobody waits for nothing."""
    drained: list[None] = []
    bench.door.drain().addCallback(drained.append)
    assert drained == [None]


def test_a_server_that_is_stopped_tells_its_clients(bench: Bench) -> None:
    """Or they would wait for their timeouts to find out."""
    bench.ask(b"large")
    bench.transfer().take()
    bench.port.stopListening()
    assert packets(bench.transfer()) == [Error(0, "server is stopping")]
    assert not bench.door.running
    assert not bench.reactor.getDelayedCalls()


def test_a_file_that_changes_is_not_passed_off_as_whole(bench: Bench, root: Path) -> None:
    """The last block is withheld, and the log says why."""
    bench.ask(b"large")
    for number in (1, 2):
        bench.answer(Ack(number))
    os.utime(root / "large", (1, 1))
    with capturedLogs() as events:
        assert bench.answer(Ack(3)) == [Error(0, "file changed while sending")]
    assert logged(events)[0].endswith("file changed while sending")


def test_no_port_for_a_transfer_is_no_crash(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of descriptors, say: the client is told to come again."""

    def none_left(*_: object, **__: object) -> None:
        raise CannotListenError("192.0.2.99", 0, OSError(24, "Too many open files"))

    monkeypatch.setattr(bench.reactor, "listenUDP", none_left)
    bench.ask(b"small")
    assert packets(bench.port) == [Error(0, "busy, try again later")]
    assert not bench.door.running


def test_what_cannot_be_sent_is_as_good_as_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full send buffer, a route that went away: the timeout sees to it."""
    bench.ask(b"large")
    port = bench.transfer()
    assert isinstance(port.protocol, ReadTransfer)

    def full(packet: bytes, addr: Any) -> None:
        raise OSError(105, "No buffer space available")

    with monkeypatch.context() as patched:
        patched.setattr(port, "write", full)
        bench.answer(Ack(1))
    assert bench.dropped == {"not_sent": 1}
    bench.reactor.advance(1)
    assert packets(port) == [Data(2, NOISE[512:1024])]


def test_datagrams_of_transfers_are_counted(bench: Bench) -> None:
    """They leave through ports that the door's guard does not see."""
    bench.ask(b"small")
    counters = bench.door.journal.counters
    assert (counters.datagrams_sent, counters.sent) == (1, 9)


def test_text_is_sent_as_netascii(bench: Bench, root: Path) -> None:
    """Its size is left out: it is not that of what is sent."""
    (root / "text").write_bytes(b"one\ntwo\rthree")
    bench.ask(b"text", mode="NETASCII", tsize="0")
    assert packets(bench.transfer()) == [Data(1, b"one\r\ntwo\r\0three")]
    bench.answer(Ack(1))
    assert not bench.transfer().open


def test_a_window_of_blocks_is_sent_at_once(bench: Bench) -> None:
    """RFC 7440; the log says what was sent again."""
    bench.ask(b"large", windowsize="2")
    assert packets(bench.transfer()) == [OptionAck({"windowsize": "2"})]
    assert bench.answer(Ack(0)) == [Data(1, NOISE[:512]), Data(2, NOISE[512:1024])]
    bench.reactor.advance(1)
    bench.transfer().take()
    with capturedLogs() as events:
        assert bench.answer(Ack(2)) == [Data(3, NOISE[1024:1536]), Data(4, NOISE[1536:2000])]
        bench.answer(Ack(4))
    assert logged(events)[0].endswith(", 1 times sent again, at last blocks 1-2")


def test_one_address_has_no_more_than_its_part(root: Path) -> None:
    """The others are served."""
    bench = Bench(root, per_peer=2)
    for port in (1025, 1026, 1027):
        bench.ask(b"large", (CLIENT[0], port))
    assert packets(bench.port) == [Error(0, "busy, try again later")]
    bench.ask(b"large", OTHER)
    assert len(bench.door.running) == 3
    bench.transfer(0).protocol.datagramReceived(render(Error(0, "")), (CLIENT[0], 1025))
    bench.ask(b"large", (CLIENT[0], 1027))
    assert len(bench.door.running) == 3


def test_options_may_be_required_of_those_who_prove_nothing(root: Path) -> None:
    """The answer to them is no larger than the question."""
    bench = Bench(root, require_options=True)
    (root / "empty").touch()
    for options in ({}, {"unknown": "1"}, {"blksize": "7"}):
        bench.ask(b"large", **options)
        (refusal,) = packets(bench.port)
        assert isinstance(refusal, Error)
        assert refusal.code == Code.OPTION
    bench.ask(b"large", mode="netascii", tsize="0")
    assert len(packets(bench.port)) == 1
    bench.ask(b"large", tsize="0")
    assert packets(bench.transfer()) == [OptionAck({"tsize": "2000"})]
    bench.ask(b"empty", OTHER, tsize="0")
    assert packets(bench.transfer()) == [OptionAck({"tsize": "0"})]


def test_a_single_port_serves_everybody(root: Path) -> None:
    """They are told apart by their addresses; nobody's end is another's."""
    bench = Bench(root, single_port=True)
    bench.ask(b"large")
    bench.ask(b"small", OTHER)
    assert len(bench.reactor.ports) == 1
    assert bench.port.sent == [
        (render(Data(1, NOISE[:512])), CLIENT),
        (render(Data(1, b"small")), OTHER),
    ]
    bench.port.take()
    bench.door.datagramReceived(render(Ack(1)), OTHER)
    bench.door.datagramReceived(render(Ack(1)), CLIENT)
    assert bench.port.sent == [(render(Data(2, NOISE[512:1024])), CLIENT)]
    bench.door.datagramReceived(render(Ack(1)), ("192.0.2.77", 5))
    assert bench.dropped == {"no_request": 1}
    assert bench.door.journal.counters.sent == 0  # the guard of the port counts
    assert bench.port.open


def test_content_may_be_made_for_each_client() -> None:
    """A public class to subclass; it is told who asks."""

    class Greetings(Shelf):
        def open(self, name: bytes, peer: str = "") -> Source:
            return Content(name, f"hello {peer}".encode())

    reactor = Reactor()
    door = TftpDatagramProtocol(Greetings(), reactor)
    reactor.listenUDP(7069, door, "192.0.2.99")
    door.datagramReceived(render(Request("read", b"any", "octet", {})), CLIENT)
    assert packets(reactor.ports[-1]) == [Data(1, b"hello 192.0.2.1")]


@pytest.mark.parametrize("limits", [{"transfers": 2}, {"per_peer": 2}])
def test_who_answers_nothing_makes_room_for_who_asks(root: Path, limits: dict[str, int]) -> None:
    """A few forged requests a second would shut the door for everybody."""
    bench = Bench(root, **limits)
    for port in (1, 2):
        bench.ask(b"large", (CLIENT[0], 40000 + port), tsize="0")
    bench.answer(Ack(0), (CLIENT[0], 40001), at=0)
    bench.ask(b"small", (CLIENT[0], 40003))
    assert packets(bench.port) == [Error(0, "busy, try again later")]
    bench.reactor.advance(1.0)
    bench.ask(b"small", (CLIENT[0], 40003))
    assert packets(bench.transfer()) == [Data(1, b"small")]
    assert list(bench.door.running) == [(CLIENT[0], 40001), (CLIENT[0], 40003)]
    assert bench.dropped == {"refused_503": 1, "unanswered": 1}
    bench.reactor.advance(0.5)
    bench.ask(b"small", (CLIENT[0], 40004))
    assert packets(bench.port) == [Error(0, "busy, try again later")]


@pytest.mark.logs("ZeroDivisionError")
@pytest.mark.parametrize("when", ["at once", "later", "again"])
def test_content_that_breaks_takes_no_place(when: str) -> None:
    """It may be anybody's: the client is told, and the place is free."""

    class Broken(Content):
        def read(self, offset: int, count: int) -> bytes:
            if broken:
                raise ZeroDivisionError
            return super().read(offset, count)

    class Made(Shelf):
        def open(self, name: bytes, peer: str = "") -> Source:
            return Broken(name, NOISE[:2000])

    broken = when == "at once"
    reactor = Reactor()
    door = TftpDatagramProtocol(Made(), reactor, aside=at_once)
    reactor.listenUDP(7069, door, "192.0.2.99")
    door.datagramReceived(render(Request("read", b"x", "octet", {})), CLIENT)
    broken = True
    if when == "later":
        reactor.ports[-1].protocol.datagramReceived(render(Ack(1)), CLIENT)
    elif when == "again":
        reactor.advance(2.0)
    assert packets(reactor.ports[-1])[-1] == Error(
        0, "cannot read: this is a bug of the server's; its log says more"
    )
    assert not door.running
    assert not reactor.getDelayedCalls()
