"""Outlets: how what is heard reaches a member, at the price of one write a turn.

A burst of events makes one write for each member, not one for each event and member: an outlet
gathers what its member hears, and all outlets with something in them are flushed once, right
after the reads of the reactor's turn. An event is rendered once for each way of writing it. And
what all in a room hear is gathered once for all of them: see `Audience`.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from twisted_net.chat.codec.events import Event, Kind
from twisted_net.chat.core.here import Here, Neighbours
from twisted_net.chat.core.room import Delivery, Member
from twisted_net.chat.doors.turns import Listener, Turns
from twisted_net.net.fast.streams import FastStream
from twisted_net.net.transports import IStreamTransport

__all__ = ["QUEUE", "Outlet", "Profile", "StreamOutlet", "Turns", "deliver"]

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
        renderings, to = _Renderings(delivery.event), delivery.to
        together = to.here if isinstance(to, Neighbours) else to
        audience = _audience(together) if isinstance(together, Here) else None
        if audience is None:
            _deliver_to_each(to, delivery, renderings)
            continue
        audience.hear(delivery, renderings)
        if isinstance(to, Neighbours):
            _deliver_to_each(to.others, delivery, renderings)


def _deliver_to_each(
    members: Iterable[Member[Outlet]], delivery: Delivery[Outlet], renderings: _Renderings
) -> None:
    event, by = delivery.event, delivery.by
    # Most in a room hear in the same way: whoever comes next mostly needs no looking up.
    profile, rendered = None, b""
    for member in members:
        outlet = member.outlet
        if outlet is None or (member is by and event.kind not in outlet.profile.echoes):
            continue
        if outlet.profile is not profile:
            profile = outlet.profile
            rendered = renderings[profile]
        if rendered:
            outlet.add(rendered)


class Audience:
    """Those in a room, worked out for being told together, and not for each event anew.

    It holds as long as nobody hears in another way; who comes is added, and who goes taken out.

    :ivar version: of the room (`Here.version`).
    """

    def __init__(self, to: Here[Member[Outlet]]) -> None:
        self.version = to.version
        self._count = 0
        self._together: dict[tuple[Turns, Profile], dict[Listener, None]] = {}
        self._others: dict[Member[Outlet], None] = {}
        self._changes: dict[Turns, int] = {}
        self._grow(to)

    def follow(self, to: Here[Member[Outlet]]) -> bool:
        """Be those who are in the room now; say whether that could be done."""
        if any(turns.changes != count for turns, count in self._changes.items()):
            return False
        if to.version != self.version:
            gone = to.past.left_since(self.version, to.version)
            if gone is None:
                return False
            for member in gone:
                self._lose(member)
            self._grow(to)
            self.version = to.version
            to.past.forget(to.version)
        return True

    def _grow(self, to: Here[Member[Outlet]]) -> None:
        """Add who has come: they are the last ones."""
        for member in to[self._count :]:
            outlet = member.outlet
            if not isinstance(outlet, StreamOutlet):
                self._others[member] = None
                continue
            outlet.heeded = True
            turns = outlet.turns
            self._changes.setdefault(turns, turns.changes)
            turns.enter(self._together.setdefault((turns, outlet.profile), {}), outlet)
        self._count = len(to)

    def _lose(self, member: Member[Outlet]) -> None:
        """Take out who has gone, unless they came after all who are known."""
        outlet = member.outlet
        if member in self._others:
            del self._others[member]
            self._count -= 1
        elif isinstance(outlet, StreamOutlet):
            way = outlet.turns, outlet.profile
            listeners = self._together.get(way, {})
            if outlet in listeners:
                outlet.turns.leave(listeners, outlet)
                self._count -= 1
            if not listeners:
                self._together.pop(way, None)

    def hear(self, delivery: Delivery[Outlet], renderings: _Renderings) -> None:
        """Let all of them hear an event, in their ways."""
        by = None if delivery.by is None else delivery.by.outlet
        echoes = by is None or delivery.event.kind in by.profile.echoes
        but = None if echoes or not isinstance(by, StreamOutlet) else by
        for (turns, profile), listeners in self._together.items():
            apart = but if but and but in listeners else None
            if apart and len(listeners) == 1:
                continue  # what nobody hears is not written: who waits for an answer would get it
            line = renderings[profile]
            if line:
                turns.tell(listeners, line, apart)
        if self._others:
            _deliver_to_each(self._others, delivery, renderings)


#: Delivered to once: for those who are delivered to again, an audience is worth its work.
_ONCE = object()


def _audience(to: Here[Member[Outlet]]) -> Audience | None:
    """Return those in a room as an audience; None: they are to be told one by one."""
    prepared = to.prepared
    if isinstance(prepared, Audience):
        if to.version < prepared.version:
            return None  # who was there before the last one came or went
        if prepared.follow(to):
            return prepared
        prepared = None
    if prepared is None:
        to.prepared = _ONCE
        return None
    to.prepared = audience = Audience(to)
    return audience
