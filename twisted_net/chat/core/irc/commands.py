"""The commands of IRC: which there are, what they want, and who may give them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from twisted_net.chat.codec.irc.numerics import Numeric
from twisted_net.chat.codec.irc.wire import Message
from twisted_net.chat.core.irc.session import Session


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    :ivar run: obeys it.
    :ivar usage: its parameters, for HELP.
    :ivar least: parameters that it needs.
    :ivar early: whether it may be given before registration.
    :ivar cost: of the tokens that a client has.
    """

    run: Callable[[Session, Message], None]
    usage: str = ""
    least: int = 0
    early: bool = False
    cost: float = 1.0


#: What takes the parts of a batch, too, whatever command they are.
BATCH = "BATCH"

Commands = Mapping[str, Command]


def obey(commands: Commands, session: Session, message: Message, now: float) -> None:
    """Do what a client says, or say why not."""
    session.begin(message, now)
    within = "batch" in message.tags and session.batches_lines
    command = commands.get(BATCH if within else message.command)
    if command is None:
        session.reply(Numeric.ERR_UNKNOWNCOMMAND, message.command)
    elif session.member is None and not command.early:
        session.reply(Numeric.ERR_NOTREGISTERED)
    elif len(message.params) < command.least:
        session.reply(Numeric.ERR_NEEDMOREPARAMS, message.command)
    else:
        command.run(session, message)
    session.end()
