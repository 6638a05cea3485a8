"""Rooms that outlive their last member (mode ``P``): whose they are, and what is kept of them.

A room ends with its last member, and whoever begins one of the same name owns it. An operator of a
room who has an account may keep it: then it stays, with its topic, modes and lists, and is the
operator's own, who is one again on coming back, and so is whoever else was made one.
"""

import json
from typing import Any

from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.core.books import Books
from twisted_net.chat.core.ident import checked_reason, checked_room, folded
from twisted_net.chat.core.masks import MAX_LIST
from twisted_net.chat.core.metadata import refuse_change
from twisted_net.chat.core.room import Entry, Member, O, Role, Room, Topic

#: Rooms that are kept, and those of one account: they stay when whoever made them is gone, so that
#: making some every day would fill the memory in the end.
MAX_KEPT = 500
MAX_KEPT_EACH = 10

#: Accounts whose roles are remembered in one room.
MAX_RANKS = 100

#: Lists of masks.
_LISTS = "beI"

_FORM = 1


def rank(room: Room[O], member: Member[O]) -> Role:
    """Return the role that somebody has on coming into a room that is kept."""
    if not room.founder or not member.account:
        return Role.NONE
    remembered = room.ranks.get(folded(member.account), Role.NONE)
    return Role(remembered | Role.OPERATOR) if owns(room, member) else remembered


def owns(room: Room[O], member: Member[O]) -> bool:
    """Say whether a room is kept for somebody."""
    return bool(room.founder) and folded(room.founder) == folded(member.account)


def refuse_keeping(books: Books[O], room: Room[O], member: Member[O], on: bool) -> None:
    """Refuse to keep a room, or to keep it no more, to who may not.

    The lobby is everybody's: whoever comes first in the morning is not to own it for ever.

    :raises Refusal: they may not.
    """
    master = "o" in member.modes
    if not on:
        if room.founder and not master and not owns(room, member):
            raise Refusal(Code.FORBIDDEN, f"{room.founder} keeps {room.name}")
        return
    if not member.account:
        raise Refusal(Code.FORBIDDEN, "only accounts may keep a room: LOGIN")
    if folded(room.name) == folded(books.lobby) and not master:
        raise Refusal(Code.FORBIDDEN, "only a server operator may keep it")
    held = [each for each in books.rooms.values() if each.founder]
    hers = sum(owns(each, member) for each in held)
    if len(held) >= MAX_KEPT or hers >= MAX_KEPT_EACH:
        raise Refusal(Code.UNAVAILABLE, "too many rooms are kept")


def keep(room: Room[O], member: Member[O], on: bool) -> None:
    """Keep a room for a member, and for its operators; or keep it no more."""
    room.founder = member.account if on else ""
    room.ranks.clear()
    if on:
        for each in room.members:
            remember(room, each)


def remember(room: Room[O], member: Member[O]) -> None:
    """Remember a member's role for the next time, if the room is kept and they have an account."""
    if not room.founder or not member.account:
        return
    account, role = folded(member.account), room.members[member]
    if not role:
        room.ranks.pop(account, None)
    elif account in room.ranks or len(room.ranks) < MAX_RANKS:
        room.ranks[account] = role


def record(room: Room[O]) -> dict[str, Any]:
    """Return what is kept of a room, as JSON can hold it: nothing of who is in it."""
    topic = room.topic
    return {
        "form": _FORM,
        "name": room.name,
        "founder": room.founder,
        "created": room.created,
        "left": room.left,
        "topic": None if topic is None else [topic.text, topic.by, topic.when],
        "flags": "".join(sorted(room.flags)),
        "key": room.key,
        "limit": room.limit,
        "slow": room.slow,
        "lists": {
            letter: [[mask, entry.by, entry.when] for mask, entry in masks.items()]
            for letter, masks in room.lists.items()
        },
        "ranks": [[account, int(role)] for account, role in room.ranks.items()],
        "metadata": [list(each) for each in room.metadata.items()],
    }


def written(room: Room[O]) -> str:
    """Return the record of a room as a text."""
    return json.dumps(record(room), ensure_ascii=False, separators=(",", ":"))


def read(text: str) -> Room[Any]:
    """Return the room, with nobody in it, that `written` wrote.

    :raises ValueError: nobody of ours wrote that, or a later version.
    """
    return room_of(json.loads(text))


def room_of(fields: Any) -> Room[Any]:
    """Return the room, with nobody in it, of a record.

    :raises ValueError: nobody of ours made that, or a later version.
    """
    try:
        if fields["form"] != _FORM:
            raise ValueError(f"a room of form {fields['form']!r}, need {_FORM}")
        return _room(fields)
    except (Refusal, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"no room of this version: {error!r}") from error


def _room(fields: dict[str, Any]) -> Room[Any]:
    room: Room[Any] = Room(checked_room(fields["name"]), float(fields["created"]))
    room.founder, room.left = str(fields["founder"]), float(fields["left"])
    if fields["topic"] is not None:
        text, by, when = fields["topic"]
        room.topic = Topic(checked_reason(text), str(by), float(when))
    room.flags = frozenset(str(fields["flags"]))
    room.key, room.limit, room.slow = str(fields["key"]), int(fields["limit"]), int(fields["slow"])
    room.lists = {
        letter: {
            str(mask): Entry(str(by), float(when))
            for mask, by, when in fields["lists"][letter][:MAX_LIST]
        }
        for letter in _LISTS
    }
    room.ranks = {str(account): Role(role) for account, role in fields["ranks"][:MAX_RANKS]}
    for key, value in fields["metadata"]:
        refuse_change(room.metadata, key, value)
        room.metadata[key] = value
    return room


def restore(books: Books[O], room: Room[O]) -> None:
    """Let a room be there again that was kept before.

    Where there is one of that name that nobody keeps, it is this one from now on: somebody was
    faster than the file.

    :raises Refusal: there is one that is kept, or too many are.
    """
    key = folded(room.name)
    there = books.rooms.get(key)
    held = sum(bool(each.founder) for each in books.rooms.values())
    kept = room.founder and "P" in room.flags
    if not kept or held >= MAX_KEPT or (there is not None and there.founder):
        raise Refusal(Code.TAKEN, f"there is a room {room.name}", Why.TAKEN)
    if there is None:
        books.rooms[key] = room
        return
    there.founder, there.ranks, there.created = room.founder, room.ranks, room.created
    there.metadata = room.metadata
    there.topic, there.flags, there.lists = room.topic, room.flags, room.lists
    there.key, there.limit, there.slow = room.key, room.limit, room.slow


def end(books: Books[O], name: str) -> None:
    """Let a room that is kept end, in which nobody is.

    :raises Refusal: there is none, or somebody is in it.
    """
    room = books.rooms.get(folded(name))
    if room is None or room.members or not room.founder:
        raise Refusal(Code.UNKNOWN, f"no room {name} without members", Why.NO_ROOM)
    del books.rooms[folded(name)]
