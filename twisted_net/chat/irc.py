"""The IRC doors of the chat, from their settings; all of them share one server."""

import socket
from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version

from twisted_net.chat.accounts.realm import Accounts
from twisted_net.chat.core.irc.monitor import Watches
from twisted_net.chat.core.irc.offered import OFFERED
from twisted_net.chat.core.irc.renaming import tell_all
from twisted_net.chat.core.irc.security import Policy
from twisted_net.chat.core.irc.server import IrcServer
from twisted_net.chat.core.irc.subscriptions import Subscriptions
from twisted_net.chat.doors.desk import Accountant, Biographer, Historian
from twisted_net.chat.doors.irc import ChatIrcFactory
from twisted_net.chat.doors.stream import NAME_WITHIN
from twisted_net.chat.founding import Founded
from twisted_net.chat.gateways import Gateways
from twisted_net.chat.opers import Operators
from twisted_net.chat.settings import ChatSettings, password_in, policy_in
from twisted_net.net import endpoints
from twisted_net.net.errors import StartError
from twisted_net.net.pages import DOOR
from twisted_net.net.service import Door, Runtime
from twisted_net.net.websocket.resource import WebSocketResource

#: What a connection beyond the limits is told.
_BUSY = b"ERROR :Closing link: too many connections, try again later\r\n"

#: Part of the queue of one client that a single answer may take, so that asking costs nobody its
#: connection.
_SHARE = 2


def irc_server(settings: ChatSettings, runtime: Runtime, shared: Founded) -> IrcServer:
    """Return what all IRC doors share.

    :raises StartError: a setting asks for what another one has not given.
    """
    post = shared.post
    server = IrcServer(
        hub=post.hub,
        post=post,
        name=settings.irc_name or _host(),
        network=settings.irc_network,
        version=_version(),
        started=runtime.reactor.seconds(),
        password=password_in(settings.irc_password),
        capabilities=OFFERED,
        kept=post.history.kept if post.history is not None else "",
        secret=shared.secret,
        longest=settings.queue // _SHARE,
        soon=partial(runtime.reactor.callLater, 0),
        profiles=Biographer(shared.profiles),
    )
    if settings.irc_sts:
        server.policy = _policy(settings)
    if post.accounts is not None:
        server.accounts = Accountant(post.accounts, settings.register)
        server.guesses = post.accounts.guesses
    if post.history is not None:
        server.history = Historian(post.history)
    _let_read(server, settings, runtime, post.accounts)
    _let_hear(server, shared)
    return server


def _let_read(
    server: IrcServer, settings: ChatSettings, runtime: Runtime, accounts: Accounts | None
) -> None:
    """Let a server read who its operators and gateways are, again whenever it is asked to."""
    rereading: list[Callable[[], None]] = []
    if settings.opers:
        operators = Operators(settings.opers, runtime.reactor)
        server.operators = operators.check
        rereading.append(operators.reread)
    if settings.irc_gateways:
        guesses = accounts.guesses if accounts is not None else None
        gateways = Gateways(settings.irc_gateways, runtime.reactor, guesses)
        server.gateways = gateways
        rereading.append(gateways.reread)
    server.reread = partial(_all_of, rereading)


def _let_hear(server: IrcServer, shared: Founded) -> None:
    """Let a server hear what its clients are told in other ways than as events of their rooms."""
    post = shared.post
    server.watches = Watches(post.hub)
    shared.bus.tail(server.watches.heard)
    post.watch(partial(tell_all, server))
    server.subscriptions = Subscriptions(post.hub)
    post.watch(server.subscriptions.heard)


def _policy(settings: ChatSettings) -> Policy:
    """Return how clients are to come from now on.

    :raises StartError: there is no door that they could come to, or no name for it.
    """
    lasting, port = policy_in(settings.irc_sts)
    option = f"--irc-sts {settings.irc_sts!r}"
    door = endpoints.parse(settings.irc_tls, "stream") if settings.irc_tls else None
    if door is None or not door.encrypted:
        raise StartError(f"{option}: open a door that speaks TLS, as --irc-tls ssl:6697:...")
    if not settings.irc_name:
        raise StartError(f"{option}: say for which host, with --irc-name")
    if not (port or door.port):
        raise StartError(f"{option}: --irc-tls takes any port; say which one, as 30d:6697")
    return Policy(lasting, port or door.port, settings.irc_name)


def _all_of(calls: list[Callable[[], None]]) -> None:
    for each in calls:
        each()


def irc_doors(settings: ChatSettings, runtime: Runtime, server: IrcServer) -> list[Door]:
    """Make the IRC doors."""
    return [
        _door(name, endpoint, charset, settings, runtime, server)
        for name, endpoint, charset in (
            ("irc", settings.irc, "utf-8"),
            ("irc-tls", settings.irc_tls, "utf-8"),
            ("irc-legacy", settings.irc_legacy, settings.irc_legacy_charset),
        )
    ]


def irc_page(settings: ChatSettings, runtime: Runtime, server: IrcServer) -> WebSocketResource:
    """Make the way in for IRC clients in browsers, by their WebSockets (IRCv3, WebSocket)."""
    counters = runtime.counters.door(DOOR)
    factory = ChatIrcFactory(
        server,
        runtime.reactor,
        settings.queue,
        counters,
        name=DOOR,
        rate=settings.rate,
        binds=False,
    )
    return WebSocketResource(
        factory,
        runtime.reactor,
        text=["text.ircv3.net"],
        binary=["binary.ircv3.net"],
        origins=settings.irc_web_origins.split(",") if settings.irc_web_origins else (),
        first=None,  # it waits for a name itself
        counters=counters,
    )


def _door(
    name: str,
    endpoint: str,
    charset: str,
    settings: ChatSettings,
    runtime: Runtime,
    server: IrcServer,
) -> Door:
    counters = runtime.counters.door(name)
    factory = ChatIrcFactory(
        server, runtime.reactor, settings.queue, counters, charset, name, settings.rate
    )
    paste = "irssi --connect {host} --port {port}"
    return Door(
        name,
        "stream",
        endpoint,
        factory,
        paste=paste,
        first=NAME_WITHIN,
        keeps_first=True,
        asks_certificate=True,  # SASL EXTERNAL
        idle=None,  # it asks silent clients itself
        busy=_BUSY,
    )


def _host() -> str:
    """Return this machine's name, as far as IRC can take it for a server's."""
    name = socket.gethostname().partition(" ")[0]
    return name if name[:1].isalnum() else "netdemo"


@cache
def _version() -> str:
    try:
        return version("twisted_net")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
