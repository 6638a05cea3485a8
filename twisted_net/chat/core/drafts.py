"""From commands to drafts: whether somebody may do a thing, and what would happen then.

Nothing changes here. A draft is an event without an id; `changes` checks it again when it has one.
"""

from collections.abc import Callable
from typing import Any, Generic

from twisted_net.chat.codec import requests as ask
from twisted_net.chat.codec.events import WHY, Event, Kind, shown_id
from twisted_net.chat.codec.multiline import is_composed
from twisted_net.chat.core import bans, modes
from twisted_net.chat.core.books import Books
from twisted_net.chat.core.conditions import (
    described,
    present,
    refuse_another_name,
    refuse_moved,
    refuse_name,
    refuse_taken_room,
    refuse_too_many,
    told_to,
)
from twisted_net.chat.core.ident import (
    checked_lines,
    checked_reason,
    checked_room,
    checked_text,
    folded,
)
from twisted_net.chat.core.metadata import TAG, refuse_change
from twisted_net.chat.core.permission import (
    refuse_all_but_operators,
    refuse_entry,
    refuse_new_name,
    refuse_speech,
)
from twisted_net.chat.core.room import Member, O
from twisted_net.chat.core.words import Words


class Drafts(Generic[O]):
    """Make drafts of commands."""

    def __init__(self, books: Books[O], words: Words) -> None:
        self._books = books
        self._words = words
        self._made: dict[type, Callable[[Member[O], Any, float], Event | None]] = {
            ask.Nick: self._nick,
            ask.Join: self._join,
            ask.Part: self._part,
            ask.Say: self._say,
            ask.Act: self._act,
            ask.Tell: self._tell,
            ask.Notice: self._notice,
            ask.Tag: self._tag,
            ask.Topic: self._topic,
            ask.Kick: self._kick,
            ask.Invite: self._invite,
            ask.Mode: self._mode,
            ask.Modes: self._modes,
            ask.Away: self._away,
            ask.Realname: self._realname,
            ask.Host: self._host,
            ask.Describe: self._describe,
            ask.Identify: self._identify,
            ask.Redact: self._redact,
            ask.RenameRoom: self._rename,
            ask.Banish: self._banish,
            ask.Pardon: self._pardon,
            ask.Quit: self._quit,
        }

    def draft(self, member: Member[O], what: ask.Deed, now: float) -> Event | None:
        """Return what would happen; None: nothing would change.

        :raises Refusal: it cannot be done.
        """
        return self._made[type(what)](member, what, now)

    def _nick(self, member: Member[O], what: ask.Nick, now: float) -> Event | None:
        name = self._books.free(what.name, member.special, member.account, member)
        refuse_name(self._books, member, name, now)
        return None if name == member.name else drafted(Kind.RENAMED, member, "", name)

    def _join(self, member: Member[O], what: ask.Join, now: float) -> Event | None:
        name = checked_room(what.room)
        if folded(name) in member.rooms:
            return None
        known = self._books.rooms.get(folded(name))
        refuse_too_many(self._books, member, name)
        if known is None:
            refuse_moved(self._books, member, name, now)
        else:
            refuse_entry(known, member, what.key)
        name = known.name if known else name
        return drafted(Kind.JOINED, member, name, other=what.key, tags=_shown(member))

    def _part(self, member: Member[O], what: ask.Part, now: float) -> Event:
        room = self._books.inside(member, what.room)
        return drafted(Kind.PARTED, member, room.name, checked_reason(what.why))

    def _say(self, member: Member[O], what: ask.Say, now: float) -> Event:
        return self._spoken(Kind.SAID, member, what.room, what, now)

    def _act(self, member: Member[O], what: ask.Act, now: float) -> Event:
        if what.private:
            return self._told(Kind.ACTED, member, what.room, what)
        return self._spoken(Kind.ACTED, member, what.room, what, now)

    def _tell(self, member: Member[O], what: ask.Tell, now: float) -> Event:
        return self._told(Kind.TOLD, member, what.name, what)

    def _notice(self, member: Member[O], what: ask.Notice, now: float) -> Event:
        if what.private:
            return self._told(Kind.NOTICED, member, what.where, what)
        return self._spoken(Kind.NOTICED, member, what.where, what, now)

    def _tag(self, member: Member[O], what: ask.Tag, now: float) -> Event:
        if what.private:
            to = self._books.find(what.where).name
            return drafted(Kind.TAGGED, member, to, private=True, tags=what.tags)
        room = self._books.room(what.where, member)
        # A hint is no message: it makes nobody wait in slow mode.
        refuse_speech(room, member, "", float("inf"))
        return drafted(Kind.TAGGED, member, room.name, tags=what.tags, only=what.only)

    def _topic(self, member: Member[O], what: ask.Topic, now: float) -> Event | None:
        room = self._books.inside(member, what.room)
        if what.text is None:
            return None
        if "t" in room.flags:
            refuse_all_but_operators(room, member)
        text = self._words.starred(checked_reason(what.text, "topic"))
        if text == (room.topic.text if room.topic else ""):
            return None
        return drafted(Kind.TOPIC, member, room.name, text)

    def _kick(self, member: Member[O], what: ask.Kick, now: float) -> Event:
        room = self._books.inside(member, what.room)
        refuse_all_but_operators(room, member)
        other = self._books.find(what.name)
        if other not in room.members:
            raise modes.absent(other, room)
        return drafted(Kind.KICKED, member, room.name, checked_reason(what.why), other=other.name)

    def _invite(self, member: Member[O], what: ask.Invite, now: float) -> Event:
        room = self._books.inside(member, what.room)
        if "i" in room.flags:
            refuse_all_but_operators(room, member)
        other = self._books.find(what.name)
        if other in room.members:
            raise present(other, room)
        return drafted(Kind.INVITED, member, room.name, other=other.name)

    def _mode(self, member: Member[O], what: ask.Mode, now: float) -> Event | None:
        room = modes.ruled(self._books, member, what.room, what.changes)
        changes = modes.parsed(what.changes) if what.changes.strip() else []
        if not changes:
            return None
        modes.refuse_changes(self._books, room, member, changes)
        changes = modes.resolved(self._books, room, changes)
        return drafted(Kind.MODED, member, room.name, modes.written(changes)) if changes else None

    def _modes(self, member: Member[O], what: ask.Modes, now: float) -> Event | None:
        text = modes.user_modes(member, what.changes, what.granted)
        return drafted(Kind.MODED, member, member.name, text, private=True) if text else None

    def _away(self, member: Member[O], what: ask.Away, now: float) -> Event | None:
        text = checked_reason(what.text)
        return None if text == member.away else drafted(Kind.AWAY, member, "", text)

    def _realname(self, member: Member[O], what: ask.Realname, now: float) -> Event | None:
        text = checked_reason(what.text, "real name")
        return None if text == member.realname else drafted(Kind.REALNAME, member, "", text)

    def _host(self, member: Member[O], what: ask.Host, now: float) -> Event | None:
        if what.host == member.host:
            return None
        return drafted(Kind.HOST, member, "", what.host, tags=_shown(member))

    def _describe(self, member: Member[O], what: ask.Describe, now: float) -> Event | None:
        held, where = described(self._books, member, what.room)
        refuse_change(held, what.key, what.value)
        if held.get(what.key) == what.value:
            return None
        tags = () if what.value is None else ((TAG + what.key, what.value),)
        return drafted(Kind.DESCRIBED, member, where, other=what.key, tags=tags)

    def _identify(self, member: Member[O], what: ask.Identify, now: float) -> Event | None:
        if what.account == member.account:
            return None
        return drafted(Kind.ACCOUNT, member, "", what.account)

    def _redact(self, member: Member[O], what: ask.Redact, now: float) -> Event:
        if what.private:
            other = told_to(self._books, member, what.room, what.id)
            why, shown = checked_reason(what.why), shown_id(what.id)
            return drafted(Kind.REDACTED, member, other.name, why, other=shown, private=True)
        room = self._books.inside(member, what.room)
        if room.authors.get(what.id) != member.key:
            refuse_all_but_operators(room, member)
        why = checked_reason(what.why)
        return drafted(Kind.REDACTED, member, room.name, why, other=shown_id(what.id))

    def _rename(self, member: Member[O], what: ask.RenameRoom, now: float) -> Event | None:
        room = self._books.inside(member, what.room)
        refuse_all_but_operators(room, member)
        name = checked_room(what.name)
        refuse_taken_room(self._books, room, name)
        if name == room.name:
            return None
        if folded(name) != folded(room.name):
            refuse_another_name(self._books, room)
            refuse_new_name(room, now)
        tags = ((WHY, why),) if (why := checked_reason(what.why)) else ()
        return drafted(Kind.ROOM_RENAMED, member, room.name, name, tags=tags)

    def _banish(self, member: Member[O], what: ask.Banish, now: float) -> Event:
        mask = bans.checked(self._books, member, what.mask, what.seconds, what.why)
        until = f"{now + what.seconds:.0f}" if what.seconds else "0"
        tags = (("until", until),)
        return drafted(Kind.BANISHED, member, "", what.why, other=mask, tags=tags)

    def _pardon(self, member: Member[O], what: ask.Pardon, now: float) -> Event:
        bans.refuse_all_but_masters(member)
        return drafted(Kind.PARDONED, member, "", other=bans.find(self._books, what.mask).mask)

    def _quit(self, member: Member[O], what: ask.Quit, now: float) -> Event:
        return drafted(Kind.LEFT, member, "", checked_reason(what.why))

    def _spoken(
        self,
        kind: Kind,
        member: Member[O],
        where: str,
        what: ask.Say | ask.Act | ask.Notice,
        now: float,
    ) -> Event:
        room = self._books.room(where, member)
        text = self._words.starred(_checked(what.text, what.tags))
        refuse_speech(room, member, text, now)
        return drafted(kind, member, room.name, text, tags=what.tags, only=what.only)

    def _told(
        self, kind: Kind, member: Member[O], name: str, what: ask.Tell | ask.Act | ask.Notice
    ) -> Event:
        other = self._books.find(name)
        text = _checked(what.text, what.tags)
        return drafted(kind, member, other.name, text, private=True, tags=what.tags)


def _shown(member: Member[O]) -> ask.Tags:
    """Return what is told of a member to whoever does not know yet."""
    shown = (("realname", member.realname), ("away", member.away))
    return tuple(tag for tag in shown if tag[1])


def drafted(
    kind: Kind,
    member: Member[O],
    where: str,
    text: str = "",
    *,
    other: str = "",
    private: bool = False,
    tags: ask.Tags = (),
    only: str = "",
) -> Event:
    """Return what a member does, as an event without an id; what a bot does is marked."""
    if "B" in member.modes:
        tags = (*tags, ("bot", ""))
    return Event(
        0, kind, where, member.name, text, private, other,
        member.key, member.account, member.mask, tags, only,
    )  # fmt: skip


def _checked(text: str, tags: ask.Tags) -> str:
    return checked_lines(text) if is_composed(tags) else checked_text(text)
