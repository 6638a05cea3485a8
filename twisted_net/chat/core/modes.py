"""Modes of rooms: how they are written, what they mean, and what changing them does.

Written as on IRC (RFC 2811, 4): ``+o-l+b red *!*@bad.hidden``, letters and then their values.
"""

from dataclasses import dataclass

from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.texts import quoted
from twisted_net.chat.core import kept
from twisted_net.chat.core.books import Books
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.masks import MAX_LIST, MAX_MASK, completed
from twisted_net.chat.core.permission import refuse_all_but_operators
from twisted_net.chat.core.room import Entry, Member, O, Role, Room

#: Modes without a value: no CTCP, only accounts speak, only accounts enter, invite only,
#: moderated, nobody outside speaks, kept without members, secret, topic by operators, unseen coming
#: and going.
FLAGS = "CMPRimnstu"

#: Modes that everybody may have of oneself: invisible, hears wallops, is a bot; ``o`` is given.
USER_MODES = "iwB"

#: Changes in one command, and the values that numbers may have.
MAX_CHANGES = 8
MAX_KEY = 23
_MOST = {"l": 100_000, "W": 86_400}

_ROLES = {"o": Role.OPERATOR, "v": Role.VOICE}
_LISTS = "beI"


@dataclass(frozen=True, slots=True)
class Change:
    """One mode, set or taken away.

    :ivar value: a member's name, a mask, a key, a number; empty: none.
    """

    on: bool
    letter: str
    value: str = ""


def parsed(text: str) -> list[Change]:
    """Read changes as they are written.

    A list's letter without a value is a question for the list, and no change.

    :raises Refusal: there is no such mode, a value is missing, or there are too many.
    """
    letters, *values = text.split()
    values.reverse()
    changes: list[Change] = []
    on = True
    for letter in letters:
        if letter in "+-":
            on = letter == "+"
            continue
        value = values.pop() if values and _takes_value(letter, on) else ""
        if value or letter in FLAGS or (not on and letter in "klW"):
            changes.append(Change(on, letter, value))
        elif letter not in _LISTS:
            raise _wrong(letter)
    if len(changes) > MAX_CHANGES:
        raise Refusal(Code.BAD, f"more than {MAX_CHANGES} changes", Why.BAD_MODE)
    return changes


def written(changes: list[Change]) -> str:
    """Write changes as they are read."""
    letters, sign = "", ""
    for change in changes:
        now = "+" if change.on else "-"
        letters += (now if now != sign else "") + change.letter
        sign = now
    return " ".join([letters, *(change.value for change in changes if change.value)])


def resolved(books: Books[O], room: Room[O], changes: list[Change]) -> list[Change]:
    """Return what of the changes would change something, with whole masks and proper names.

    :raises Refusal: a value will not do: nobody of that name, no such number.
    """
    found = [_resolved(books, room, change) for change in changes]
    return [each for each in found if each is not None]


def ruled(books: Books[O], member: Member[O], name: str, text: str) -> Room[O]:
    """Return the room whose modes a member wants to change, in which they must be.

    Operators of the server need not, to let a room be kept no more: it may be closed to them.

    :raises Refusal: there is no such room, or they are not in it.
    """
    if text.strip() == "-P" and "o" in member.modes:
        return books.room(name, None)
    return books.inside(member, name)


def refuse_changes(
    books: Books[O], room: Room[O], member: Member[O], changes: list[Change]
) -> None:
    """Let operators of a room pass; to keep it, those of the server too.

    :raises Refusal: it is none, or the room is not theirs to keep.
    """
    keeping = [each for each in changes if each.letter == "P"]
    if len(keeping) < len(changes) or "o" not in member.modes:
        refuse_all_but_operators(room, member)
    for each in keeping:
        kept.refuse_keeping(books, room, member, each.on)


def change(room: Room[O], books: Books[O], each: Change, by: Member[O], when: float) -> None:
    """Set one mode of a room or take it away, as `resolved` returned it."""
    letter, value = each.letter, each.value
    if letter in _ROLES:
        member = books.find(value)
        held = room.members[member]
        bit = _ROLES[letter]
        room.give(member, Role(held | bit if each.on else held & ~bit))
        kept.remember(room, member)
    elif letter in _LISTS:
        if each.on:
            room.lists[letter][value] = Entry(by.name, when)
        else:
            del room.lists[letter][value]
    elif letter == "k":
        room.key = value if each.on else ""
    elif letter == "l":
        room.limit = int(value) if each.on else 0
    elif letter == "W":
        room.slow = int(value) if each.on else 0
        room.spoken.clear()
    else:
        room.flags = room.flags | {letter} if each.on else room.flags - {letter}
        if letter == "P":
            kept.keep(room, by, each.on)


