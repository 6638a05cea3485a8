"""What both a draft and its event are held against: the state may have changed in between.

See `drafts` and `changes`; who may do what in a room stands in `permission`.
"""

from dataclasses import replace

from twisted_net.chat.codec.refusals import Code, Moved, Refusal, Why
from twisted_net.chat.core import bans
from twisted_net.chat.core.books import MAX_ROOMS_EACH, Books
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.permission import MOVED_FOR, refuse_all_but_operators
from twisted_net.chat.core.room import Member, O, Room


def described(books: Books[O], member: Member[O], room: str) -> tuple[dict[str, str], str]:
    """Return the metadata that a member may change, and the name of what has it; empty: its own.

    :raises Refusal: it is a room's of which they are no operator.
    """
    if not room:
        return member.metadata, ""
    found = books.inside(member, room)
    refuse_all_but_operators(found, member)
    return found.metadata, found.name


def told_to(books: Books[O], member: Member[O], name: str, id: int) -> Member[O]:
    """Return to whom a member has said something in private, and may take it back.

    :raises Refusal: they have not, or it was long ago.
    """
    other = books.find(name)
    if books.told.get(id) != (member.key, other.key):
        raise Refusal(Code.UNKNOWN, "no such message", Why.NO_MESSAGE)
    return other


def refuse_name(books: Books[O], member: Member[O], name: str, now: float) -> None:
    """Refuse a name under which a member would be banned from the chat.

    :raises Refusal: they would.
    """
    if books.bans:
        bans.refuse_banned(books, replace(member, name=name), now)


def refuse_too_many(books: Books[O], member: Member[O], room: str) -> None:
    """Refuse one room more than there may be.

    :raises Refusal: it is.
    """
    key = folded(room)
    new = key not in books.rooms
    if len(member.rooms) >= MAX_ROOMS_EACH or (new and books.full(key)):
        raise Refusal(Code.UNAVAILABLE, "too many rooms", Why.TOO_MANY_ROOMS)


def refuse_taken_room(books: Books[O], room: Room[O], name: str) -> None:
    """Refuse a name that another room has.

    :raises Refusal: it does.
    """
    if books.rooms.get(folded(name), room) is not room:
        raise Refusal(Code.TAKEN, f"there is a room {name}", Why.TAKEN)


def refuse_moved(books: Books[O], member: Member[O], name: str, now: float) -> None:
    """Refuse to begin a room under a name that another one had until lately.

    Who is inside knows of that, and may; and a secret room is nobody's business.

    :param now: in seconds since 1970.
    :raises Moved: what it is called now.
    """
    key = folded(name)
    for room in books.rooms.values():
        if room.formerly != key or member in room.members or "s" in room.flags:
            continue
        if now < room.renamed + MOVED_FOR:
            raise Moved(name, room.name)


def refuse_another_name(books: Books[O], room: Room[O]) -> None:
    """Refuse to rename a room that the server's settings speak of.

    :raises Refusal: they do.
    """
    if folded(room.name) in books.fixed:
        raise Refusal(Code.FORBIDDEN, "the server's settings name that room")


def present(member: Member[O], room: Room[O]) -> Refusal:
    """Return the refusal of what can be done only to who is not in the room."""
    return Refusal(Code.TAKEN, f"{member.name} is in {room.name} already", Why.ALREADY_INSIDE)
