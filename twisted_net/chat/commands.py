"""``netdemo chat``: talk on a chat server, by hand or from a script."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from twisted_net.chat import conversation, keyring, terminal
from twisted_net.chat.client import ChatClient, ChatDatagramClient, ChatLineClient
from twisted_net.chat.codec.messages import Announced, Heard
from twisted_net.chat.screen import Screen
from twisted_net.chat.settings import ChatSettings
from twisted_net.net import console, endpoints
from twisted_net.net.clients import Target, Trust, parse_target, trusting
from twisted_net.net.errors import ClientError, NetError, SettingError
from twisted_net.net.text import safe

if TYPE_CHECKING:
    from twisted_net.chat.core.introduction import Identity
    from twisted_net.chat.core.known import Known

PORT = endpoints.parse(ChatSettings().tcp, "stream").port
UDP_PORT = endpoints.parse(ChatSettings().udp, "datagram").port


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
@click.option("--nick", metavar="NAME", help="The name to take.  [default: your login name]")
@click.option(
    "--server",
    "-s",
    metavar="HOST[:PORT]",
    help=f"The same as SERVER.  [default: 127.0.0.1:{PORT}]",
)
@console.trust
@click.option("--peer", is_flag=True, help="Talk without a server; SERVER is another peer.")
@click.option("--discover", is_flag=True, help="With --peer: look for others on this network.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help=f"With --peer: listen here.  [default: {UDP_PORT}]",
)
@click.option(
    "--interface",
    metavar="ADDRESS",
    help="With --peer: listen on it.  [default: 127.0.0.1; with --discover all]",
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

    async def converse(reactor: Any) -> None:
        screen = Screen(as_json, announcer)
        await conversation.converse(reactor, connect(reactor, screen.show), nick, screen)

    console.run(converse, debug)


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