def shown(room: Room[O], with_key: bool) -> str:
    """Return all modes of a room but its lists, as changes that would set them.

    :param with_key: whether the key may be seen.
    """
    changes = [Change(True, flag) for flag in sorted(room.flags)]
    if room.key:
        changes.append(Change(True, "k", room.key if with_key else "*"))
    for letter, number in (("l", room.limit), ("W", room.slow)):
        if number:
            changes.append(Change(True, letter, str(number)))
    return written(changes) if changes else "+"


def user_modes(member: Member[O], text: str, granted: bool) -> str:
    """Return what of the changes would change somebody's own modes.

    :param granted: whether they have proven to be a server operator.
    :raises Refusal: there is no such mode.
    """
    changes: list[Change] = []
    on = True
    for letter in text:
        if letter in "+-":
            on = letter == "+"
        elif letter not in USER_MODES + "o":
            raise Refusal(Code.BAD, f"unknown mode {quoted(letter)}", Why.UNKNOWN_MODE)
        elif (letter in member.modes) is not on and (letter != "o" or granted or not on):
            changes.append(Change(on, letter))
    return written(changes)


def with_changes(modes: frozenset[str], text: str) -> frozenset[str]:
    """Return flags after changes without values."""
    on = True
    for letter in text:
        if letter in "+-":
            on = letter == "+"
        else:
            modes = modes | {letter} if on else modes - {letter}
    return modes


def _takes_value(letter: str, on: bool) -> bool:
    return letter in _ROLES or letter in _LISTS or letter == "k" or (on and letter in _MOST)


def _wrong(letter: str) -> Refusal:
    if letter in _ROLES or letter in "klW":
        return Refusal(Code.BAD, f"mode {letter} wants a value", Why.BAD_MODE)
    return Refusal(Code.BAD, f"unknown mode {quoted(letter)}", Why.UNKNOWN_MODE)


def _resolved(books: Books[O], room: Room[O], each: Change) -> Change | None:
    letter = each.letter
    if letter in _ROLES:
        return _role(books, room, each)
    if letter in _LISTS:
        return _mask(room, each)
    if letter == "k":
        return _key(room, each)
    if letter in _MOST:
        return _number(room, each)
    return each if (letter in room.flags) is not each.on else None


def _role(books: Books[O], room: Room[O], each: Change) -> Change | None:
    member = books.find(each.value)
    if member not in room.members:
        raise absent(member, room)
    has = bool(room.members[member] & _ROLES[each.letter])
    return Change(each.on, each.letter, member.name) if has is not each.on else None


def _mask(room: Room[O], each: Change) -> Change | None:
    masks = room.lists[each.letter]
    mask = completed(each.value)
    if len(mask) > MAX_MASK:
        raise Refusal(Code.BAD, f"mask: at most {MAX_MASK} characters", Why.BAD_MODE)
    same = next((known for known in masks if folded(known) == folded(mask)), None)
    if not each.on:
        return Change(False, each.letter, same) if same is not None else None
    if same is None and len(masks) >= MAX_LIST:
        raise Refusal(Code.FORBIDDEN, f"list {each.letter} is full", Why.LIST_FULL)
    return Change(True, each.letter, mask) if same is None else None


def _key(room: Room[O], each: Change) -> Change | None:
    if not each.on:
        return Change(False, "k", room.key) if room.key else None
    if len(each.value) > MAX_KEY or "," in each.value:
        raise Refusal(Code.BAD, f"key: 1-{MAX_KEY} characters, no comma", Why.BAD_MODE)
    return each if each.value != room.key else None


def _number(room: Room[O], each: Change) -> Change | None:
    held = room.limit if each.letter == "l" else room.slow
    if not each.on:
        return Change(False, each.letter) if held else None
    most = _MOST[each.letter]
    good = each.value.isascii() and each.value.isdecimal() and len(each.value) < 7
    if not good or not 1 <= int(each.value) <= most:
        raise Refusal(Code.BAD, f"mode {each.letter}: 1-{most}", Why.BAD_MODE)
    return Change(True, each.letter, str(int(each.value))) if int(each.value) != held else None


def absent(member: Member[O], room: Room[O]) -> Refusal:
    """Return the refusal of what can be done only to who is in the room."""
    return Refusal(Code.UNKNOWN, f"{member.name} is not in {room.name}", Why.NOT_THERE)
