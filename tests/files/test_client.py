"""Tests of `twisted_net.files.client` and `tftp.client`: fetching, from servers good and bad."""

import hashlib
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tests.files.wires import NOISE, Reactor, Wire, at_once, lose
from twisted_net.files import client
from twisted_net.files.client import Fetched, FileClient, line
from twisted_net.files.client.core import BusyError
from twisted_net.files.codec import Entry
from twisted_net.files.destination import LocalFile
from twisted_net.files.digests import Digests
from twisted_net.files.doors import FileFactory
from twisted_net.files.store import Folder
from twisted_net.files.tftp import client as tftp
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
from twisted_net.files.tftp.doors import TftpDatagramProtocol
from twisted_net.net.clients import Target
from twisted_net.net.errors import BadAnswerError, ClientError, NoAnswerError

SERVER = Target("tcp", "192.0.2.9", 7009)
SHA = hashlib.sha256(b"hello").hexdigest()

CUTS = pytest.mark.parametrize(
    "cut",
    [lambda data: [data], lambda data: [bytes([byte]) for byte in data]],
    ids=["whole", "byte by byte"],
)
Cut = Callable[[bytes], list[bytes]]


class Outcome:
    """What a coroutine has come to.

    :ivar result: what it returned, once it has.
    :ivar error: what it raised.
    """

    def __init__(self, running: Coroutine[Any, Any, Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self.deferred = Deferred.fromCoroutine(running)
        self.deferred.addCallbacks(self._done, self._failed)

    def _done(self, result: Any) -> None:
        self.result = result

    def _failed(self, failure: Failure) -> None:
        self.error = failure.value


class Fetch:
    """A client that fetches ``hello`` from a server that a test plays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reactor = Reactor()
        self.wire = Wire()
        self.client = FileClient(self.reactor, SERVER, 5.0)
        self.client.makeConnection(self.wire)
        self.outcome = Outcome(self._get())

    async def _get(self) -> Fetched:
        with LocalFile(str(self.folder / "hello")) as into:
            return await client.get(self.client, "hello", into)

    def say(self, *pieces: bytes) -> None:
        """Let the server speak."""
        for piece in pieces:
            self.client.dataReceived(piece)

    @property
    def left(self) -> dict[str, bytes]:
        """What is in the folder."""
        return {each.name: each.read_bytes() for each in self.folder.iterdir()}


@pytest.fixture
def fetch(tmp_path: Path) -> Fetch:
    """Return a client that has asked."""
    return Fetch(tmp_path)


@CUTS
def test_a_file_is_fetched_and_checked(fetch: Fetch, cut: Cut) -> None:
    """However the stream is cut."""
    assert fetch.wire.value() == b"GET hello 0\n"
    fetch.say(*cut(f"OK 5 5 {SHA} 0\nhelloDONE {SHA}\n".encode()))
    assert fetch.outcome.result == Fetched("hello", 5, SHA, 0.0)
    assert fetch.left == {"hello": b"hello"}
    assert not fetch.reactor.getDelayedCalls()


@CUTS
def test_a_digest_that_the_server_does_not_know_ahead_is_fine(fetch: Fetch, cut: Cut) -> None:
    """It comes behind the bytes."""
    fetch.say(*cut(f"OK 5 5 - 0\nhelloDONE {SHA}\n".encode()))
    assert fetch.left == {"hello": b"hello"}


@pytest.mark.parametrize(
    ("said", "error", "why"),
    [
        (b"ERR 404 no such file\n", ClientError, "'hello': no such file"),
        (b"ERR 503 busy\n", BusyError, "'hello': busy"),
        (b"ERR 503 BUSY: too many connections, try again later\n", BusyError, "BUSY"),
        (f"OK 5 5 {SHA} 0\nhelloERR 500 file changed while sending\n", BadAnswerError, "changed"),
        (f"OK 5 5 {SHA} 0\nhelloDONE {'0' * 64}\n", BadAnswerError, "not what 192.0.2.9:7009"),
        (f"OK 5 5 {'0' * 64} 0\nhelloDONE {SHA}\n", BadAnswerError, "not what 192.0.2.9:7009"),
        (f"OK 5 9 - 0\nhelloDONE {SHA}\n", BadAnswerError, "nothing was kept"),
        (b"HTTP/1.1 400 Bad Request\n", BadAnswerError, "unexpected answer"),
        (b"OK 5 5\n", BadAnswerError, "unexpected answer"),
        (b"OK -5 5 - 0\n", BadAnswerError, "unexpected answer"),
        (b"OK 9223372036854775807 9223372036854775807 - 0\n", ClientError, "cannot write"),
        (f"OK 5 5 {SHA} 0\nhello{'y' * 20000}", BadAnswerError, "line longer than"),
        (b"x" * 20000, BadAnswerError, "line longer than"),
        (b"OK 5 5 ../../x 0\n", BadAnswerError, "unexpected answer"),
    ],
)
def test_a_bad_answer_leaves_nothing_behind(
    fetch: Fetch, said: bytes | str, error: type[ClientError], why: str
) -> None:
    """And says in one line what was wrong."""
    fetch.say(said if isinstance(said, bytes) else said.encode())
    assert isinstance(fetch.outcome.error, error)
    assert type(fetch.outcome.error) is error
    assert why in str(fetch.outcome.error)
    assert "\n" not in str(fetch.outcome.error)
    assert fetch.left == {}


def test_a_connection_that_ends_too_early_leaves_nothing_behind(fetch: Fetch) -> None:
    """An orderly end is no better than a reset: the last line is missing."""
    fetch.say(f"OK 5 5 {SHA} 0\nhel".encode())
    lose(fetch.client, fetch.wire, clean=True)
    assert isinstance(fetch.outcome.error, BadAnswerError)
    assert fetch.left == {}


def test_a_silent_server_is_given_up(fetch: Fetch) -> None:
    """Five seconds after its last byte, not after its first."""
    fetch.say(f"OK 5 5 {SHA} 0\n".encode())
    fetch.reactor.advance(4)
    fetch.say(b"h")
    fetch.reactor.advance(4.9)
    assert not fetch.outcome.deferred.called
    fetch.reactor.advance(0.1)
    assert isinstance(fetch.outcome.error, NoAnswerError)
    assert str(fetch.outcome.error) == "no answer from 192.0.2.9:7009 in 5 s"
    assert fetch.left == {}


def test_an_interrupted_get_leaves_nothing_behind(fetch: Fetch) -> None:
    """Ctrl-C cancels the coroutine."""
    fetch.say(f"OK 5 5 {SHA} 0\nhel".encode())
    assert fetch.left == {"hello.part": b"hel"}
    fetch.outcome.deferred.cancel()
    assert fetch.left == {}
    assert not fetch.reactor.getDelayedCalls()


def test_a_server_that_sends_more_than_it_said_is_not_stored(fetch: Fetch) -> None:
    """Not on disk, and in memory no more than a little."""
    fetch.say(f"OK 5 5 {SHA} 0\nhelloDONE {SHA}\n".encode())
    for _ in range(4):
        fetch.say(bytes(600_000))
    assert fetch.wire.producerState == "paused"
    assert fetch.left == {"hello": b"hello"}


# Against our own door


class Served:
    """A client connected to our own door."""

    def __init__(self, root: Path) -> None:
        self.reactor = Reactor()
        factory = FileFactory(Folder(str(root)), self.reactor, digests=Digests(at_once))
        self._door, self._far, self._near = factory.buildProtocol(None), Wire(), Wire()
        self.client = FileClient(self.reactor, SERVER)
        self.client.makeConnection(self._near)
        self._door.makeConnection(self._far)

    def run(self, running: Coroutine[Any, Any, Any]) -> Outcome:
        """Carry bytes to and fro until nothing moves."""
        outcome = Outcome(running)
        while True:
            asked, answered = self._near.read(), self._far.read()
            if not asked and not answered:
                break
            if asked:
                self._door.dataReceived(asked)
            if answered:
                self.client.dataReceived(answered)
        for call in self.reactor.getDelayedCalls():
            call.cancel()
        return outcome


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder that is shared."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "large").write_bytes(NOISE)
    (root / "a b%").write_bytes(b"odd")
    for number in range(5):
        (root / "sub" / f"{number}").write_bytes(b"x" * number)
    return root


def test_several_files_come_over_one_connection(root: Path, tmp_path: Path) -> None:
    """A large one in pieces, one with a name that must be quoted."""
    served = Served(root)

    async def get_all() -> None:
        for name in ("large", "a b%", "sub/0"):
            with LocalFile(str(tmp_path / name.replace("/", "-"))) as into:
                await client.get(served.client, name, into)

    assert served.run(get_all()).error is None
    assert (tmp_path / "large").read_bytes() == NOISE
    assert (tmp_path / "a b%").read_bytes() == b"odd"
    assert (tmp_path / "sub-0").read_bytes() == b""


def test_a_name_copied_from_a_listing_is_found(root: Path, tmp_path: Path) -> None:
    """What is no text is shown escaped there; a file that is really called so comes first."""

    def got(name: str) -> bytes | str:
        async def get() -> None:
            with LocalFile(str(tmp_path / "here"), force=True) as into:
                await client.get(served.client, name, into)

        served = Served(root)
        error = served.run(get()).error
        return str(error) if error is not None else (tmp_path / "here").read_bytes()

    (root / os.fsdecode(b"caf\xe9")).write_bytes(b"latin")
    assert got(r"caf\xe9") == b"latin"
    (root / r"caf\xe9").write_bytes(b"letters")
    assert got(r"caf\xe9") == b"letters"
    assert got(r"caf\xea") == r"'caf\\xea': no such file"


async def listed(served: Served, folder: str) -> list[Entry]:
    """Collect a listing."""
    return [entry async for entry in client.ls(served.client, folder)]


def test_a_folder_is_listed_by_its_name(root: Path) -> None:
    """With a slash behind it or without."""
    served = Served(root)
    for folder in ("sub", "sub/", "/sub"):
        entries = served.run(listed(served, folder)).result
        assert [entry.name for entry in entries] == [b"sub/%d" % number for number in range(5)]


def test_the_top_is_listed_without_a_name(root: Path) -> None:
    """Files and folders."""
    served = Served(root)
    entries = served.run(listed(served, "")).result
    assert [(entry.kind, entry.name) for entry in entries] == [
        ("file", b"a b%"),
        ("file", b"large"),
        ("folder", b"sub/"),
    ]


def test_a_file_is_listed_alone(root: Path) -> None:
    """As ``ls`` does."""
    served = Served(root)
    (entry,) = served.run(listed(served, "a b%")).result
    assert (entry.name, entry.size) == (b"a b%", 3)


def test_a_listing_of_nothing_is_an_error(root: Path) -> None:
    """In the words of the server."""
    served = Served(root)
    assert str(served.run(listed(served, "nope")).error) == "'nope': no such file"


def test_a_long_listing_is_asked_for_in_pages(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the server says that it was the last."""
    monkeypatch.setattr(line, "List", lambda *words: _short(*words))
    served = Served(root)
    entries = served.run(listed(served, "sub")).result
    assert [entry.name for entry in entries] == [b"sub/%d" % number for number in range(5)]


def _short(prefix: bytes, after: bytes = b"", limit: int = 2) -> Any:
    from twisted_net.files.codec import List

    return List(prefix, after, 2)


def test_a_listing_without_an_end_is_found_out(fetch: Fetch) -> None:
    """A hostile server could keep us busy for ever."""
    fetch.outcome.deferred.cancel()

    async def collect() -> list[Entry]:
        return [entry async for entry in client.ls(fetch.client)]

    outcome = Outcome(collect())
    fetch.say(b"OK 0 more\n")
    assert "listing without an end" in str(outcome.error)


# TFTP


class TftpFetch:
    """A TFTP client that fetches ``hello`` from a server that a test plays."""

    TID = ("192.0.2.9", 50999)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reactor = Reactor()
        self.reactor.nameResolver = _Resolver()  # type: ignore[attr-defined]
        self.outcome = Outcome(self._get())

    async def _get(self) -> tuple[Fetched, Deferred[None]]:
        target = Target("tftp", "192.0.2.9", 7069)
        with LocalFile(str(self.folder / "hello")) as into:
            return await tftp.get(self.reactor, target, "hello", into, 5.0)

    def say(self, packet: Packet, peer: tuple[str, int] = TID) -> list[Packet]:
        """Let the server speak; return what it is answered."""
        port = self.reactor.ports[-1]
        port.take()
        port.protocol.datagramReceived(render(packet), peer)
        return [parse(datagram) for datagram in port.take()]

    @property
    def left(self) -> dict[str, bytes]:
        """What is in the folder."""
        return {each.name: each.read_bytes() for each in self.folder.iterdir()}


class _Resolver:
    """A name service that knows addresses only."""

    def resolveHostName(self, receiver: Any, hostName: str, portNumber: int) -> None:  # noqa: N803
        """Resolve at once."""
        from twisted.internet.address import IPv4Address

        receiver.addressResolved(IPv4Address("UDP", hostName, portNumber))
        receiver.resolutionComplete()


@pytest.fixture
def tftp_fetch(tmp_path: Path) -> TftpFetch:
    """Return a client that has asked."""
    return TftpFetch(tmp_path)


def test_a_file_comes_over_tftp(tftp_fetch: TftpFetch) -> None:
    """Options are proposed, and the last acknowledgement is repeated for a while."""
    port = tftp_fetch.reactor.ports[-1]
    options = {"blksize": "1428", "windowsize": "32", "tsize": "0"}
    assert [(parse(sent), to) for sent, to in port.sent] == [
        (Request("read", b"hello", "octet", options), ("192.0.2.9", 7069))
    ]
    assert tftp_fetch.say(OptionAck({"blksize": "1428", "tsize": "5"})) == [Ack(0)]
    assert tftp_fetch.say(Data(1, b"hello")) == [Ack(1)]
    fetched, left = tftp_fetch.outcome.result
    assert (fetched.size, fetched.sha256) == (5, SHA)
    assert tftp_fetch.left == {"hello": b"hello"}
    assert not left.called
    assert tftp_fetch.say(Data(1, b"hello")) == [Ack(1)]
    tftp_fetch.reactor.advance(5)
    assert left.called
    assert not port.open
    assert not tftp_fetch.reactor.getDelayedCalls()


def test_a_server_that_refuses_options_is_asked_without(tftp_fetch: TftpFetch) -> None:
    """From another port, so that nothing of the first try disturbs the second."""
    tftp_fetch.say(Error(Code.OPTION, "no options, please"))
    assert len(tftp_fetch.reactor.ports) == 2
    (asked,) = tftp_fetch.reactor.ports[1].sent
    assert parse(asked[0]) == Request("read", b"hello", "octet", {})
    tftp_fetch.say(Data(1, b"hello"))
    assert tftp_fetch.left == {"hello": b"hello"}
    tftp_fetch.reactor.advance(10)


@pytest.mark.parametrize(
    ("said", "error", "why"),
    [
        ([Error(1, "no such file")], ClientError, "'hello': no such file"),
        ([Error(0, "")], ClientError, "'hello': error 0"),
        ([OptionAck({"tsize": "5"}), Data(1, b"hell")], BadAnswerError, "5 bytes promised"),
        ([OptionAck({"tsize": "5"}), Data(1, b"helloo")], BadAnswerError, "5 bytes promised"),
        ([OptionAck({"blksize": "9999"})], BadAnswerError, "blksize=9999 not acceptable"),
        ([Data(1, b"x" * 512), Error(0, "file changed")], BadAnswerError, "file changed"),
        ([Data(1, b"x" * 600)], BadAnswerError, "block of 600 bytes"),
        ([OptionAck({"tsize": str(2**62)}), Data(1, b"x" * 512)], ClientError, "announced"),
    ],
)
def test_a_bad_answer_over_tftp_leaves_nothing_behind(
    tftp_fetch: TftpFetch, said: list[Packet], error: type[ClientError], why: str
) -> None:
    """And says in one line what was wrong."""
    for packet in said:
        tftp_fetch.say(packet)
    assert type(tftp_fetch.outcome.error) is error
    assert why in str(tftp_fetch.outcome.error)
    assert tftp_fetch.left == {}
    assert not tftp_fetch.reactor.getDelayedCalls()
    assert not tftp_fetch.reactor.ports[-1].open


def test_a_silent_tftp_server_is_given_up(tftp_fetch: TftpFetch) -> None:
    """UDP does not say whether it was lost or refused."""
    tftp_fetch.reactor.pump([0.1] * 51)
    assert isinstance(tftp_fetch.outcome.error, NoAnswerError)
    assert str(tftp_fetch.outcome.error) == "no answer in 5 s from 192.0.2.9:7069"
    assert tftp_fetch.left == {}


def test_strangers_do_not_disturb_a_fetch(tftp_fetch: TftpFetch) -> None:
    """Another port of the server gets ERROR 5, another host nothing, and neither is believed."""
    tftp_fetch.say(OptionAck({"tsize": "5"}))
    assert tftp_fetch.say(Data(1, b"wrong"), ("192.0.2.9", 1)) == [Error(5, "unknown transfer")]
    assert tftp_fetch.say(Error(0, "stop"), ("192.0.2.9", 1)) == []
    assert tftp_fetch.say(Data(1, b"wrong"), ("203.0.113.1", 50999)) == []
    tftp_fetch.say(Data(1, b"hello"))
    assert tftp_fetch.left == {"hello": b"hello"}
    tftp_fetch.reactor.advance(10)


def test_an_interrupted_tftp_get_tells_the_server(tftp_fetch: TftpFetch) -> None:
    """So that it need not find out by waiting."""
    tftp_fetch.say(Data(1, b"x" * 512))
    tftp_fetch.outcome.deferred.cancel()
    sent = tftp_fetch.reactor.ports[-1].take()
    assert parse(sent[-1]) == Error(0, "the client stopped")
    assert tftp_fetch.left == {}
    assert not tftp_fetch.reactor.getDelayedCalls()


def test_our_own_tftp_door_and_client_agree(root: Path, tmp_path: Path) -> None:
    """Over a wire that loses nothing; `test_tftp_core` has the others."""
    fetch = TftpFetch(tmp_path)
    fetch.outcome.deferred.cancel()
    reactor = fetch.reactor
    door = TftpDatagramProtocol(Folder(str(root)), reactor)
    ports = {7069: reactor.listenUDP(7069, door, "192.0.2.9")}

    async def get() -> Fetched:
        with LocalFile(str(tmp_path / "copy")) as into:
            fetched, _ = await tftp.get(reactor, Target("", "192.0.2.9", 7069), "large", into)
            return fetched

    outcome = Outcome(get())
    while True:
        for port in reactor.ports:
            ports[port.host.port] = port
        moving = [(port, each) for port in ports.values() for each in port.sent]
        for port in ports.values():
            port.take()
        if not moving:
            break
        for port, (datagram, (_, number)) in moving:
            if ports[number].open:
                ports[number].protocol.datagramReceived(datagram, ("192.0.2.9", port.host.port))
    assert outcome.result.sha256 == hashlib.sha256(NOISE).hexdigest()
    assert (tmp_path / "copy").read_bytes() == NOISE
    reactor.advance(10)
