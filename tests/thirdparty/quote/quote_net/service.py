"""Quote of the day over TCP and UDP (RFC 865)."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from twisted.internet.interfaces import IAddress, IUDPTransport
from twisted.internet.protocol import DatagramProtocol, Factory
from twisted.plugin import IPlugin
from zope.interface import implementer

from twisted_net.net import endpoints
from twisted_net.net.counters import DoorCounters
from twisted_net.net.service import Door, INetService, Runtime
from twisted_net.net.settings import setting
from twisted_net.net.transports import Stream

QUOTES = (
    "A stream has no messages.",
    "Half a connection is better than none.",
    "What is not counted was not dropped; it was lost.",
)


class QuoteProtocol(Stream):
    """Say one quote and hang up."""

    def __init__(self, quote: bytes) -> None:
        self._quote = quote

    def connectionMade(self) -> None:
        """Speak first; what the client sends does not matter."""
        super().connectionMade()
        self.hang_up(self._quote)


class QuoteFactory(Factory):
    """Give each connection a quote of its own."""

    noisy = False

    def __init__(self, quotes: Sequence[bytes], dice: Random) -> None:
        self._quotes = quotes
        self._dice = dice

    def buildProtocol(self, addr: IAddress | None) -> QuoteProtocol:
        """Make the protocol of one connection."""
        return QuoteProtocol(self._dice.choice(self._quotes))


class QuoteDatagramProtocol(DatagramProtocol):
    """Answer a datagram with a quote that is no longer than the datagram was.

    A sender's address proves nothing: whoever got more than they sent could aim us at others.
    """

    noisy = False
    transport: IUDPTransport

    def __init__(self, quotes: Sequence[bytes], dice: Random, counters: DoorCounters) -> None:
        self._quotes = quotes
        self._dice = dice
        self._counters = counters

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        """Answer one datagram, or count why not."""
        fitting = [quote for quote in self._quotes if len(quote) <= len(datagram)]
        if fitting:
            self.transport.write(self._dice.choice(fitting), addr)
        else:
            self._counters.drop("question_too_short")


@dataclass(frozen=True, slots=True)
class QuoteSettings:
    """How to run quote."""

    tcp: str = setting(
        "tcp:7017", "Quotes over TCP are given here; empty closes it.", endpoints.reading("stream")
    )
    udp: str = setting(
        "udp:7017",
        "Quotes over UDP are given here; empty closes it.",
        endpoints.reading("datagram"),
    )
    text: str = setting("", "The only quote to give; empty chooses from a list.")


@implementer(IPlugin, INetService)
class QuoteService:
    """The service that netdemo finds."""

    name = "quote"
    summary = "RFC 865 quote of the day over TCP and UDP"
    settings = QuoteSettings
    commands: ClassVar[dict[str, str]] = {}

    def doors(self, settings: QuoteSettings, runtime: Runtime) -> list[Door]:
        """Make a stream door and a datagram door with the same quotes."""
        texts = (settings.text,) if settings.text else QUOTES
        quotes = [f"{text}\r\n".encode() for text in texts]
        counters = runtime.counters.door("quote-udp")
        return [
            Door("quote-tcp", "stream", settings.tcp, QuoteFactory(quotes, runtime.dice)),
            Door(
                "quote-udp",
                "datagram",
                settings.udp,
                QuoteDatagramProtocol(quotes, runtime.dice, counters),
            ),
        ]


quote = QuoteService()
