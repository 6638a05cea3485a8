"""Echo as a service: its settings and its two doors."""

from dataclasses import dataclass
from typing import ClassVar

from twisted.plugin import IPlugin
from zope.interface import implementer

from twisted_net.echo.core import TRANSFORMS
from twisted_net.echo.doors import EchoDatagramProtocol, EchoFactory
from twisted_net.net import endpoints
from twisted_net.net.service import USUAL, Door, INetService, Runtime
from twisted_net.net.settings import one_of, setting


@dataclass(frozen=True, slots=True)
class EchoSettings:
    """How to run echo."""

    tcp: str = setting(
        "tcp:7007", "Echo over TCP listens here; empty closes it.", endpoints.reading("stream")
    )
    udp: str = setting(
        "udp:7007", "Echo over UDP listens here; empty closes it.", endpoints.reading("datagram")
    )
    mode: str = setting("identity", "What echo answers.", one_of(*TRANSFORMS))


@implementer(IPlugin, INetService)
class EchoService:
    """The service that `registry` lists."""

    name = "echo"
    summary = "RFC 862 echo over TCP and UDP, and its variations"
    settings = EchoSettings
    commands: ClassVar = {
        "echo": "twisted_net.echo.commands:echo",
        "ping": "twisted_net.echo.ping:ping",
    }

    def doors(self, settings: EchoSettings, runtime: Runtime) -> list[Door]:
        """Make a stream door and a datagram door with one transform."""
        transform = TRANSFORMS[settings.mode]
        return [
            Door(
                "echo-tcp",
                "stream",
                settings.tcp,
                EchoFactory(transform, runtime.reactor, runtime.counters.door("echo-tcp")),
                paste="printf 'hello\\n' | nc -N {host} {port}",
                first=None if settings.mode == "discard" else USUAL,  # which never answers
                spreads=True,
            ),
            Door(
                "echo-udp",
                "datagram",
                settings.udp,
                EchoDatagramProtocol(transform),
                paste="netdemo echo --udp --server {address} hello",
                spreads=True,
            ),
        ]


echo = EchoService()
