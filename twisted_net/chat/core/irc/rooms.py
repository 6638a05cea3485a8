"""Rooms: PART, NAMES, TOPIC, LIST, KICK, INVITE (RFC 2812, 3.2)."""

from collections.abc import Sequence
from functools import partial

from twisted_net.chat.codec.events import Event
from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.refusals import Refusal, Why
from twisted_net.chat.codec.requests import Invite, Kick, Part, Topic
from twisted_net.chat.core.irc import subscribing
from twisted_net.chat.core.irc.capabilities import lines_of
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.elist import Wanted
from twisted_net.chat.core.irc.isupport import MAX_TARGETS
from twisted_net.chat.core.irc.markers import say_marker
from twisted_net.chat.core.irc.names import Way, sign, words
from twisted_net.chat.core.irc.pieces import in_pieces
from twisted_net.chat.core.irc.session import Session
from twisted_net.chat.core.room import Member, Room

#: Members named in one turn of the reactor, some 1.5 ms: nobody else waits for a large room.
SLICE = 1000


def say_room(session: Session, room: Room[object]) -> None:
    """Say what whoever enters a room is told: its topic, how far they have read, who is there."""
    if room.topic is not None:
        _say_topic(session, room)
    if "draft/read-marker" in session.capabilities:
        say_marker(session, f"#{room.name}", partial(_say_all, session, room))
    else:
        _say_all(session, room)


def _say_all(session: Session, room: Room[object]) -> None:
    if "no-implicit-names" not in session.capabilities:
        say_names(session, room)
    subscribing.entered(session, room)


def named(session: Session, channel: str) -> str | None:
    """Return a channel's name as a room; None, and say so, if it is no channel."""
    if channel[:1] != "#":
        session.reply(Numeric.ERR_NOSUCHCHANNEL, channel or "*")
        return None
    return channel[1:]


def part(session: Session, message: Message) -> None:
    """Leave rooms."""
    why = message.params[1] if len(message.params) > 1 else ""
    for channel in message.params[0].split(","):
        name = named(session, channel)
        if name is not None:
            session.ask(Part(name, why), about=(channel,))


def seen(session: Session, channel: str) -> Room[object] | None:
    """Return a room by its channel's name, if it may be seen."""
    if channel[:1] != "#":
        return None
    try:
        return session.hub.room(channel[1:], session.me)
    except Refusal:
        return None


# Who is there.


def names(session: Session, message: Message) -> None:
    """Say who is in a room."""
    channel = message.params[0].partition(",")[0] if message.params else "*"
    room = seen(session, channel)
    if room is None:
        session.reply(Numeric.RPL_ENDOFNAMES, channel or "*")
    else:
        say_names(session, room)


def say_names(session: Session, room: Room[object]) -> None:
    """Say who is in a room that may be seen; of a very large one, piece by piece."""

    def tell(piece: Sequence[Member[object]]) -> bool:
        if seen(session, f"#{room.name}") is not room:
            return False
        _say_piece(session, room, piece)
        return True

    def end() -> None:
        session.reply(Numeric.RPL_ENDOFNAMES, f"#{room.name}")

    in_pieces(session, session.hub.seen(room, session.me), SLICE, tell, end)


def _say_piece(session: Session, room: Room[object], members: Sequence[Member[object]]) -> None:
    symbol = "@" if "s" in room.flags else "="
    heading, size = session.heading(Numeric.RPL_NAMREPLY, (symbol, f"#{room.name}"))
    capable = session.capabilities
    way = Way("userhost-in-names" in capable, "multi-prefix" in capable, size)
    if members is room.all:
        session.under(heading, session.server.names.lines(room, way))
        return
    found = words(room, (each for each in members if each in room.members), way)
    if found:
        session.under(heading, lines_of(found, size))


def signs(session: Session, room: Room[object], member: Member[object]) -> str:
    """Return what stands before a name: the highest role, or all (IRCv3 multi-prefix)."""
    return sign(room.role(member), "multi-prefix" in session.capabilities)


# What it is about.


