"""Who may enter a room, speak in it, and set it in order (RFC 2811, 4; Modern IRC, modes)."""

from collections.abc import Iterable
from math import ceil

from twisted_net.chat.codec.events import seconds_of
from twisted_net.chat.codec.refusals import Code, Refusal, Why
from twisted_net.chat.core.books import outside
from twisted_net.chat.core.kept import rank
from twisted_net.chat.core.masks import MUTE, matches
from twisted_net.chat.core.room import Member, O, Role, Room

#: Seconds between two new names of one room.
RENAME_EVERY = 60.0

#: Seconds after which nobody is told any more what a room is called in place of its old name.
MOVED_FOR = 86400.0


def refuse_entry(room: Room[O], member: Member[O], key: str) -> None:
    """Keep out of a room who may not enter it; who was invited by name always may.

    So may the operators of a room that is kept: else nobody could open it again.

    :raises Refusal: they may not.
    """
    if rank(room, member) >= Role.OPERATOR:
        return
    if "R" in room.flags and not member.account:
        raise Refusal(Code.FORBIDDEN, "only accounts may enter: LOGIN", Why.ACCOUNTS_ONLY)
    if member.key in room.invited:
        return
    if is_banned(room, member):
        raise Refusal(Code.FORBIDDEN, "banned", Why.BANNED)
    if "i" in room.flags and not _on(room.lists["I"], member):
        raise Refusal(Code.FORBIDDEN, "invite only", Why.INVITE_ONLY)
    if room.key and key != room.key:
        raise Refusal(Code.FORBIDDEN, "wrong key", Why.WRONG_KEY)
    if room.limit and len(room.members) >= room.limit:
        raise Refusal(Code.FORBIDDEN, "room is full", Why.FULL)


def refuse_speech(room: Room[O], member: Member[O], text: str, at: float) -> None:
    """Keep from speaking who may not; a voice may in spite of all but ``C``.

    :param at: seconds since 1970.
    :raises Refusal: they may not.
    """
    if "C" in room.flags and text.startswith("\x01"):
        raise Refusal(Code.FORBIDDEN, "no CTCP here", Why.NO_CTCP)
    role = room.members.get(member)
    if role is None and "n" in room.flags:
        raise outside(room)
    if role:
        return
    if "m" in room.flags:
        raise Refusal(Code.FORBIDDEN, "moderated", Why.MODERATED)
    if "M" in room.flags and not member.account:
        raise Refusal(Code.FORBIDDEN, "only accounts may speak: LOGIN", Why.ACCOUNTS_ONLY)
    if is_banned(room, member):
        raise Refusal(Code.FORBIDDEN, "banned", Why.BANNED)
    if _is_muted(room, member):
        raise Refusal(Code.FORBIDDEN, "muted", Why.MUTED)
    if room.slow:
        _refuse_haste(room, member, at)


def refuse_new_name(room: Room[O], at: float) -> None:
    """Keep a room's name for a while: some clients have to be told of a new one at great length.

    :param at: seconds since 1970.
    :raises Refusal: it has not had it for long.
    """
    wait = room.renamed + RENAME_EVERY - at if room.renamed else 0.0
    if wait > 0:
        raise Refusal(Code.SLOW, f"renamed just now: wait {ceil(wait)} s", Why.SLOW)


def refuse_all_but_operators(room: Room[O], member: Member[O]) -> None:
    """Let only operators of a room pass.

    :raises Refusal: it is none.
    """
    if room.role(member) < Role.OPERATOR:
        raise Refusal(Code.FORBIDDEN, "not an operator", Why.NOT_OPERATOR)


def is_banned(room: Room[O], member: Member[O]) -> bool:
    """Say whether a member is on the list of bans, and on none of exceptions."""
    bans = room.lists["b"]
    return bool(bans) and _on(bans, member) and not _on(room.lists["e"], member)


def _is_muted(room: Room[O], member: Member[O]) -> bool:
    mutes = [mask.removeprefix(MUTE) for mask in room.lists["b"] if mask.startswith(MUTE)]
    excepted = [mask.removeprefix(MUTE) for mask in room.lists["e"]]
    return bool(mutes) and _on(mutes, member) and not _on(excepted, member)


def _on(masks: Iterable[str], member: Member[O]) -> bool:
    shown = f"{member.name}!{member.mask}"
    return any(matches(mask, shown) for mask in masks)


def _refuse_haste(room: Room[O], member: Member[O], at: float) -> None:
    last = room.spoken.get(member.key)
    wait = 0.0 if last is None else seconds_of(last) + room.slow - at
    if wait > 0:
        raise Refusal(Code.SLOW, f"slow mode: wait {ceil(wait)} s", Why.SLOW)
