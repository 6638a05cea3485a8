"""Delivery: how an event reaches all who hear it, on this node.

It is rendered once for each way of writing it, however many hear it so. And what all in a room hear
is gathered once for all of them, and not for each: see `Audience`.
"""

from collections.abc import Iterable

from twisted_net.chat.codec.events import Event
from twisted_net.chat.core.here import Here, Neighbours
from twisted_net.chat.core.room import Delivery, Member
from twisted_net.chat.doors.outlet import Outlet, Profile, StreamOutlet
from twisted_net.chat.doors.turns import Listener, Turns


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
