"""The hub's books as bytes: all that a node has to know that comes into a chat later. Pure.

Whoever applies the same events to the same books has the same books: so a node that begins from
what another one wrote, and applies what came after it, agrees with all others.
"""

import json
from typing import Any

from twisted_net.chat.core.books import Books, Gone
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.room import Entry, Member, O, Role, Room, Topic

_FORM = 1


def dumped(books: Books[O]) -> bytes:
    """Write members, rooms and who was there before."""
    state = {
        "form": _FORM,
        "members": [_member(each) for each in books.members()],
        "rooms": [_room(each) for each in books.rooms.values()],
        "gone": [[g.name, g.mask, g.realname, g.account, g.when] for g in books.gone],
    }
    return json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode()


def load(books: Books[O], data: bytes) -> None:
    """Begin anew from what `dumped` wrote, all members being on other nodes; empty: from nothing.

    :raises ValueError: nobody of ours wrote that, or a node of another version.
    """
    state: dict[str, Any] = json.loads(data) if data else {"form": _FORM}
    if state.get("form") != _FORM:
        raise ValueError(f"a snapshot of form {state.get('form')!r}, need {_FORM}")
    books.clear()
    entered: dict[str, list[str]] = {}
    for *fields, modes, rooms in state.get("members", ()):
        key, name, door, active, since, special, user, host, realname, account, away = fields
        member: Member[O] = Member(
            key, name, None, door, active, since, special, user, host, realname, account, away,
            frozenset(modes),
        )  # fmt: skip
        books.claim(member)
        entered[key] = rooms
    for fields in state.get("rooms", ()):
        folded_name, room = _room_of(fields, books.keys)
        books.rooms[folded_name] = room
    for key, rooms in entered.items():
        books.keys[key].rooms = {name: books.rooms[name] for name in rooms}
    books.gone.extend(Gone(*each) for each in state.get("gone", ()))


def _member(member: Member[O]) -> list[Any]:
    return [
        member.key,
        member.name,
        member.door,
        member.active,
        member.since,
        member.special,
        member.user,
        member.host,
        member.realname,
        member.account,
        member.away,
        "".join(sorted(member.modes)),
        list(member.rooms),
    ]


def _room(room: Room[O]) -> list[Any]:
    topic = room.topic
    lists = {
        name: [[mask, entry.by, entry.when] for mask, entry in masks.items()]
        for name, masks in room.lists.items()
    }
    return [
        room.name,
        room.created,
        [[member.key, int(role)] for member, role in room.members.items()],
        None if topic is None else [topic.text, topic.by, topic.when],
        "".join(sorted(room.flags)),
        room.key,
        room.limit,
        room.slow,
        lists,
        list(room.invited),
        list(room.spoken.items()),
        list(room.authors.items()),
        room.renamed,
    ]


def _room_of(fields: list[Any], keys: dict[str, Member[O]]) -> tuple[str, Room[O]]:
    name, created, members, topic, flags, key, limit, slow, lists, *rest = fields
    invited, spoken, authors, renamed = rest
    room: Room[O] = Room(name, created)
    for each, role in members:
        room.add(keys[each], Role(role))
    room.topic = None if topic is None else Topic(*topic)
    room.flags = frozenset(flags)
    room.key, room.limit, room.slow = key, limit, slow
    room.lists = {
        list_name: {mask: Entry(by, when) for mask, by, when in masks}
        for list_name, masks in lists.items()
    }
    room.invited = dict.fromkeys(invited)
    room.spoken = dict(spoken)
    room.authors = dict(authors)
    room.renamed = renamed
    return folded(name), room
