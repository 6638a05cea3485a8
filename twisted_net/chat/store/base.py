"""What a history is: events under the conversation they were part of, read back in pages.

A *conversation* is a room, or two accounts that talk to each other; `of_room` and `of_pair` name
it. Of a private message both sides need an account: a name alone may be somebody else's tomorrow.
Who may read which conversation is the caller's to know.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred

from twisted_net.chat.codec.messages import Event, Kind
from twisted_net.chat.core.ident import folded

if TYPE_CHECKING:
    import sqlite3

#: Events in one answer; whoever wants more asks again from where the last one ended.
PAGE = 1000

#: What people said, in whatever way. One of these without a text is one that was taken out again.
SPOKEN = frozenset({Kind.SAID, Kind.TOLD, Kind.NOTICED, Kind.ACTED})

#: All that may be remembered: what concerns one conversation.
REMEMBERED = SPOKEN | {
    Kind.JOINED,
    Kind.PARTED,
    Kind.TOPIC,
    Kind.KICKED,
    Kind.MODED,
    Kind.REDACTED,
    Kind.ROOM_RENAMED,
}

#: Greater than every id.
NEVER = 1 << 63


def of_room(room: str) -> str:
    """Return the name of what is said in a room."""
    return folded(room)


def of_pair(account: str, other: str) -> str:
    """Return the name of what two accounts say to each other; no room's name has a space.

    >>> of_pair("red", "Blue") == of_pair("blue", "red")
    True
    """
    return " ".join(sorted((folded(account), folded(other))))


def other_of(pair: str, account: str) -> str:
    """Return the other account of what `of_pair` returned.

    >>> other_of("blue red", "red"), other_of("red red", "red")
    ('blue', 'red')
    """
    first, _, second = pair.partition(" ")
    return first if second == folded(account) else second


def talk_of(event: Event, account: str = "") -> str:
    """Return the conversation under which an event is remembered; empty: it is not to be.

    Not what only some in a room could hear, nor typing, nor what concerns no single conversation.

    :param account: of the member whom a private event addresses.
    """
    if event.kind not in REMEMBERED or event.only or not event.where:
        return ""
    if event.kind is Kind.ROOM_RENAMED:
        return of_room(event.text)
    if not event.private:
        return of_room(event.where)
    return of_pair(event.account, account) if event.account and account else ""


def moved_to(room: str, event: Event) -> Event:
    """Return what happened in a room as if the room had had this name; but not how it got it."""
    return event if event.kind is Kind.ROOM_RENAMED else replace(event, where=room)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a conversation, between two ids and without them.

    :ivar n: events at most.
    :ivar newest: whether these are the last ones of the span; else the first ones.
    """

    n: int
    after: int = 0
    before: int = NEVER
    newest: bool = True


class History(Protocol):
    """Events that were delivered, in the order of their ids.

    Every page has at most `PAGE` events, ascending, from the memory's own point of view: what was
    added is read back by whoever asks later. Only what was said, unless ``everything`` is wanted:
    who came and went, topics, modes.
    """

    @property
    def kept(self) -> str:
        """How long, as members are told: ``30d``; empty: for ever."""

    def add(self, of: str, event: Event) -> None:
        """Remember an event, whose id is greater than all before it."""

    def read(
        self, of: str, spans: Sequence[Span], everything: bool = False
    ) -> "Deferred[list[Event]]":
        """Return some spans of one conversation, one after the other."""

    def latest(
        self, of: str, n: int, after: int = 0, everything: bool = False
    ) -> "Deferred[list[Event]]":
        """Return the last events, but none up to ``after``."""
        return self.read(of, [Span(n, after)], everything)

    def before(self, of: str, id: int, n: int, everything: bool = False) -> "Deferred[list[Event]]":
        """Return the last events before one."""
        return self.read(of, [Span(n, before=id)], everything)

    def after(self, of: str, id: int, n: int, everything: bool = False) -> "Deferred[list[Event]]":
        """Return the first events after one."""
        return self.read(of, [Span(n, id, newest=False)], everything)

    def around(self, of: str, id: int, n: int, everything: bool = False) -> "Deferred[list[Event]]":
        """Return an event and what is before and after it."""
        earlier = n // 2
        spans = [Span(earlier, before=id), Span(n - earlier, id - 1, newest=False)]
        return self.read(of, spans, everything)

    def between(
        self,
        of: str,
        low: int,
        high: int,
        n: int,
        newest: bool = False,
        everything: bool = False,
    ) -> "Deferred[list[Event]]":
        """Return the first events between two, or the last ones."""
        return self.read(of, [Span(n, low, high, newest)], everything)

    def search(self, of: Sequence[str], words: str, n: int) -> "Deferred[list[Event]]":
        """Return the last events of some conversations that say these words, in any case.

        :param words: found as they stand, in the middle of a word too; nothing is found for none.
        """

    def talks(
        self, rooms: Sequence[str], account: str, after: int, before: int, n: int
    ) -> "Deferred[list[tuple[str, int]]]":
        """Return the conversations in which something was said between two ids.

        :param rooms: of these rooms, as `of_room` names them.
        :param account: and of all that this account has with others; empty: of none.
        :return: names and last ids, those that were longest silent first.
        """

    def find(self, of: str, id: int) -> "Deferred[Event | None]":
        """Return one event, if it is remembered."""

    def redact(self, of: str, id: int) -> None:
        """Take the text out of an event, whose place stays."""

    def rename_talk(self, of: str, room: str) -> None:
        """Let a room's conversation go on under the room's new name, which may have had its own.

        What was said before is from then on said to have been said there.

        :param room: the new name, as members see it.
        """

    def close_talk(self, of: str, closed: bool) -> None:
        """Note whether not everybody may read a conversation: it is not to outlive the server."""

    def forget_talk(self, of: str) -> None:
        """Forget a whole conversation."""

    def mark_read(self, account: str, of: str, id: int) -> "Deferred[int]":
        """Remember how far an account has read, which only grows; return how far that is.

        :param id: 0 only asks.
        """

    def stop(self) -> "Deferred[None]":
        """Write down what is not written yet; nothing may be asked any more."""


class File(Protocol):
    """The file of a history, for all else that is kept in it."""

    def write(self, work: "Callable[[sqlite3.Connection], object]") -> "Deferred[None]":
        """Do something to the file; return when it is done for good."""

    def later(self, work: "Callable[[sqlite3.Connection], object]") -> None:
        """Do something to the file; nobody waits for it."""

    def ask(self, work: "Callable[[sqlite3.Connection], Any]") -> "Deferred[Any]":
        """Read the file, after all that was written; fails with a `Refusal`."""
