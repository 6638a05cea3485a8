"""Outlets: how what is heard reaches a member, at the price of one write a turn.

A burst of events makes one write for each member, not one for each event and member: an outlet
gathers what its member hears, and all outlets with something in them are flushed once, right
after the reads of the reactor's turn. An event is rendered once for each way of writing it. And
what all in a room hear is gathered once for all of them: see `Audience`.
"""

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.doors.turns import Turns
from twisted_net.net.fast.streams import FastStream
from twisted_net.net.transports import IStreamTransport

#: Bytes that may wait for one member: a second of a very busy room.
QUEUE = 262144


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
    :ivar profile: changed by `write_as` alone.
    :ivar turns: when it is flushed.
    :ivar size: bytes that wait to be written.
    :ivar write: writes at once, even if something waits.
    :ivar heeded: whether somebody has worked out with whom it hears, by its profile.
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
        self.size = 0
        self.paused = False
        # What a whole turn has gathered leaves at once, where the transport can.
        now = transport.write_now if isinstance(transport, FastStream) else transport.write
        self.write: Callable[[bytes], None] = now
        self.turns = turns
        self.profile = profile
        self.heeded = False
        self.expel = expel
        self._limit = limit
        self._overflowed = overflowed
        self._drained = drained
        self._waiting: list[bytes] = []
        self._closed = False

    def write_as(self, profile: Profile) -> None:
        """Hear events in this way from now on."""
        if profile is not self.profile:
            self.profile = profile
            if self.heeded:
                self.turns.changes += 1

    def add(self, message: bytes) -> None:
        """Take a line."""
        if self.turns.speech is not None:
            self.queue(self.turns.owed(self))
        self.queue(message)

    def queue(self, message: bytes) -> None:
        """Take a line, or nothing, though there may be something else that is to be heard first."""
        if self._closed or not message:
            return
        waiting = self._waiting
        if not waiting and not self.paused:
            self.turns.soon(self.flush)
        waiting.append(message)
        self.size += len(message)
        if self.size > self._limit:
            self._make_room()

    def flush(self) -> None:
        """Write all that waits, in one piece."""
        if self._waiting and not self.paused:
            self.write(self._emptied())

    def take(self) -> bytes:
        """Return all that waits, and take nothing any more."""
        if self._closed:
            return b""
        owed = self.turns.owed(self)
        self._closed = True
        self.write = _nowhere
        return self._emptied() + owed

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
        waiting, self._waiting, self.size = self._waiting, [], 0
        return waiting[0] if len(waiting) == 1 else b"".join(waiting)

    def _make_room(self) -> None:
        # A burst within one turn is no slow reader: the transport may still take it all.
        self.flush()
        if self._waiting:
            self.take()
            # Later, for a member must not leave in the middle of a delivery: those after it
            # would hear of that before they hear the event itself.
            self.turns.soon(self._overflowed)


def _nowhere(data: bytes) -> None:
    """Write nothing: nobody is there any more."""
