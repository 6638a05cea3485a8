"""From events to the state: what each event changes, and who hears it.

What happens here depends on nothing but the events applied so far, so that all nodes agree. An
event whose sender may no longer do it changes nothing, and is refused.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Generic

from twisted_net.chat.codec.events import Event, Kind, seconds_of
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.core import bans, kept, metadata, modes
from twisted_net.chat.core.books import Books
from twisted_net.chat.core.conditions import (
    described,
    present,
    refuse_moved,
    refuse_name,
    refuse_taken_room,
    refuse_too_many,
)
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.permission import (
    refuse_all_but_operators,
    refuse_entry,
    refuse_new_name,
)
from twisted_net.chat.core.room import Delivery, Member, O, Role, Room, Topic
from twisted_net.chat.core.spoken import Spoken, with_stranger

#: Members who are invited into one room and have not come yet.
MAX_INVITED = 100

_LETTERS = {Role.OPERATOR: "o", Role.VOICE: "v"}


class Changes(Generic[O]):
    """Apply events to the books."""

    def __init__(self, books: Books[O]) -> None:
        self._books = books
        spoken = Spoken(books)
        self._applied: dict[
            Kind, Callable[[Event, Member[O]], list[Delivery[O]] | tuple[Member[O], ...]]
        ] = {
            Kind.SAID: spoken.said,
            Kind.TOLD: spoken.said,
            Kind.NOTICED: spoken.said,
            Kind.ACTED: spoken.said,
            Kind.TAGGED: spoken.said,
            Kind.JOINED: self._joined,
            Kind.PARTED: self._parted,
            Kind.LEFT: self._left,
            Kind.RENAMED: self._renamed,
            Kind.TOPIC: self._topic,
            Kind.KICKED: self._kicked,
            Kind.MODED: self._moded,
            Kind.INVITED: self._invited,
            Kind.AWAY: self._away,
            Kind.ACCOUNT: self._account,
            Kind.DESCRIBED: self._described,
            Kind.BANISHED: partial(bans.banished, books),
            Kind.PARDONED: partial(bans.pardoned, books),
            Kind.REALNAME: self._realname,
            Kind.HOST: self._host,
            Kind.REDACTED: spoken.taken_back,
            Kind.ROOM_RENAMED: self._room_renamed,
        }

    def apply(self, event: Event) -> list[Delivery[O]]:
        """Change what the event changes; return who on this node hears it.

        :raises Refusal: its sender may not do it, or is gone; nothing has changed.
        """
        if event.kind is Kind.ENTERED:
            self._entered(event)
            return []
        if event.kind is Kind.KEPT:
            self._kept(event)
            return []
        if event.kind is Kind.BANISHED and not event.by:
            bans.add(self._books, bans.ban_of(event))
            return []
        member = self._books.keys.get(event.by)
        if member is None:
            raise Refusal(Code.UNKNOWN, f"nobody is called {event.sender!r}", Why.NO_MEMBER)
        if event.sender != member.name:  # renamed while the draft was on its way
            event = replace(event, sender=member.name)
        heard = self._applied[event.kind](event, member)
        member.active = seconds_of(event.id)
        return [Delivery(event, heard, member)] if isinstance(heard, tuple) else heard

    def _entered(self, event: Event) -> None:
        books = self._books
        member = books.released(event.by)
        books.refuse_taken(event.sender)
        if member is None:
            tags = dict(event.tags)
            user, _, host = event.mask.partition("@")
            member = Member(
                event.by, event.sender, None, tags.get("door", ""), 0.0,
                special=tags.get("special", ""), user=user, host=host,
                realname=event.text, account=event.account,
                metadata=metadata.untagged(event.tags),
            )  # fmt: skip
        bans.refuse_banned(books, member, seconds_of(event.id))
        member.since = member.active = seconds_of(event.id)
        books.claim(member)

    def _kept(self, event: Event) -> None:
        if not event.text:
            kept.end(self._books, event.where)
            return
        try:
            room = kept.read(event.text)
        except ValueError as error:
            raise Refusal(Code.BAD, str(error)) from None
        kept.restore(self._books, room)

    def _joined(self, event: Event, member: Member[O]) -> list[Delivery[O]]:
        books, key = self._books, folded(event.where)
        if key in member.rooms:
            return []
        refuse_too_many(books, member, event.where)
        room = books.rooms.get(key)
        if room is None:
            refuse_moved(books, member, event.where, seconds_of(event.id))
            room = books.rooms[key] = Room(event.where, seconds_of(event.id))
            room.add(member, Role.OPERATOR)
        else:
            refuse_entry(room, member, event.other)
            room.add(member, kept.rank(room, member))
        room.invited.pop(member.key, None)
        room.left = 0.0
        member.rooms[key] = room
        # The key of the room, in `other`, is for nobody's eyes.
        shown = replace(event, where=room.name, other="")
        joined = Delivery(shown, books.witnesses(room, member), member)
        return [joined, *_promoted(event, room, member, Role.NONE)]

    def _parted(self, event: Event, member: Member[O]) -> tuple[Member[O], ...]:
        room = self._books.inside(member, event.where)
        heard = self._books.witnesses(room, member)
        self._books.remove(member, room, seconds_of(event.id))
        return heard

    def _left(self, event: Event, member: Member[O]) -> tuple[Member[O], ...]:
        heard = self._books.neighbours(member)
        for room in list(member.rooms.values()):
            self._books.remove(member, room, seconds_of(event.id))
        self._books.forget(member, seconds_of(event.id))
        return heard

    def _renamed(self, event: Event, member: Member[O]) -> tuple[Member[O], ...]:
        self._books.refuse_taken(event.text, member)
        refuse_name(self._books, member, event.text, seconds_of(event.id))
        self._books.forget(member, seconds_of(event.id))
        member.name = event.text
        _show_anew(member)
        self._books.claim(member)
        return self._books.neighbours(member)

    def _topic(self, event: Event, member: Member[O]) -> tuple[Member[O], ...]:
        room = self._books.inside(member, event.where)
        if "t" in room.flags:
            refuse_all_but_operators(room, member)
        room.topic = Topic(event.text, member.name, seconds_of(event.id)) if event.text else None
        return room.here

    def _kicked(self, event: Event, member: Member[O]) -> tuple[Member[O], ...]:
        room = self._books.inside(member, event.where)
        refuse_all_but_operators(room, member)
        other = self._books.find(event.other)
        if other not in room.members:
            raise modes.absent(other, room)
        heard = room.here
        self._books.remove(other, room, seconds_of(event.id))
        return heard

    def _moded(self, event: Event, member: Member[O]) -> list[Delivery[O]]:
        if event.private:
            member.modes = modes.with_changes(member.modes, event.text)
            return [Delivery(event, () if member.outlet is None else (member,), member)]
        room = modes.ruled(self._books, member, event.where, event.text)
        changes = modes.parsed(event.text)
        modes.refuse_changes(self._books, room, member, changes)
        for each in modes.resolved(self._books, room, changes):
            modes.change(room, self._books, each, member, seconds_of(event.id))
        if member not in room.members:
            self._books.end_empty(room)
            return [Delivery(event, with_stranger(room.here, member), member)]
        made = [Delivery(event, room.here, member)]
        if any(each.letter == "P" and each.on for each in changes):
            made += _promoted(event, room, member, room.members[member])
        return made

    def _invited(self, event: Event, member: Member[O]) -> list[Delivery[O]]:
        room = self._books.inside(member, event.where)
        if "i" in room.flags:
            refuse_all_but_operators(room, member)
        other = self._books.find(event.other)
        if other in room.members:
            raise present(other, room)
        room.invited[other.key] = None
        if len(room.invited) > MAX_INVITED:
            del room.invited[next(iter(room.invited))]
        operators = room.ranked(Role.OPERATOR)
        guest = () if other.outlet is None else (other,)
        return [
            Delivery(event, guest, member),
            Delivery(replace(event, only="@"), operators, member),
        ]

    def _away(self, event: Event, member: Member[O]) -> tuple[Member[O], ...]:
        member.away = event.text
        return self._books.neighbours(member)

    def _account(self, event: Event, member: Member[O]) -> list[Delivery[O]]:
        member.account = event.text
        made = [Delivery(event, self._books.neighbours(member), member)]
        for room in member.rooms.values():
            made += _promoted(event, room, member, room.members[member])
        return made

    def _described(self, event: Event, member: Member[O]) -> list[Delivery[O]]:
        held, _ = described(self._books, member, event.where)
        value = metadata.untagged(event.tags).get(event.other)
        metadata.refuse_change(held, event.other, value)
        metadata.change(held, event.other, value)
        return []

    def _realname(self, event: Event, member: Member[O]) -> tuple[Member[O], ...]:
        member.realname = event.text
        return self._books.neighbours(member)

    def _host(self, event: Event, member: Member[O]) -> list[Delivery[O]]:
        books = self._books
        heard = [Delivery(replace(event, mask=member.mask), books.neighbours(member), member)]
        member.host = event.text
        _show_anew(member)
        # Who cannot be told of it hears them leave and enter each room again (IRCv3 chghost).
        for room in member.rooms.values():
            role = room.role(member).signs
            inside = replace(event, where=room.name, mask=member.mask, other=role)
            heard.append(Delivery(inside, books.witnesses(room, member), member))
        return heard

    def _room_renamed(self, event: Event, member: Member[O]) -> tuple[Member[O], ...]:
        books = self._books
        room = books.inside(member, event.where)
        refuse_all_but_operators(room, member)
        refuse_taken_room(books, room, event.text)
        old, new = folded(room.name), folded(event.text)
        if old != new:
            refuse_new_name(room, seconds_of(event.id))
            room.renamed, room.formerly = seconds_of(event.id), old
        room.name = event.text
        books.rooms = _under_another_key(books.rooms, old, new)
        for each in room.members:
            each.rooms = _under_another_key(each.rooms, old, new)
        return room.here


def _under_another_key(rooms: dict[str, Room[O]], old: str, new: str) -> dict[str, Room[O]]:
    """Return rooms in the same order, for that is the one in which they were entered."""
    return {new if key == old else key: room for key, room in rooms.items()}


def _promoted(event: Event, room: Room[O], member: Member[O], had: Role) -> list[Delivery[O]]:
    """Give back to a member the role that they have in a room that is kept; say what is new."""
    role = kept.rank(room, member)
    room.give(member, Role(room.members[member] | role))
    letters = "".join(letter for bit, letter in _LETTERS.items() if bit & role & ~had)
    if not letters:
        return []
    text = " ".join([f"+{letters}", *[member.name] * len(letters)])
    moded = Event(
        event.id, Kind.MODED, room.name, member.name, text,
        by=event.by, account=member.account, mask=member.mask,
    )  # fmt: skip
    return [Delivery(moded, room.here, None)]


def _show_anew(member: Member[O]) -> None:
    for room in member.rooms.values():
        room.show_anew()
