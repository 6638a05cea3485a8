"""The hub's books as bytes: all that a node has to know that comes into a chat later. Pure.

Whoever applies the same events to the same books has the same books: so a node that begins from
what another one wrote, and applies what came after it, agrees with all others.
"""

import json
from dataclasses import astuple
from typing import Any

from twisted_net.chat.core import kept
from twisted_net.chat.core.bans import Ban
from twisted_net.chat.core.books import Books, Gone
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.room import Member, O, Role, Room

_FORM = 3


def dumped(books: Books[O]) -> bytes:
    """Write members, rooms and who was there before."""
    state = {
        "form": _FORM,
        "members": [_member(each) for each in books.members()],
        "rooms": [_room(each) for each in books.rooms.values()],
        "bans": [list(astuple(each)) for each in books.bans.values()],
        "told": [[number, *keys] for number, keys in books.told.items()],
        "gone": [list(astuple(each)) for each in books.gone],
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
    for *fields, modes, rooms, metadata in state.get("members", ()):
        key, name, door, active, since, special, user, host, realname, account, away = fields
        member: Member[O] = Member(
            key, name, None, door, active, since, special, user, host, realname, account, away,
            frozenset(modes), metadata=metadata,
        )  # fmt: skip
        books.claim(member)
        entered[key] = rooms
    for fields in state.get("rooms", ()):
        folded_name, room = _room_of(fields, books.keys)
        books.rooms[folded_name] = room
    for key, rooms in entered.items():
        books.keys[key].rooms = {name: books.rooms[name] for name in rooms}
    for number, by, to in state.get("told", ()):
        books.told[number] = (by, to)
    for fields in state.get("bans", ()):
        books.bans[folded(fields[0])] = Ban(*fields)
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
        member.metadata,
    ]


def _room(room: Room[O]) -> list[Any]:
    return [
        kept.record(room),
        [[member.key, int(role)] for member, role in room.members.items()],
        list(room.invited),
        list(room.spoken.items()),
        list(room.authors.items()),
        room.renamed,
        room.formerly,
    ]


def _room_of(fields: list[Any], keys: dict[str, Member[O]]) -> tuple[str, Room[O]]:
    record, members, invited, spoken, authors, renamed, formerly = fields
    room: Room[O] = kept.room_of(record)
    for each, role in members:
        room.add(keys[each], Role(role))
    room.invited = dict.fromkeys(invited)
    room.spoken = dict(spoken)
    room.authors = dict(authors)
    room.renamed, room.formerly = renamed, formerly
    return folded(room.name), room
