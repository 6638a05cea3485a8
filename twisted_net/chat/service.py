"""Chat as a service: its doors, which share one hub."""

import platform
from dataclasses import replace
from typing import ClassVar

from twisted.plugin import IPlugin
from zope.interface import implementer

from twisted_net.chat.core.irc.server import IrcServer
from twisted_net.chat.doors.datagram import ChatDatagramProtocol
from twisted_net.chat.doors.line import ChatLineFactory
from twisted_net.chat.doors.stream import NAME_WITHIN
from twisted_net.chat.doors.web import ChatResource
from twisted_net.chat.founding import Founded, founded, serves
from twisted_net.chat.irc import irc_doors, irc_page, irc_server
from twisted_net.chat.settings import ChatSettings
from twisted_net.net.drops import Drops
from twisted_net.net.pages import DOOR
from twisted_net.net.service import Door, INetService, Runtime


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
        shared = founded(settings, runtime)
        irc = irc_server(settings, runtime, shared)
        _add_pages(settings, runtime, shared, irc)
        _add_hooks(settings, runtime, shared)
        doors = [
            _lines(settings, runtime, shared),
            _datagrams(settings, runtime, shared),
            *irc_doors(settings, runtime, irc),
        ]
        if settings.ipmsg:
            doors.append(_ipmsg(settings, runtime, shared))
        return [replace(each, stands_on=shared.beneath) for each in doors]


def _lines(settings: ChatSettings, runtime: Runtime, shared: Founded) -> Door:
    factory = ChatLineFactory(
        shared.post,
        runtime.reactor,
        settings.queue,
        runtime.counters.door("chat-tcp"),
        shared.secret,
        settings.charset,
        settings.rate,
    )
    return Door(
        "chat-tcp",
        "stream",
        settings.tcp,
        factory,
        paste="nc {host} {port}",
        first=NAME_WITHIN,
        keeps_first=True,
        idle=None,  # whoever only listens is no less there
    )


def _datagrams(settings: ChatSettings, runtime: Runtime, shared: Founded) -> Door:
    counters = runtime.counters.door("chat-udp")
    serve = ChatDatagramProtocol(
        shared.post, runtime.reactor, runtime.dice, counters, shared.secret
    )
    paste = "netdemo chat --udp --server {address}"
    return Door("chat-udp", "datagram", settings.udp, serve, paste=paste)


def _ipmsg(settings: ChatSettings, runtime: Runtime, shared: Founded) -> Door:
    from twisted_net.chat.doors.ipmsg import IpmsgDatagramProtocol

    counters, host = runtime.counters.door("ipmsg"), platform.node() or "localhost"
    serve = IpmsgDatagramProtocol(
        shared.post, runtime.reactor, runtime.dice, counters, host, settings.ipmsg_room
    )
    return Door("ipmsg", "datagram", settings.ipmsg, serve, paste="iptux", mutual=True)


def _add_pages(settings: ChatSettings, runtime: Runtime, shared: Founded, irc: IrcServer) -> None:
    """Let browsers in, and IRC clients in browsers."""
    if runtime.here is not None:
        return  # a request might come to a process without the chat
    counters = runtime.counters.door(DOOR)
    page = ChatResource(
        shared.post, runtime.reactor, runtime.dice, settings.queue, counters, shared.secret
    )
    runtime.pages.add("chat", "Chat", page, "talk with all who are here")
    if settings.irc_web:
        runtime.pages.add("irc", "", irc_page(settings, runtime, irc))


def _add_hooks(settings: ChatSettings, runtime: Runtime, shared: Founded) -> None:
    """Let programs in, by their webhooks."""
    if not settings.hooks or not serves(runtime):
        return
    from twisted_net.chat.hooks.made import made  # only who has some pays for a client

    drops = Drops("chat", runtime.counters.door("chat"), runtime.reactor.seconds)
    hooks = made(settings.hooks, shared.post, runtime.reactor, drops)
    if runtime.here is None:
        runtime.pages.add("hook", "", hooks)


chat = ChatService()
