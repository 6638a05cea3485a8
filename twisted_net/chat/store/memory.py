"""A history in memory: bounded in each room and in all, the oldest out first."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from twisted.internet.defer import Deferred, succeed

from twisted_net.chat.codec.messages import Event
from twisted_net.chat.core.ident import folded
from twisted_net.chat.store.base import PAGE, SPOKEN, History, Span, moved_to, of_room

#: Events of one conversation.
EACH = 500

#: Bytes of all events, as near as `cost` comes.
ALL = 32 << 20

#: Read marks that are remembered, of all accounts; the longest unchanged is forgotten first.
MARKS = 10_000

#: Bytes of an event beside its text: the object, its numbers, its places in two tables.
_OVERHEAD = 500


def cost(event: Event) -> int:
    """Return about how many bytes an event takes."""
    return _OVERHEAD + 4 * len(event.text)


class MemoryHistory(History):
    """What was said since the server started.

    :param seconds: tells the time since 1970.
    :param keep: seconds after which an event is forgotten; None: never for its age.
    :param kept: how that is said.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        keep: float | None = None,
        kept: str = "",
        each: int = EACH,
        room: int = ALL,
    ) -> None:
        self._seconds = seconds
        self._keep = keep
        self._kept = kept
        self._each = each
        self._room = room
        self._size = 0
        self._events: OrderedDict[int, tuple[str, Event]] = OrderedDict()
        self._talks: dict[str, deque[int]] = {}
        self._marks: OrderedDict[tuple[str, str], int] = OrderedDict()

    @property
    def kept(self) -> str:
        """How long, as members are told."""
        return self._kept

    @property
    def size(self) -> int:
        """Bytes that the events take, as near as `cost` comes."""
        return self._size

    def add(self, of: str, event: Event) -> None:
        """Remember an event, and forget the oldest where there are too many."""
        if event.id in self._events:
            return  # another node has told of it already
        talk = self._talks.setdefault(of, deque())
        if len(talk) >= self._each:
            self._forget(talk[0])
        talk.append(event.id)
        self._talks[of] = talk  # forgetting its last event has forgotten it too
        self._events[event.id] = (of, event)
        self._size += cost(event)
        while self._size > self._room:
            self._forget(next(iter(self._events)))
        self._expire()

    def read(
        self, of: str, spans: Sequence[Span], everything: bool = False
    ) -> "Deferred[list[Event]]":
        """Return some spans of one conversation, one after the other."""
        self._expire()
        ids = self._talks.get(of, ())
        events = [self._events[id][1] for id in ids]
        wanted = [each for each in events if everything or each.kind in SPOKEN]
        return succeed([each for span in spans for each in _within(wanted, span)])

    def search(self, of: Sequence[str], words: str, n: int) -> "Deferred[list[Event]]":
        """Return the last events of some conversations that say these words."""
        self._expire()
        wanted = words.casefold()
        found = sorted(
            (
                event
                for talk in dict.fromkeys(of)
                for event in self._of(talk)
                if wanted and event.kind in SPOKEN and wanted in event.text.casefold()
            ),
            key=lambda event: event.id,
        )
        return succeed(_last(found, n))

    def talks(
        self, rooms: Sequence[str], account: str, after: int, before: int, n: int
    ) -> "Deferred[list[tuple[str, int]]]":
        """Return the conversations in which something was said between two ids."""
        self._expire()
        pairs = [of for of in self._talks if " " in of and folded(account) in of.split(" ")]
        last = []
        for of in dict.fromkeys((*rooms, *pairs)):
            spoken = (each.id for each in self._of(of) if each.kind in SPOKEN)
            newest = max((id for id in spoken if after < id < before), default=0)
            if newest:
                last.append((of, newest))
        return succeed(sorted(last, key=lambda each: each[1])[: min(n, PAGE)])

    def find(self, of: str, id: int) -> "Deferred[Event | None]":
        """Return one event, if it is remembered."""
        self._expire()
        where, event = self._events.get(id, ("", None))
        return succeed(event if where == of else None)

    def redact(self, of: str, id: int) -> None:
        """Take the text out of an event, whose place stays."""
        where, event = self._events.get(id, ("", None))
        if event is not None and where == of:
            self._replace(of, event)

    def rename_talk(self, of: str, room: str) -> None:
        """Let a room's conversation go on under the room's new name."""
        to = of_room(room)
        for account, talk in [key for key in self._marks if key[1] == of and of != to]:
            self._mark(account, to, self._marks.pop((account, talk)))
        moved = sorted((*self._talks.pop(of, ()), *self._talks.get(to, ())))
        if moved:
            self._talks[to] = deque(moved)
        for id in moved:
            self._events[id] = (to, moved_to(room, self._events[id][1]))
        for id in moved[: max(0, len(moved) - self._each)]:
            self._forget(id)

    def close_talk(self, of: str, closed: bool) -> None:
        """Do nothing: nothing here outlives the server."""

    def forget_talk(self, of: str) -> None:
        """Forget a whole conversation."""
        for id in list(self._talks.get(of, ())):
            self._forget(id)

    def mark_read(self, account: str, of: str, id: int) -> "Deferred[int]":
        """Remember how far an account has read, which only grows."""
        return succeed(self._mark(folded(account), of, id))

    def stop(self) -> "Deferred[None]":
        """Do nothing: there is nowhere to write to."""
        return succeed(None)

    def _mark(self, account: str, of: str, id: int) -> int:
        key = (account, of)
        known = self._marks.get(key, 0)
        if id > known:
            self._marks[key] = known = id
            self._marks.move_to_end(key)
            if len(self._marks) > MARKS:
                self._marks.popitem(last=False)
        return known

    def _of(self, talk: str) -> Iterable[Event]:
        return [self._events[id][1] for id in self._talks.get(talk, ())]

    def _replace(self, of: str, event: Event) -> None:
        emptied = replace(event, text="", tags=())
        self._size += cost(emptied) - cost(event)
        self._events[event.id] = (of, emptied)

    def _forget(self, id: int) -> None:
        of, event = self._events.pop(id)
        self._size -= cost(event)
        talk = self._talks[of]
        talk.remove(id)
        if not talk:
            del self._talks[of]

    def _expire(self) -> None:
        if self._keep is None:
            return
        oldest = int((self._seconds() - self._keep) * 1000) << 16
        while self._events and (id := next(iter(self._events))) < oldest:
            self._forget(id)


def _within(events: Sequence[Event], span: Span) -> list[Event]:
    inside = [each for each in events if span.after < each.id < span.before]
    return _last(inside, span.n) if span.newest else inside[: min(span.n, PAGE)]


def _last(events: list[Event], n: int) -> list[Event]:
    return events[max(0, len(events) - min(n, PAGE)) :]
