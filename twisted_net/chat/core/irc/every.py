"""All commands that the IRC door understands."""

from twisted_net.chat.core.irc import (
    about,
    accounting,
    banning,
    certificates,
    gateway,
    joining,
    markers,
    metadata,
    monitor,
    multiline,
    operators,
    ordering,
    past,
    people,
    registration,
    renaming,
    rooms,
    talking,
    who,
)
from twisted_net.chat.core.irc.commands import Command

COMMANDS: dict[str, Command] = {
    **registration.COMMANDS,
    **gateway.COMMANDS,
    **about.COMMANDS,
    **joining.COMMANDS,
    **rooms.COMMANDS,
    **renaming.COMMANDS,
    **ordering.COMMANDS,
    **talking.COMMANDS,
    **multiline.COMMANDS,
    **who.COMMANDS,
    **people.COMMANDS,
    **monitor.COMMANDS,
    **accounting.COMMANDS,
    **certificates.COMMANDS,
    **past.COMMANDS,
    **markers.COMMANDS,
    **metadata.COMMANDS,
    **operators.COMMANDS,
    **banning.COMMANDS,
}
COMMANDS["HELP"] = about.helping(COMMANDS)
