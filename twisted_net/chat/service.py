"""Chat as a service: its settings and its two doors, which share one hub."""

from dataclasses import dataclass
from typing import ClassVar

from twisted.plugin import IPlugin
from zope.interface import implementer

from twisted_net.chat.bus.local import LocalBus
from twisted_net.chat.codec.messages import Refusal
from twisted_net.chat.core.hub import Hub
from twisted_net.chat.core.ident import checked_room
from twisted_net.chat.doors.datagram import ChatDatagramProtocol
from twisted_net.chat.doors.line import NAME_WITHIN, ChatLineFactory
from twisted_net.chat.doors.outlet import QUEUE, Outlet, deliver
from twisted_net.chat.post import Post
from twisted_net.net import endpoints
from twisted_net.net.service import Door, INetService, Runtime
from twisted_net.net.settings import Reading, setting, size


def _read_lobby(text: str) -> str:
    try:
        return checked_room(text) if text else ""
    except Refusal as refusal:
        raise ValueError(f"need a {refusal.text}; empty: none") from None


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """How to run the chat."""

    tcp: str = setting(
        "tcp:7008", "Chat over TCP listens here; empty closes it.", endpoints.reading("stream")
    )
    udp: str = setting(
        "udp:7008", "Chat over UDP listens here; empty closes it.", endpoints.reading("datagram")
    )
    lobby: str = setting(
        "lobby",
        "The room that everybody enters on choosing a name; empty: none.",
        Reading("ROOM", _read_lobby),
    )
    queue: int = setting(
        QUEUE,
        "Bytes that may wait for one member; above it the member is dropped.",
        size(4096, 1 << 30),
        limit=True,
    )


@implementer(IPlugin, INetService)
class ChatService:
    """The service that `registry` lists."""

    name = "chat"
    summary = "One chat over TCP lines, for nc, and over UDP sessions"
    settings = ChatSettings
    commands: ClassVar = {"chat": "twisted_net.chat.commands:chat"}

    def doors(self, settings: ChatSettings, runtime: Runtime) -> list[Door]:
        """Make a stream door and a datagram door with one hub."""
        reactor, dice = runtime.reactor, runtime.dice
        hub: Hub[Outlet] = Hub(settings.lobby)
        post = Post(hub, LocalBus(reactor.seconds), deliver)
        secret = dice.randbytes(16)
        lines, datagrams = (runtime.counters.door(name) for name in ("chat-tcp", "chat-udp"))
        return [
            Door(
                "chat-tcp",
                "stream",
                settings.tcp,
                ChatLineFactory(post, reactor, settings.queue, lines, secret),
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
        ]


chat = ChatService()
