"""Bugs of file transfers."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.protocol import DatagramProtocol

from tests.simulated import fetching
from tests.simulated.bench import serving
from tests.simulated.bugs.planted import Planted
from tests.simulated.fetching import SIZES, Fetcher, shelf, whole_or_failed
from tests.simulated.scenarios import NARROW, Files
from twisted_net.files.client import FileClient
from twisted_net.files.codec import Get, parse_promise
from twisted_net.files.destination import Destination
from twisted_net.files.tftp.client import BLKSIZE, TftpClient
from twisted_net.files.tftp.codec import Data, parse, render
from twisted_net.files.tftp.core import Getter, Receiver, Sender
from twisted_net.net.errors import BadAnswerError
from twisted_net.testing import Link, SimNetwork

#: A link that loses so little that whoever repeats gets everything through.
LEAKY = Link(latency=0.02, loss=0.02)

#: A link that only doubles; and one that loses and delays as well.
DOUBLING = Link(latency=0.02, duplicate=0.05)
MIXED = Link(latency=0.02, loss=0.02, duplicate=0.05, reorder=0.05)

#: Packets beyond one for each block that a server may send on a link that loses nothing: its
#: answer to the request's options, and a repetition or two.
SPARE = 3


def _fetched(net: SimNetwork, **how: Any) -> None:
    Files(shelf(), **how)(net)


def _sparing(net: SimNetwork) -> None:
    """Packets that come twice do not make the server send everything twice."""
    bench = serving(net, files_root=str(shelf()))
    with TemporaryDirectory() as folder:
        fetcher = Fetcher(net.host("client"), Path(folder))
        net.run(fetcher.by_tftp("blocks"))
        whole_or_failed(fetcher.fetches)
    blocks = SIZES["blocks"] // BLKSIZE + 1
    sent = bench.counters.door("tftp").datagrams_sent
    assert sent <= blocks + SPARE, f"{sent} packets for {blocks} blocks"


def _tidy(net: SimNetwork) -> None:
    """Once a file has come, nothing is left of the fetch."""
    serving(net, files_root=str(shelf()))
    client = net.host("client")
    with TemporaryDirectory() as folder:
        net.run(Fetcher(client, Path(folder)).by_tftp("page"))
    assert not client.reactor.getDelayedCalls(), client.reactor.getDelayedCalls()


class _Stranger(DatagramProtocol):
    """Sends blocks of its own to a port that it has guessed."""

    noisy = False
    transport: Any

    def __init__(self, victim: str) -> None:
        self._victim = victim

    def send(self) -> None:
        """Send one of each number."""
        for number in range(1, 21):
            self.transport.write(render(Data(number, bytes(BLKSIZE))), (self._victim, 49152))


def _beside_a_stranger(net: SimNetwork) -> None:
    """Only what comes from the server is part of the file."""
    serving(net, files_root=str(shelf()))
    client, elsewhere = net.host("client"), net.host("elsewhere")
    stranger = _Stranger(client.ip)
    elsewhere.reactor.listenUDP(0, stranger)
    for tenth in range(10):
        net.at(tenth / 10, stranger.send)
    with TemporaryDirectory() as folder:
        fetcher = Fetcher(client, Path(folder))
        net.run(fetcher.by_tftp("blocks"))
        whole_or_failed(fetcher.fetches)
        assert fetcher.fetches[0].worked, fetcher.fetches[0].error


def _wait_for_ever(sender: Sender, now: float) -> list[bytes]:
    """Send nothing again."""
    sender.deadline = None
    return []


def _nothing(sender: Sender, now: float) -> list[bytes]:
    """Answer no repeated acknowledgement."""
    return []


def _any_block(receiver: Receiver, packet: Data, now: float, data: Any = Receiver._data) -> Any:
    """Take each block for the next one."""
    return data(receiver, Data(receiver._numbers.of(receiver._got + 1), packet.block), now)


def _one_more(sender: Sender, number: int, now: float, acked: Any = Sender.acked) -> Any:
    """Take an acknowledgement for one of the block behind."""
    return acked(sender, number + 1 if sender._acked else number, now)


def _apprentice(sender: Sender, now: float) -> Any:
    """Answer each repeated acknowledgement with the whole window (RFC 1123, 4.2.3.1)."""
    return sender._window()


def _from_anybody(client: TftpClient, datagram: bytes, addr: tuple[str, int]) -> None:
    """Take a packet, whoever sent it."""
    if addr[0] == client.server[0]:
        client._answers_from = addr
    client._send(client.machine.received(parse(datagram), client._reactor.seconds()))


def _forget(client: TftpClient) -> None:
    """Forget the timer instead of cancelling it."""
    client._timer = None


async def _until_closed(client: FileClient, name: str, into: Destination) -> None:
    """Take the end of the connection for the end of the file."""
    client.ask(Get(name.encode()))
    try:
        left = parse_promise(await client.line()).length
        while left:
            piece = await client.some(left)
            into.write(piece)
            left -= len(piece)
        await client.line()
    except BadAnswerError:
        pass
    into.keep()


BUGS = (
    Planted(
        "no retransmission of blocks",
        partial(_fetched, by_tftp=(("blocks",),), must_work=True),
        ((Sender, "wake", _wait_for_ever), (Sender, "_repeated_ack", _nothing)),
        {"link": LEAKY},
    ),
    Planted(
        "block numbers not looked at",
        partial(_fetched, by_tftp=(("book",),), must_work=True),
        ((Getter, "_data", _any_block),),
        {"link": DOUBLING},
    ),
    Planted(
        "block number off by one",
        partial(_fetched, by_tftp=(("blocks",),), must_work=True),
        ((Sender, "acked", _one_more),),
        {"link": MIXED},
    ),
    Planted(
        "sorcerer's apprentice",
        _sparing,
        ((Sender, "_repeated_ack", _apprentice),),
        {"link": DOUBLING},
    ),
    Planted(
        "wrong peer accepted",
        _beside_a_stranger,
        ((TftpClient, "datagramReceived", _from_anybody),),
        {"link": Link(latency=0.02)},
    ),
    Planted("timer forgotten after close", _tidy, ((TftpClient, "_cancel", _forget),)),
    Planted(
        "end of connection taken for end of file",
        partial(_fetched, by_line=(("book",),), disasters=("kill",)),
        ((fetching, "get", _until_closed),),
        {"link": NARROW},
    ),
)
