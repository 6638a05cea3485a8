"""What a service is: a name, settings, and the doors it makes from them."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import Any, Literal

from twisted.application.service import IService
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import DatagramProtocol
from zope.interface import Attribute, Interface

from twisted_net.net.counters import Counters
from twisted_net.net.health import Health
from twisted_net.net.pages import Pages

Kind = Literal["stream", "datagram"]

#: What a door says that leaves a limit to the bench's own setting.
USUAL = 0.0


@dataclass(frozen=True, slots=True)
class Door:
    """One way into a service: where it listens and what answers there.

    :ivar name: ``echo-tcp``; its option is ``--echo-tcp``, and errors and counters name it so.
    :ivar endpoint: an endpoint string, ``tcp:7007`` or ``udp:7007``; the assembly adds the
        interface. Empty: the door stays closed.
    :ivar serve: a factory for a stream door, a datagram protocol for a datagram door.
    :ivar paste: a command line that uses the door, shown at the start; ``{host}``, ``{port}`` and
        ``{address}`` (both, as a URL wants them) are filled in. Empty: a plain ``nc``.
    :ivar first: seconds from the connection to the first message, however many single bytes come
        meanwhile; `USUAL`: as ``--first-message`` says. A message is there when the protocol has
        answered something that it received. None: for ever, for a protocol that never answers.
    :ivar keeps_first: whether the protocol sees to ``first`` itself, with words of its own.
    :ivar idle: seconds without a byte in either direction before a connection is closed; None:
        for ever.
    :ivar asks_certificate: whether clients are asked for a certificate of theirs where the door
        speaks TLS: any will do, or none, and the protocol finds it in its transport.
    :ivar busy: what a connection beyond the limits is told before it is closed.
    :ivar mutual: whether the peers of a datagram door speak from the port that they listen on,
        which may be that of one of our own doors; then only what comes from this very host and
        such a port is taken for our own.
    :ivar stands_on: Twisted services that run while the door is open: they start after all doors
        have been opened, and stop after all have been drained and closed. Several doors may stand
        on one.
    :ivar spreads: whether several processes may serve it at once (``--workers``): none of its
        peers ever sees what another did. Else one process serves it alone.
    """

    name: str
    kind: Kind
    endpoint: str
    serve: IProtocolFactory | DatagramProtocol
    paste: str = ""
    first: float | None = USUAL
    keeps_first: bool = False
    idle: float | None = 300.0
    asks_certificate: bool = False
    busy: bytes = b"ERR 503 BUSY: too many connections, try again later\n"
    spreads: bool = False
    mutual: bool = False
    stands_on: tuple[IService, ...] = ()


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a service may use of the world: handed in, never imported.

    :ivar reactor: a Twisted reactor, real or simulated.
    :ivar dice: all randomness; secrets come from it too, so in production it is a
        `random.SystemRandom`, and in tests a seeded `random.Random`.
    :ivar counters: what the doors did; a service counts its own drops in
        ``counters.door(name).drop(reason)``.
    :ivar pages: what a service has to show in a browser; the web door shows it.
    :ivar health: whether the server takes new work, and how all of it is measured.
    :ivar here: the doors that this process opens, where several share the work (``--workers``):
        what only one may have, a file say, belongs to the process whose door it is. None: it is
        the only process, and opens all.
    """

    reactor: Any
    dice: Random = field(default_factory=SystemRandom)
    counters: Counters = field(default_factory=Counters)
    pages: Pages = field(default_factory=Pages)
    health: Health = field(default_factory=Health)
    here: frozenset[str] | None = None

    def opens(self, door: str) -> bool:
        """Say whether a door is opened in this process, if it is opened at all."""
        return self.here is None or door in self.here


class INetService(Interface):
    """A service that ``twistd netdemo`` can run and ``netdemo`` can talk to.

    Found in `twisted_net.registry`, as a Twisted plug-in (an object in ``twisted/plugins`` that
    provides this and ``IPlugin``) or as an entry point of the group ``twisted_net.services``.
    """

    name: str = Attribute("One word, a-z; the prefix of its options.")
    summary: str = Attribute("One line for help texts.")
    settings: type[Any] = Attribute("A frozen dataclass made of ``setting()`` fields.")
    commands: Mapping[str, str] = Attribute(
        "Verb of ``netdemo`` -> 'module:object' of a click command; may be empty. Loaded by the"
        " command line only, so that ``twistd`` never imports click."
    )

    def doors(settings: Any, runtime: Runtime) -> list[Door]:
        """Make the doors, closed; the assembly opens them.

        :raises StartError: what the service stands on, a folder say, is not there.
        """


class IDrains(Interface):
    """A protocol that wants to finish something before the server stops.

    A connected protocol's end is its ``connectionLost``. One that does not provide this is told
    ``transport.loseConnection()``. Whoever takes longer than the grace period is cut.
    """

    def drain() -> Awaitable[object] | None:
        """Begin nothing new, finish what runs, then close; a datagram protocol may return when."""


class IBatches(Interface):
    """A datagram protocol that takes a batch in one call."""

    def datagramsReceived(
        datagrams: Sequence[bytes],
        senders: Sequence[tuple[str, int]],
        counts: Mapping[tuple[str, int], int],
    ) -> None:
        """Take datagrams in the order in which they came; raise nothing.

        :param senders: who sent each of them.
        :param counts: how many of them each sender has sent.
        """
