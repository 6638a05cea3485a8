"""JOIN: entering rooms, also by the names that they had until lately (RFC 2812, 3.2.1).

Who asks for a room's old name is told the new one (IRCv3 draft/channel-rename, channel
redirection), or led there where their client knows nothing of that.
"""

from functools import partial

from twisted_net.chat.codec.events import Event
from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.codec.refusals import Moved, Refusal
from twisted_net.chat.codec.requests import Join, Part
from twisted_net.chat.core.irc.commands import Command
from twisted_net.chat.core.irc.renaming import CAPABILITY
from twisted_net.chat.core.irc.rooms import named, say_room
from twisted_net.chat.core.irc.session import Session


def join(session: Session, message: Message) -> None:
    """Enter rooms; ``0``: leave all."""
    if message.params[0] == "0":
        for room in list(session.me.rooms.values()):
            session.ask(Part(room.name))
        return
    keys = message.params[1].split(",") if len(message.params) > 1 else []
    for number, channel in enumerate(message.params[0].split(",")):
        name = named(session, channel)
        if name is not None:
            what = Join(name, keys[number] if number < len(keys) else "")
            not_joined = partial(_not_joined, session, channel, what)
            session.ask(what, partial(_joined, session), not_joined)


def _joined(session: Session, event: Event | None) -> None:
    if event is None:
        return  # inside already
    say_room(session, session.hub.inside(session.me, event.where))


def _not_joined(session: Session, channel: str, what: Join, refusal: Refusal) -> None:
    if not isinstance(refusal, Moved):
        session.refuse(refusal, channel)
        return
    now = f"#{refusal.room}"
    if CAPABILITY in session.capabilities:
        session.fail("CHANNEL_RENAMED", channel, now, "The channel has been renamed")
    elif not session.over:
        session.reply(Numeric.ERR_LINKCHANNEL, channel, now)
        session.ask(Join(refusal.room, what.key), partial(_joined, session), about=(now,))


COMMANDS = {"JOIN": Command(join, "<channel>{,<channel>} [<key>{,<key>}]", 1, cost=2.0)}
