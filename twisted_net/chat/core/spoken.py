"""What is said: who hears it, and who may take it back."""

from typing import Generic

from twisted_net.chat.codec.events import Event, Kind, read_id, seconds_of
from twisted_net.chat.core.books import Books
from twisted_net.chat.core.conditions import told_to
from twisted_net.chat.core.permission import refuse_all_but_operators, refuse_speech
from twisted_net.chat.core.room import Member, O, Role, Room

#: Messages of a room whose authors are remembered, for they may take them back.
AUTHORS = 100

#: Private messages whose authors are remembered for the same, of all members.
TOLD = 1000

#: Slow mode: senders from outside a room who are remembered.
_STRANGERS = 100

_SIGNS = {"": Role.NONE, "+": Role.VOICE, "@": Role.OPERATOR}


class Spoken(Generic[O]):
    """Applies events of what is said to the books; see `Changes`."""

    def __init__(self, books: Books[O]) -> None:
        self._books = books

    def said(self, event: Event, member: Member[O]) -> tuple[Member[O], ...]:
        """Say something to a room or to one member; remember whose it was."""
        if event.private:
            other = self._books.find(event.where)
            if event.kind is not Kind.TAGGED:
                told = self._books.told
                told[event.id] = (member.key, other.key)
                if len(told) > TOLD:
                    del told[next(iter(told))]
            return _both(member, other)
        room = self._books.room(event.where, member)
        if event.kind is Kind.TAGGED:
            refuse_speech(room, member, "", float("inf"))
        else:
            refuse_speech(room, member, event.text, seconds_of(event.id))
            _remember(room, event)
        if not event.only:
            return room.here if member in room.members else with_stranger(room.here, member)
        return room.ranked(_SIGNS.get(event.only, Role.OPERATOR), also=member)

    def taken_back(self, event: Event, member: Member[O]) -> tuple[Member[O], ...]:
        """Take something back that was said."""
        number = read_id(event.other) or 0
        if event.private:
            other = told_to(self._books, member, event.where, number)
            del self._books.told[number]
            return _both(member, other)
        room = self._books.inside(member, event.where)
        if room.authors.get(number) != member.key:
            refuse_all_but_operators(room, member)
        room.authors.pop(number, None)
        return room.here


def _both(one: Member[O], other: Member[O]) -> tuple[Member[O], ...]:
    """Return who hears on this node what one says to another."""
    both = (other,) if other is one else (other, one)
    return tuple(each for each in both if each.outlet is not None)


def with_stranger(here: tuple[Member[O], ...], stranger: Member[O]) -> tuple[Member[O], ...]:
    """Add who speaks into a room from outside: their door may want to show them what they said."""
    return here if stranger.outlet is None else (*here, stranger)


def _remember(room: Room[O], event: Event) -> None:
    room.authors[event.id] = event.by
    if len(room.authors) > AUTHORS:
        del room.authors[next(iter(room.authors))]
    if room.slow:
        room.spoken.pop(event.by, None)
        room.spoken[event.by] = event.id
        if len(room.spoken) > len(room.members) + _STRANGERS:
            del room.spoken[next(iter(room.spoken))]
