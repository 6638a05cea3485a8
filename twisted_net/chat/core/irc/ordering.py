"""MODE: of rooms, their lists, and one's own (RFC 2812, 3.1.5 and 3.2.3; RFC 2811, 4)."""

from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.refusals import Refusal, Why
from twisted_net.chat.codec.requests import Mode, Modes
from twisted_net.chat.core import modes
from twisted_net.chat.core.ident import folded
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.isupport import ROOM_MODES
from twisted_net.chat.core.irc.rooms import about_member, seen
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.room import Room

#: Lists: the numeric of an entry, and of the end.
_LISTS = {
    "b": (Numeric.RPL_BANLIST, Numeric.RPL_ENDOFBANLIST),
    "e": (Numeric.RPL_EXCEPTLIST, Numeric.RPL_ENDOFEXCEPTLIST),
    "I": (Numeric.RPL_INVEXLIST, Numeric.RPL_ENDOFINVEXLIST),
}


def mode(session: Session, message: Message) -> None:
    """Say modes or change them."""
    target = message.params[0]
    if target[:1] == "#":
        _of_room(session, target, message.params[1:])
    else:
        _of_member(session, target, message.params[1:])


# Of members.


def _of_member(session: Session, target: str, words: tuple[str, ...]) -> None:
    me = session.me
    if session.hub.known(target) is None:
        session.reply(Numeric.ERR_NOSUCHNICK, target)
    elif folded(target) != folded(me.name):
        session.reply(Numeric.ERR_USERSDONTMATCH)
    elif not words:
        session.reply(Numeric.RPL_UMODEIS, "+" + "".join(sorted(me.modes)))
    else:
        known = "".join(each for each in words[0] if each in "+-o" + modes.USER_MODES)
        if known != words[0]:
            session.reply(Numeric.ERR_UMODEUNKNOWNFLAG)
        if known.strip("+-"):
            session.ask(Modes(known))


# Of rooms.


def _of_room(session: Session, channel: str, words: tuple[str, ...]) -> None:
    room = seen(session, channel)
    if room is None and words == ("-P",) and "o" in session.me.modes:
        room = session.hub.known_room(channel[1:])  # which may be secret
    if room is None:
        session.reply(Numeric.ERR_NOSUCHCHANNEL, channel)
    elif not words or not words[0]:
        _say(session, room)
    elif words[0].lstrip("+-") in _LISTS and len(words) == 1:
        _say_list(session, room, words[0].lstrip("+-"))
    else:
        _change(session, room, words)


def _say(session: Session, room: Room[object]) -> None:
    channel = f"#{room.name}"
    inside = session.me in room.members
    letters, *values = modes.shown(room, inside).split(" ")
    session.say(f"{Numeric.RPL_CHANNELMODEIS:03}", session.nick, channel, letters, *values)
    session.reply(Numeric.RPL_CREATIONTIME, channel, str(int(room.created)))


def _say_list(session: Session, room: Room[object], letter: str) -> None:
    channel = f"#{room.name}"
    entry, end = _LISTS[letter]
    for mask, made in room.lists[letter].items():
        session.reply(entry, channel, mask, made.by, str(int(made.when)))
    session.reply(end, channel)


def _change(session: Session, room: Room[object], words: tuple[str, ...]) -> None:
    channel = f"#{room.name}"
    letters = _known(session, words[0], channel)
    if not letters.strip("+-"):
        return
    changes = " ".join([letters, *words[1:]])
    session.ask(
        Mode(room.name, changes),
        refused=lambda refusal: _not_changed(session, refusal, room, changes),
    )


def _known(session: Session, letters: str, channel: str) -> str:
    """Return the letters that there are, and say which there are not."""
    for letter in dict.fromkeys(letters):
        if letter not in ROOM_MODES + "+-":
            session.reply(Numeric.ERR_UNKNOWNMODE, letter)
    return "".join(each for each in letters if each in ROOM_MODES + "+-")


def _not_changed(session: Session, refusal: Refusal, room: Room[object], changes: str) -> None:
    channel = f"#{room.name}"
    values = changes.split()[1:]
    value = next(iter(values), "*")
    if refusal.why is Why.BAD_MODE:
        letter = changes.lstrip("+-")[:1]
        shown = "*" if letter == "k" else value  # a key is for nobody's eyes
        words = (channel, letter, shown, refusal.text)
        session.say(f"{Numeric.ERR_INVALIDMODEPARAM:03}", session.nick, *words)
    elif refusal.why is Why.LIST_FULL:
        session.reply(Numeric.ERR_BANLISTFULL, channel, value)
    elif refusal.why in (Why.NO_MEMBER, Why.NOT_THERE):
        session.refuse(refusal, *about_member(refusal, _nobody(session, room, values), channel))
    else:
        session.refuse(refusal, channel)


def _nobody(session: Session, room: Room[object], values: list[str]) -> str:
    """Return the first of the values that is no member of the room."""
    here = {folded(each.name) for each in room.members}
    return next((value for value in values if folded(value) not in here), "*")


COMMANDS = {"MODE": Command(mode, "<channel or nickname> [<modes> [<value>]...]", 1)}
