"""The conversation of ``netdemo chat``: a name is taken, lines are obeyed, and the chat is left."""

import getpass
import sys
from typing import Any

from twisted_net.chat import terminal
from twisted_net.chat.client import ChatClient, RefusedError
from twisted_net.chat.codec.messages import Code, Help, Ping, Pong, Quit, Refusal
from twisted_net.chat.core.ident import MAX_NAME, checked_name
from twisted_net.chat.screen import Screen
from twisted_net.chat.typed import as_typed, parse, usages_of
from twisted_net.net.errors import ClientError, NoAnswerError

#: Names that are tried when the login name is taken: name, name2, … as people do it.
NAME_TRIES = 20


async def converse(reactor: Any, client: ChatClient, nick: str | None, screen: Screen) -> None:
    """Talk until there are no more lines, or one says to leave.

    :param nick: the name to take; None: the login name, or one like it.
    :raises ClientError: the chat refused, or the way to it is lost.
    """
    screen.client = client
    try:
        await enter(client, nick)
        await _talk(reactor, client, screen)
    except RefusedError as error:
        raise ClientError(as_typed(error.text)) from error
    finally:
        await client.leave()


async def enter(client: ChatClient, nick: str | None) -> None:
    """Take the name wanted, or else the login name or one like it."""
    if nick is not None:
        await client.enter(nick)
        return
    name = login_name()
    for number in range(1, NAME_TRIES + 1):
        ending = str(number) if number > 1 else ""
        try:
            await client.enter(name[: MAX_NAME - len(ending)] + ending)
        except RefusedError as error:
            if error.code != Code.TAKEN or number == NAME_TRIES:
                raise
        else:
            return


async def _talk(reactor: Any, client: ChatClient, screen: Screen) -> None:
    by_hand = sys.stdin.isatty()
    if by_hand:
        screen.welcome()
    lines = terminal.EditedLines("> ") if terminal.can_edit() else terminal.PlainLines(reactor)
    client.on_lost(lines.fail)
    try:
        while (text := await lines.next()) is not None:
            try:
                if not await _obey(client, screen, text):
                    break
            except RefusedError as error:
                if not by_hand:
                    raise
                screen.refused(error.code, as_typed(error.text))
            except NoAnswerError as error:
                if not by_hand:
                    raise
                screen.refused(Code.LATE, str(error))  # a session may outlive that
    finally:
        lines.close()


async def _obey(client: ChatClient, screen: Screen, text: str) -> bool:
    """Do what a line says; False: it says to leave."""
    try:
        command = parse(text)
        if isinstance(command, Help):
            screen.replies(usages_of(command))
            return True
    except Refusal as refusal:
        raise RefusedError(refusal.code, refusal.text) from refusal
    match command:
        case None:
            return True
        case Quit():
            return False
        case Ping(token):
            screen.replies([Pong(token)])
        case _:
            screen.replies(await client.request(command))
    return True


def login_name() -> str:
    """Return the login name as far as the chat takes it."""
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # nobody is logged in as this number
        login = ""
    kept = "".join(each for each in login if each.isascii() and (each.isalnum() or each in "-_"))
    return checked_name(kept[:MAX_NAME] or "guest")
