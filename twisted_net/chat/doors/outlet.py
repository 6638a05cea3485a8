"""Outlets: how what is heard reaches a member, at the price of one write a turn.

A burst of events makes one write for each member, not one for each event and member: an outlet
gathers what its member hears, and all outlets with something in them are flushed once, right
after the reads of the reactor's turn. And an event is rendered once for each way of writing it.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.interfaces import IDelayedCall, IPushProducer
from zope.interface import implementer

from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.core.hub import Delivery
from twisted_net.net.fast.streams import FastStream
from twisted_net.net.transports import IStreamTransport

#: Bytes that may wait for one member: a second of a very busy room.
QUEUE = 262144

#: Outlets flushed in one turn of the reactor; more of them would hold up every other door.
FLUSHES_A_TURN = 1000


class Profile(Protocol):
    """One way of writing events; outlets that write alike share one object."""

    @property
    def echoes(self) -> frozenset[Kind]:
        """What members hear of their own doing."""

    def render(self, event: Event) -> bytes:
        """Write an event; nothing: it is not heard on this door."""


class Outlet(Protocol):
    """Where one member hears."""

    @property
    def profile(self) -> Profile:
        """How what is heard is written."""

    def add(self, message: bytes) -> None:
        """Take something to be heard, as the profile wrote it; it is sent soon, in this order."""


class _Renderings(dict[Profile, bytes]):
    """One event, written at most once in each of the room's ways."""

    def __init__(self, event: Event) -> None:
        super().__init__()
        self._event = event

    def __missing__(self, profile: Profile) -> bytes:
        rendered = self[profile] = profile.render(self._event)
        return rendered


def deliver(deliveries: Iterable[Delivery[Outlet]]) -> None:
    """Put events into the outlets of all who hear them."""
    for delivery in deliveries:
        event, by = delivery.event, delivery.by
        renderings = _Renderings(event)
        # Most in a room hear in the same way: whoever comes next mostly needs no looking up.
        profile, rendered = None, b""
        for member in delivery.to:
            outlet = member.outlet
            if outlet is None or (member is by and event.kind not in outlet.profile.echoes):
                continue
            if outlet.profile is not profile:
                profile = outlet.profile
                rendered = renderings[profile]
            if rendered:
                outlet.add(rendered)


class Turns:
    """Call things once, right after this turn of the reactor: one timer for all of them.

    :param most: things that are called in one turn; 0: as many as outlets are flushed.
    """

    def __init__(self, reactor: Any, most: int = 0) -> None:
        self._reactor = reactor
        self._most = most
        self._waiting: list[Callable[[], None]] = []
        self._call: IDelayedCall | None = None

    def soon(self, flush: Callable[[], None]) -> None:
        """Call ``flush`` after this turn."""
        self._waiting.append(flush)
        if self._call is None:
            self._call = self._reactor.callLater(0, self._turn)

    def stop(self) -> None:
        """Call nothing any more."""
        self._waiting = []
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _turn(self) -> None:
        most = self._most or FLUSHES_A_TURN
        flushes, self._waiting = self._waiting[:most], self._waiting[most:]
        more = bool(self._waiting)
        self._call = self._reactor.callLater(0, self._turn) if more else None
        for flush in flushes:
            flush()


@implementer(IPushProducer)
class StreamOutlet:
    """The outlet of a member on a stream, and the push producer of its transport.

    While the peer does not read, what it should hear waits here, up to ``limit`` bytes; the door
    stops reading from it as soon as it says something. Not before: under TLS the transport pauses
    its producer for the handshake too, and whoever stopped reading then would never see its end.

    :param overflowed: called once, in a later turn, when more had to wait than may; what waited
        is gone by then, and nothing more is taken.
    :param drained: called whenever the peer reads again.
    :param expel: called with the reason, when the member must go.
    :ivar paused: whether the peer does not read.
    """

    def __init__(
        self,
        transport: IStreamTransport,
        turns: Turns,
        profile: Profile,
        limit: int,
        overflowed: Callable[[], None],
        drained: Callable[[], None],
        expel: Callable[[str], None],
    ) -> None:
        self.profile = profile
        self.paused = False
        self.expel = expel
        # What a whole turn has gathered leaves at once, where the transport can.
        self._write = transport.write_now if isinstance(transport, FastStream) else transport.write
        self._turns = turns
        self._limit = limit
        self._overflowed = overflowed
        self._drained = drained
        self._waiting: list[bytes] = []
        self._size = 0
        self._closed = False

    def add(self, message: bytes) -> None:
        """Take a line."""
        if self._closed:
            return
        waiting = self._waiting
        if not waiting and not self.paused:
            self._turns.soon(self.flush)
        waiting.append(message)
        self._size += len(message)
        if self._size > self._limit:
            self._make_room()

    def flush(self) -> None:
        """Write all that waits, in one piece."""
        if self._waiting and not self.paused:
            self._write(self._emptied())

    def take(self) -> bytes:
        """Return all that waits, and take nothing any more."""
        self._closed = True
        return self._emptied()

    def pauseProducing(self) -> None:
        """Keep what is to be heard."""
        self.paused = True

    def resumeProducing(self) -> None:
        """Go on."""
        self.paused = False
        self.flush()
        if not self.paused:
            self._drained()

    def stopProducing(self) -> None:
        """Forget what waits: the connection is gone."""
        self.take()

    def _emptied(self) -> bytes:
        waiting, self._waiting, self._size = self._waiting, [], 0
        return b"".join(waiting)

    def _make_room(self) -> None:
        # A burst within one turn is no slow reader: the transport may still take it all.
        self.flush()
        if self._waiting:
            self.take()
            # Later, for a member must not leave in the middle of a delivery: those after it
            # would hear of that before they hear the event itself.
            self._turns.soon(self._overflowed)