def topic(session: Session, message: Message) -> None:
    """Say what a room is about, or change it."""
    channel = message.params[0]
    if len(message.params) > 1:
        name = named(session, channel)
        if name is not None:
            session.ask(Topic(name, message.params[1]), about=(channel,))
        return
    room = seen(session, channel)
    if room is None:
        session.reply(Numeric.ERR_NOSUCHCHANNEL, channel)
    elif room.topic is None:
        session.reply(Numeric.RPL_NOTOPIC, f"#{room.name}")
    else:
        _say_topic(session, room)


def _say_topic(session: Session, room: Room[object]) -> None:
    if room.topic is not None:
        channel = f"#{room.name}"
        session.reply(Numeric.RPL_TOPIC, channel, room.topic.text)
        when = str(int(room.topic.when))
        session.reply(Numeric.RPL_TOPICWHOTIME, channel, room.topic.by, when)


def listed(session: Session, message: Message) -> None:
    """Say what rooms there are."""
    wanted = Wanted(message.params, session.now)
    session.reply(Numeric.RPL_LISTSTART, "Channel")
    for room in session.hub.rooms(session.me):
        if session.is_long:
            session.reply(Numeric.ERR_TOOMANYMATCHES, "LIST")
            break
        if wanted.has(room):
            text = room.topic.text if room.topic else ""
            count = str(len(session.hub.seen(room, session.me)))
            session.reply(Numeric.RPL_LIST, f"#{room.name}", count, text)
    session.reply(Numeric.RPL_LISTEND)


# Who may be there.


def kick(session: Session, message: Message) -> None:
    """Throw members out of a room; or each out of its own, if there are as many rooms."""
    channels, victims = (param.split(",") for param in message.params[:2])
    why = message.params[2] if len(message.params) > 2 else ""
    if len(channels) == 1:
        channels *= len(victims)
    if len(channels) != len(victims):
        session.reply(Numeric.ERR_NEEDMOREPARAMS, message.command)
        return
    for channel, victim in list(zip(channels, victims, strict=True))[:MAX_TARGETS]:
        name = named(session, channel)
        if name is not None:
            refused = partial(_not_kicked, session, channel, victim)
            session.ask(Kick(name, victim, why or session.nick), refused=refused)
    for victim in victims[MAX_TARGETS:]:
        session.reply(Numeric.ERR_TOOMANYTARGETS, victim)


def _not_kicked(session: Session, channel: str, victim: str, refusal: Refusal) -> None:
    session.refuse(refusal, *about_member(refusal, victim, channel))


def about_member(refusal: Refusal, name: str, channel: str) -> tuple[str, ...]:
    """Return what a refusal is about, of what concerns a member in a room."""
    if refusal.why in (Why.NOT_THERE, Why.ALREADY_INSIDE):
        return name, channel
    return (name,) if refusal.why is Why.NO_MEMBER else (channel,)


def invite(session: Session, message: Message) -> None:
    """Invite a member into a room; without words: say who has invited this one."""
    if not message.params:
        for room in session.hub.rooms(None):
            if session.me.key in room.invited:
                session.reply(Numeric.RPL_INVITELIST, f"#{room.name}")
        session.reply(Numeric.RPL_ENDOFINVITELIST)
        return
    if len(message.params) == 1:
        session.reply(Numeric.ERR_NEEDMOREPARAMS, message.command)
        return
    victim, channel = message.params[:2]
    name = named(session, channel)
    if name is not None:
        session.ask(
            Invite(victim, name),
            lambda event: _invited(session, event),
            lambda refusal: session.refuse(refusal, *about_member(refusal, victim, channel)),
        )


def _invited(session: Session, event: Event | None) -> None:
    if event is not None:
        session.reply(Numeric.RPL_INVITING, event.other, f"#{event.where}")
        guest = session.hub.known(event.other)
        if guest is not None and guest.away:
            session.reply(Numeric.RPL_AWAY, guest.name, guest.away)


COMMANDS = {
    "PART": Command(part, "<channel>{,<channel>} [<reason>]", 1),
    "NAMES": Command(names, "<channel>"),
    "TOPIC": Command(topic, "<channel> [<topic>]", 1),
    "LIST": Command(listed, "[<channel>{,<channel>}] [<condition>{,<condition>}]"),
    "KICK": Command(kick, "<channel> <nickname>{,<nickname>} [<reason>]", 2),
    "INVITE": Command(invite, "[<nickname> <channel>]"),
}
