"""Chat as a service: its doors, which share one hub."""

import platform
from dataclasses import replace
from functools import partial
from typing import ClassVar

from twisted.plugin import IPlugin
from zope.interface import implementer

from twisted_net.chat.banning import Banning
from twisted_net.chat.bus import choosing
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.words import Words
from twisted_net.chat.doors.datagram import ChatDatagramProtocol
from twisted_net.chat.doors.everybody import show_out
from twisted_net.chat.doors.line import ChatLineFactory
from twisted_net.chat.doors.outlet import Outlet
from twisted_net.chat.doors.stream import NAME_WITHIN
from twisted_net.chat.doors.web import ChatResource
from twisted_net.chat.irc import irc_doors, irc_page, irc_server
from twisted_net.chat.keeping import Keep, look, opened
from twisted_net.chat.owning import Owning
from twisted_net.chat.post import Post
from twisted_net.chat.settings import SECONDS, ChatSettings, words_in
from twisted_net.net.drops import Drops
from twisted_net.net.pages import DOOR
from twisted_net.net.service import Door, INetService, Runtime

#: The doors that one hub serves, wherever it runs.
_DOORS = ("chat-tcp", "chat-udp", "irc", "irc-tls", "irc-legacy", "ipmsg")


@implementer(IPlugin, INetService)
class ChatService:
    """The service that `registry` lists."""

    name = "chat"
    summary = "One chat over TCP lines, for nc, over IRC, and over UDP sessions"
    settings = ChatSettings
    commands: ClassVar = {"chat": "twisted_net.chat.commands:chat"}

    def doors(self, settings: ChatSettings, runtime: Runtime) -> list[Door]:
        """Make the doors, which share one hub.

        :raises StartError: ``--chat-store`` or ``--auth`` names what is of no use.
        """
        reactor, dice = runtime.reactor, runtime.dice
        words = words_in(settings.words) if settings.words else Words()
        if runtime.here == frozenset():
            _look(settings)
        kept = opened(_keep(settings, runtime), runtime)
        hub: Hub[Outlet] = Hub(settings.lobby, kept.accounts.registered, words=words)
        kept.accounts.present = lambda name: hub.known(name) is not None
        chosen = choosing.chosen(
            settings.bus, settings.bus_password, runtime, hub, kept.last, kept.secret
        )
        post = Post(hub, chosen.bus, chosen.deliver, kept.history, kept.accounts)
        chosen.earlier.append(post.earlier)
        owning = Owning(hub, post.announce, reactor.seconds, kept.rooms, kept.records)
        post.watch(owning.happened)
        chosen.when_ready(owning.begin)
        show = partial(show_out, post, reactor.seconds)
        banning = Banning(hub, post.announce, show, reactor.seconds, kept.bans, kept.banned)
        post.watch(banning.happened)
        chosen.when_ready(banning.begin)
        secret, beneath = chosen.secret, chosen.beneath
        irc = irc_server(settings, runtime, post, chosen.bus, secret, kept.profiles)
        if runtime.here is None:  # else a request might come to a process without the chat
            web = runtime.counters.door(DOOR)
            page = ChatResource(post, reactor, dice, settings.queue, web, secret)
            runtime.pages.add("chat", "Chat", page, "talk with all who are here")
            if settings.irc_web:
                runtime.pages.add("irc", "", irc_page(settings, runtime, irc))
        if settings.hooks and _here(runtime):
            from twisted_net.chat.hooks.made import made  # only who has some pays for a client

            drops = Drops("chat", runtime.counters.door("chat"), reactor.seconds)
            hooks = made(settings.hooks, post, reactor, drops)
            if runtime.here is None:
                runtime.pages.add("hook", "", hooks)
        lines, datagrams = (runtime.counters.door(name) for name in ("chat-tcp", "chat-udp"))
        doors = [
            Door(
                "chat-tcp",
                "stream",
                settings.tcp,
                ChatLineFactory(
                    post, reactor, settings.queue, lines, secret, settings.charset, settings.rate
                ),
                paste="nc {host} {port}",
                first=NAME_WITHIN,
                keeps_first=True,
                idle=None,  # whoever only listens is no less there
            ),
            Door(
                "chat-udp",
                "datagram",
                settings.udp,
                ChatDatagramProtocol(post, reactor, dice, datagrams, secret),
                paste="netdemo chat --udp --server {address}",
            ),
            *irc_doors(settings, runtime, irc),
        ]
        if settings.ipmsg:
            doors.append(_ipmsg(settings, runtime, post))
        return [replace(each, stands_on=(*beneath, *kept.beneath)) for each in doors]


def _ipmsg(settings: ChatSettings, runtime: Runtime, post: Post[Outlet]) -> Door:
    from twisted_net.chat.doors.ipmsg import IpmsgDatagramProtocol

    counters, host = runtime.counters.door("ipmsg"), platform.node() or "localhost"
    serve = IpmsgDatagramProtocol(
        post, runtime.reactor, runtime.dice, counters, host, settings.ipmsg_room
    )
    return Door("ipmsg", "datagram", settings.ipmsg, serve, paste="iptux", mutual=True)


def _look(settings: ChatSettings) -> None:
    """See to it that what another process will open is of use, while the start can still fail."""
    if settings.store:
        look(settings.store)
    if settings.hooks:
        from twisted_net.chat.hooks.config import hooks_in

        hooks_in(settings.hooks)


def _keep(settings: ChatSettings, runtime: Runtime) -> Keep:
    seconds = 0
    if settings.keep != "0":
        seconds = int(settings.keep[:-1]) * SECONDS[settings.keep[-1]]
    store = settings.store if _here(runtime) else ""
    return Keep(store, seconds, settings.keep, settings.register, settings.auth)


def _here(runtime: Runtime) -> bool:
    """Say whether this process has the chat, and with it the file, of several that make doors."""
    return any(runtime.opens(door) for door in _DOORS)


chat = ChatService()
