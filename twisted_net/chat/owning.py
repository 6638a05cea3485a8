"""Rooms that are kept, from the hub into a file and back: what makes a room a room for its owners.

What there is goes by events, as all else in the hub: a room that was written down comes back as
one, so that every node has it, and one in which nobody was for long ends by one. What nodes do not
agree on is what their files say: where the chat keeps a room already, the chat is right, and the
file is written anew.
"""

from collections.abc import Callable, Iterable
from typing import Generic, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_net.chat.codec.events import Event, Kind, seconds_of
from twisted_net.chat.core import kept
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.room import O, Room

#: Seconds after which a room ends in which nobody was.
EMPTY = 90 * 86400.0

#: Seconds between two looks for such rooms.
LOOK = 3600.0

_INSIDE = frozenset({
    Kind.JOINED, Kind.PARTED, Kind.KICKED, Kind.TOPIC, Kind.MODED, Kind.DESCRIBED,
    Kind.ROOM_RENAMED, Kind.KEPT,
})  # fmt: skip


class Keeper(Protocol):
    """Writes rooms down."""

    def put(self, key: str, founder: str, record: str) -> "Deferred[None]":
        """Write a room down; return when that is done for good."""

    def drop(self, key: str) -> "Deferred[None]":
        """Forget a room; return when that is done for good."""


class Owning(Generic[O]):
    """Keeps the rooms of one hub.

    :param publish: lets something happen that is of nobody.
    :param seconds: tells the time since 1970.
    :param keeper: None: rooms are kept as long as the chat is.
    :param records: of the rooms that were kept before.
    """

    log = Logger()

    def __init__(
        self,
        hub: Hub[O],
        publish: Callable[[Event], None],
        seconds: Callable[[], float],
        keeper: Keeper | None = None,
        records: Iterable[str] = (),
    ) -> None:
        self._hub = hub
        self._publish = publish
        self._seconds = seconds
        self._keeper = keeper
        self._records: dict[str, str] = {}
        self._unwritten: set[str] = set()
        self._trying = 0
        self._node: str | None = None
        self._looked = 0.0
        for text in records:
            room = self._read(text)
            if room is not None:
                self._records[folded(room.name)] = text

    def begin(self) -> None:
        """Begin, or begin anew after a pause: let all rooms be there, and the file be right."""
        self._node = self._hub.node
        now = self._seconds()
        coming: set[str] = set()
        there = {(room.founder, room.created) for room in self._hub.rooms() if room.founder}
        for key, text in list(self._records.items()):
            room, here = self._read(text), self._room(key)
            if room is None or (here is not None and here.founder):
                continue  # it has gone on without us
            if (room.founder, room.created) in there or 0 < room.left < now - EMPTY:
                continue  # under another name; or nobody has come for long
            room.left = room.left or now  # somebody was in it when the server died
            self._publish(Event(0, Kind.KEPT, room.name, "", kept.written(room)))
            coming.add(key)
        for key in [*self._records, *(folded(room.name) for room in self._hub.rooms())]:
            if key not in coming:
                self._update(key)

    def happened(self, event: Event) -> None:
        """Write down what an event that was applied has changed."""
        if self._node != self._hub.node:
            return  # the past is told first, and nothing of that is news
        if event.kind in _INSIDE and not event.private:
            self._update(folded(event.where))
            if event.kind is Kind.ROOM_RENAMED:
                self._update(folded(event.text))
        elif event.kind is Kind.LEFT:
            for key in list(self._records):
                room = self._room(key)
                if room is not None and room.left == seconds_of(event.id):
                    self._update(key)
        if self._unwritten and not self._trying:
            again, self._unwritten = self._unwritten, set()
            for key in again:
                self._write(key)
        if abs(self._seconds() - self._looked) > LOOK:
            self._end_empty()

    def _end_empty(self) -> None:
        self._looked = now = self._seconds()
        for room in self._hub.rooms():
            if room.founder and not room.members and now - room.left > EMPTY:
                self._publish(Event(0, Kind.KEPT, room.name, ""))

    def _update(self, key: str) -> None:
        room = self._room(key)
        text = kept.written(room) if room is not None and room.founder else ""
        if text == self._records.get(key, ""):
            return
        if text:
            self._records[key] = text
        else:
            del self._records[key]
        self._write(key)

    def _write(self, key: str) -> None:
        if self._keeper is None:
            return
        room = self._room(key)
        if key in self._records and room is not None:
            writing = self._keeper.put(key, room.founder, self._records[key])
        else:
            writing = self._keeper.drop(key)
        self._trying += 1
        writing.addCallbacks(lambda _: self._tried(), self._not_written, errbackArgs=(key,))

    def _tried(self) -> None:
        self._trying -= 1

    def _not_written(self, failure: Failure, key: str) -> None:
        """Remember to try again when something happens; why it failed, the writer has said."""
        self._trying -= 1
        self._unwritten.add(key)

    def _room(self, key: str) -> Room[O] | None:
        return self._hub.known_room(key)

    def _read(self, text: str) -> Room[O] | None:
        try:
            return kept.read(text)
        except ValueError as error:
            self.log.error("a room that was kept cannot be read: {why}", why=str(error))
            return None
