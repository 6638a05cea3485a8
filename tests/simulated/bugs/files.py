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
from twisted_net.files.tftp.codec import Ack, Data, Packet, parse, render
from twisted_net.files.tftp.core import Receiver, Sender
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


def _any_block(receiver: Receiver, packet: Data, now: float, block: Any = Receiver._block) -> Any:
    """Take each block for the next one."""
    return block(receiver, Data((receiver._number + 1) % 65536, packet.block), now)


def _one_less(sender: Sender, packet: Packet, now: float) -> list[bytes]:
    """Take the acknowledgement of the block before for one of this block."""
    if isinstance(packet, Ack) and not sender.over and sender._number - packet.number in (0, 1):
        return sender._acknowledged(now)
    return []


def _apprentice(sender: Sender, packet: Packet, now: float, received: Any = Sender.received) -> Any:
    """Answer each repeated acknowledgement with the block in the air (RFC 1123, 4.2.3.1)."""
    if isinstance(packet, Ack) and packet.number == sender._number - 1 and not sender.over:
        return [sender._in_air]
    return received(sender, packet, now)


def _from_anybody(client: TftpClient, datagram: bytes, addr: tuple[str, int]) -> None:
    """Take a packet, whoever sent it."""
    if addr[0] == client.server[0]:
        client._answers_from = addr
    client._send(client.receiver.received(parse(datagram), client._reactor.seconds()))


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
        ((Sender, "wake", _wait_for_ever),),
        {"link": LEAKY},
    ),
    Planted(
        "block numbers not looked at",
        partial(_fetched, by_tftp=(("blocks",),), must_work=True),
        ((Receiver, "_block", _any_block),),
        {"link": DOUBLING},
    ),
    Planted(
        "block number off by one",
        partial(_fetched, by_tftp=(("blocks",),), must_work=True),
        ((Sender, "received", _one_less),),
        {"link": MIXED},
    ),
    Planted(
        "sorcerer's apprentice",
        _sparing,
        ((Sender, "received", _apprentice),),
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
