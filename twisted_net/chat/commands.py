"""``netdemo chat``: talk on a chat server, by hand or from a script."""

import getpass
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from twisted_net.chat import keyring, terminal
from twisted_net.chat.client import ChatClient, ChatDatagramClient, ChatLineClient, RefusedError
from twisted_net.chat.codec import line as codec
from twisted_net.chat.codec.messages import (
    Announced,
    Code,
    Command,
    Heard,
    Help,
    Ping,
    Pong,
    Quit,
    Refusal,
    Reply,
    Talk,
    Usage,
)
from twisted_net.chat.core.ident import MAX_NAME, checked_name
from twisted_net.chat.screen import Screen
from twisted_net.chat.settings import ChatSettings
from twisted_net.net import console, endpoints
from twisted_net.net.clients import Target, Trust, parse_target, trusting
from twisted_net.net.errors import ClientError, NetError, NoAnswerError, SettingError
from twisted_net.net.text import safe

if TYPE_CHECKING:
    from twisted_net.chat.core.introduction import Identity
    from twisted_net.chat.core.known import Known

PORT = endpoints.parse(ChatSettings().tcp, "stream").port
UDP_PORT = endpoints.parse(ChatSettings().udp, "datagram").port

#: Names that are tried when the login name is taken: name, name2, … as people do it.
NAME_TRIES = 20


class _Chat(click.Command):
    """The command, under whose name there is another one; a host called so has a port."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the arguments of the one or the other."""
        if args[:1] != ["forget"]:
            return super().make_context(info_name, args, parent, **extra)
        from twisted_net.chat.forget import forget

        return forget.make_context(f"{info_name} forget", args[1:], parent, **extra)


@click.command(cls=_Chat)
@click.argument("address", required=False, metavar="[SERVER]")
@click.option("--udp", is_flag=True, help="Talk over UDP.")
@click.option("--nick", metavar="NAME", help="The name to take.  [your login name]")
@click.option(
    "--server", "-s", metavar="HOST[:PORT]", help=f"The same as SERVER.  [127.0.0.1:{PORT}]"
)
@console.trust
@click.option("--peer", is_flag=True, help="Talk without a server; SERVER is another peer.")
@click.option("--discover", is_flag=True, help="With --peer: look for others on this network.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help=f"With --peer: listen here.  [{UDP_PORT}]",
)
@click.option(
    "--interface",
    metavar="ADDRESS",
    help="With --peer: listen on it.  [127.0.0.1; with --discover all]",
)
@click.option(
    "--forget-peer",
    metavar="NAME",
    help="Forget the key by which a peer is known, because they have a new one; then exit.",
)
@console.as_json
@console.patience
@console.debug
def chat(
    address: str | None,
    udp: bool,
    nick: str | None,
    server: str | None,
    trust: Trust | None,
    peer: bool,
    discover: bool,
    port: int | None,
    interface: str | None,
    forget_peer: str | None,
    as_json: bool,
    patience: float,
    debug: bool,
) -> None:
    """Talk on a chat server.

    What you type is said, what others say is printed. A line that begins with / is a command:
    /nick, /who, /rooms, /msg, /join, /part, /use, /me, /quit; /help lists them. Ctrl-D leaves.
    Lines from a pipe are said one after the other, each when the one before has arrived; then
    the chat is left. "netdemo chat forget" takes an account out of a server's file.

    \b
      netdemo chat
      netdemo chat --udp --nick red 192.0.2.1
      echo "the build is done" | netdemo chat --nick builder
      netdemo chat --peer --discover
    """
    try:
        if forget_peer is not None:
            console.say(*_forgotten(forget_peer), as_json)
            return
        if peer:
            connect = _as_peer(address or server, discover, port, interface, patience)
        else:
            _refuse_without_peer(discover, port, interface)
            connect = _to_server(trusting(_target(address, server, udp), trust), patience, as_json)
    except NetError as error:
        console.fail(error)
    if terminal.can_edit():
        terminal.take_asyncio()
    announcer = "" if peer else "server: "
    console.run(lambda reactor: _chat(reactor, connect, nick, as_json, announcer), debug)


#: Makes a client of what it is heard with.
Connect = Callable[[Any, Callable[[Heard], None]], ChatClient]


def _to_server(target: Target, patience: float, ids: bool) -> Connect:
    def connect(reactor: Any, heard: Callable[[Heard], None]) -> ChatClient:
        if target.scheme == "udp":  # where events have ids always
            return ChatDatagramClient(reactor, target, heard, patience)
        return ChatLineClient(reactor, target, heard, patience, ids=ids)

    return connect


def _as_peer(
    other: str | None, discover: bool, port: int | None, interface: str | None, patience: float
) -> Connect:
    seeds = [] if other is None else [parse_target(other, UDP_PORT, "udp")]
    if any(each.scheme != "udp" for each in seeds):
        raise SettingError(f"{other!r} is no address of a peer; want HOST[:PORT]")
    loopback = all(each.host in ("127.0.0.1", "localhost", "::1") for each in seeds)
    choices = ("::1", "::") if any(":" in each.host for each in seeds) else ("127.0.0.1", "0.0.0.0")  # noqa: S104
    where = interface or choices[discover or not loopback]
    try:
        host = endpoints.address(where)
    except ValueError as error:
        raise SettingError(f"--interface {where!r}: {error}") from None
    here = Target("udp", host, UDP_PORT if port is None else port)
    identity, known, trouble = _keys()

    def connect(reactor: Any, heard: Callable[[Heard], None]) -> ChatClient:
        from twisted_net.chat.peer import ChatPeer  # a whole server, which others do not need

        if trouble:
            heard(Announced(trouble))
        return ChatPeer(
            reactor,
            here,
            heard,
            patience,
            seeds=seeds,
            discover=discover,
            group_port=UDP_PORT,
            identity=identity,
            known=known,
        )

    return connect


