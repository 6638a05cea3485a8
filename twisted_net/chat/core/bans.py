"""Bans from the whole chat, by operators of the server: masks, and until when they hold.

They keep out whoever comes by whatever door, and are a part of the hub's state: the same on all
nodes. What they say of an address is its hash, as in the rooms' lists.
"""

from dataclasses import dataclass

from twisted_net.chat.codec.events import Event, seconds_of
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.codec.texts import quoted
from twisted_net.chat.core.books import Books
from twisted_net.chat.core.ident import checked_reason, folded
from twisted_net.chat.core.masks import MAX_MASK, MUTE, completed, matches
from twisted_net.chat.core.room import Delivery, Member, O

#: Bans that there may be: each is looked at whenever somebody comes.
MAX_BANS = 500

#: The longest time that one holds which is not to hold for ever: ten years, in seconds.
MAX_SECONDS = 10 * 365 * 86400

#: Doors through which nobody comes from outside: bots of the server's own.
_OWN = frozenset({"hook"})


@dataclass(frozen=True, slots=True)
class Ban:
    """Who is not to come in.

    :ivar when: it was made, in seconds since 1970.
    :ivar until: in the same; 0: for ever.
    """

    mask: str
    by: str
    when: float
    until: float
    why: str

    def holds(self, now: float) -> bool:
        """Say whether its time is not over."""
        return not self.until or now < self.until


def meant(books: Books[O], member: Member[O], now: float) -> Ban | None:
    """Return the ban that means somebody; operators and bots of the server no ban means.

    :param now: seconds since 1970.
    """
    if not books.bans or "o" in member.modes or member.door in _OWN:
        return None
    shown = f"{member.name}!{member.mask}"
    held = (ban for ban in books.bans.values() if ban.holds(now) and matches(ban.mask, shown))
    return next(held, None)


def refuse_banned(books: Books[O], member: Member[O], now: float) -> None:
    """Keep out who is banned.

    :raises Refusal: they are.
    """
    ban = meant(books, member, now)
    if ban is not None:
        raise Refusal(Code.FORBIDDEN, said(ban), Why.BANISHED)


def said(ban: Ban) -> str:
    """Return what who is banned is told."""
    return f"banned from this server: {ban.why}" if ban.why else "banned from this server"


def checked(books: Books[O], member: Member[O], mask: str, seconds: int, why: str) -> str:
    """Return the whole mask of a ban that an operator of the server wants.

    :raises Refusal: they are none, it is no mask, or it is their own.
    """
    refuse_all_but_masters(member)
    mask = completed(mask)
    checked_reason(why)
    if len(mask) > MAX_MASK or mask.startswith(MUTE) or " " in mask or not mask.isprintable():
        raise Refusal(Code.BAD, f"mask: at most {MAX_MASK} characters, no space", Why.BAD_MODE)
    if not 0 <= seconds <= MAX_SECONDS:
        raise Refusal(Code.BAD, "time: at most ten years", Why.BAD_MODE)
    if matches(mask, f"{member.name}!{member.mask}"):
        raise Refusal(Code.FORBIDDEN, f"{quoted(mask)} is you")
    return mask


def refuse_all_but_masters(member: Member[O]) -> None:
    """Let only operators of the server pass.

    :raises Refusal: it is none.
    """
    if "o" not in member.modes:
        raise Refusal(Code.FORBIDDEN, "not a server operator")


def add(books: Books[O], ban: Ban) -> None:
    """Ban somebody, in place of a ban of the same mask; those whose time is over go.

    :raises Refusal: there are too many.
    """
    for key, each in list(books.bans.items()):
        if not each.holds(ban.when):
            del books.bans[key]
    key = folded(ban.mask)
    if key not in books.bans and len(books.bans) >= MAX_BANS:
        raise Refusal(Code.UNAVAILABLE, f"too many bans: at most {MAX_BANS}")
    books.bans[key] = ban


def find(books: Books[O], mask: str) -> Ban:
    """Return the ban of a mask.

    :raises Refusal: there is none.
    """
    ban = books.bans.get(folded(completed(mask)))
    if ban is None:
        raise Refusal(Code.UNKNOWN, f"no ban of {quoted(mask)}")
    return ban


def ban_of(event: Event, by: str = "") -> Ban:
    """Return the ban that an event tells of.

    :param by: who has made it, unless the event says that.
    :raises Refusal: no node of this version wrote it.
    """
    tags = dict(event.tags)
    try:
        when, until = float(tags.get("when", seconds_of(event.id))), float(tags.get("until", 0))
    except ValueError:
        raise Refusal(Code.BAD, "no ban of this version") from None
    return Ban(event.other, tags.get("by", by), when, until, event.text)


def banished(books: Books[O], event: Event, member: Member[O]) -> list[Delivery[O]]:
    """Ban somebody, as an operator of the server wants it; nobody hears of that."""
    ban = ban_of(event, member.name)
    checked(books, member, ban.mask, 0, ban.why)
    add(books, ban)
    return []


def pardoned(books: Books[O], event: Event, member: Member[O]) -> list[Delivery[O]]:
    """Take a ban back, likewise."""
    refuse_all_but_masters(member)
    ban = find(books, event.other)
    del books.bans[folded(ban.mask)]
    return []