def _keys() -> "tuple[Identity | None, Known | None, str]":
    """Return one's own key, whom one has met, and why there is neither.

    :raises SettingError: there are files of that name that hold something else.
    """
    kept = keyring.folder()
    try:
        return keyring.own_key(kept), keyring.KnownFile(kept), ""
    except ImportError:
        why = "needs cryptography: pip install 'twisted_net[tls]'"
    except OSError as error:
        why = f"{error.filename}: {error.strerror}"
    return None, None, f"no key, so nobody is proven to anybody: {why}"


def _forgotten(name: str) -> tuple[str, dict[str, Any]]:
    try:
        known = keyring.KnownFile(keyring.folder()).forget(name)
    except OSError as error:
        raise ClientError(f"{error.filename}: {error.strerror}") from error
    if not known:
        raise ClientError(f"no peer {name!r} is known; nothing was forgotten")
    return f"forgot the key of {safe(name)}; the next one under that name is believed", {
        "forgot": name
    }


def _refuse_without_peer(discover: bool, port: int | None, interface: str | None) -> None:
    given = {"--discover": discover, "--port": port is not None, "--interface": interface}
    for option, used in given.items():
        if used:
            raise SettingError(f"{option} is for peers; add --peer")


def _target(address: str | None, server: str | None, udp: bool) -> Target:
    if address is not None and server is not None:
        raise SettingError(f"two servers, {address!r} and {server!r}; name one")
    text = address or server or "127.0.0.1"
    udp = udp or text.startswith("udp:")
    target = parse_target(text, UDP_PORT if udp else PORT, "udp" if udp else "tcp")
    if udp != (target.scheme == "udp") or target.scheme == "tftp":
        raise SettingError(f"{text!r} is no address of a chat{' over UDP' if udp else ''}")
    return target


async def _chat(
    reactor: Any, connect: Connect, nick: str | None, as_json: bool, announcer: str
) -> None:
    screen = Screen(as_json, announcer)
    client = connect(reactor, screen.show)
    screen.client = client
    try:
        await _enter(client, nick)
        await _talk(reactor, client, screen)
    except RefusedError as error:
        raise ClientError(_as_typed(error.text)) from error
    finally:
        await client.leave()


async def _enter(client: ChatClient, nick: str | None) -> None:
    """Take the name wanted, or else the login name or one like it."""
    if nick is not None:
        await client.enter(nick)
        return
    name = _login_name()
    for number in range(1, NAME_TRIES + 1):
        ending = str(number) if number > 1 else ""
        try:
            await client.enter(name[: MAX_NAME - len(ending)] + ending)
        except RefusedError as error:
            if error.code != Code.TAKEN or number == NAME_TRIES:
                raise
        else:
            return


async def _talk(reactor: Any, client: ChatClient, screen: "Screen") -> None:
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
                screen.refused(error.code, _as_typed(error.text))
            except NoAnswerError as error:
                if not by_hand:
                    raise
                screen.refused(Code.LATE, str(error))  # a session may outlive that
    finally:
        lines.close()


async def _obey(client: ChatClient, screen: "Screen", text: str) -> bool:
    """Do what a line says; False: it says to leave."""
    try:
        command = _parse(text)
        if isinstance(command, Help):
            screen.replies(_usages(command))
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


def _parse(text: str) -> Command | None:
    """Read a line as it is typed here, where a word in capitals is no command.

    :raises Refusal: it is a command, and wrong.
    """
    text = text.expandtabs()
    if not text.startswith("/"):
        return Talk(text) if text.strip() else None
    word, space, rest = text.partition(" ")
    if word.lower() == "/msg":
        word = "/tell"
    return codec.parse((word + space + rest).encode("utf-8", "surrogateescape"))


#: What is no command here: this client speaks UTF-8.
_NOT_HERE = "CHARSET "


def _usages(command: Help) -> list[Reply]:
    verb = "tell" if command.verb.lower() in ("msg", "/msg") else command.verb
    return [_typed(each) for each in codec.usages(verb) if not each.form.startswith(_NOT_HERE)]


def _typed(usage: Usage) -> Usage:
    """Return how a command is typed here."""
    word, space, rest = usage.form.partition(" ")
    return Usage(_slashed(word) + space + rest, usage.meaning)


#: Where a refusal names a command: what it wants, and what to say instead.
_NAMED = re.compile(
    r"^[A-Z]+(?= wants: )|(?<= wants: )[A-Z]+|(?<=: )(?:JOIN|NICK|LOGIN)(?= |$)|\bHELP$"
)


def _as_typed(refusal: str) -> str:
    """Return a refusal with its commands as they are typed here."""
    return _NAMED.sub(lambda match: _slashed(match[0]), refusal)


def _slashed(word: str) -> str:
    return "/msg" if word == "TELL" else f"/{word.lower()}"


def _login_name() -> str:
    """Return the login name as far as the chat takes it."""
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # nobody is logged in as this number
        login = ""
    kept = "".join(each for each in login if each.isascii() and (each.isalnum() or each in "-_"))
    return checked_name(kept[:MAX_NAME] or "guest")
