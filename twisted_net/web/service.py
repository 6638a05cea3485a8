"""The web door as a service: its settings, and where it listens."""

import platform
import re
from dataclasses import dataclass
from typing import ClassVar

from twisted.plugin import IPlugin
from zope.interface import implementer

from twisted_net.net import endpoints
from twisted_net.net.pages import DOOR
from twisted_net.net.service import Door, INetService, Runtime
from twisted_net.net.settings import Reading, one_of, seconds, setting
from twisted_net.web.channel import plain
from twisted_net.web.doors import WebFactory, WebLimits
from twisted_net.web.metrics import READERS, Doors, Metrics, Ready

_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(each.strip().lower() for each in text.split(",") if each.strip())
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError("need host names without ports, as bench.lan,bench.example.org")
    return names


@dataclass(frozen=True, slots=True)
class WebSettings:
    """How to show pages."""

    tcp: str = setting(
        "tcp:7080",
        "HTTP, for browsers and downloads, listens here; empty closes it.",
        endpoints.reading("stream"),
        option="web",
    )
    names: str = setting(
        "",
        "Host names by which browsers may ask, besides localhost, this host's own and addresses.",
        Reading("NAME,NAME", lambda text: ",".join(_names(text))),
    )
    request: float = setting(
        30.0, "Seconds that a client of the web door has for each request.", seconds(0.1, 86400)
    )
    metrics: str = setting(
        "loopback",
        "Who may read /metrics and /doors: peers with an address of this machine, all, or none.",
        one_of(*READERS),
    )


@implementer(IPlugin, INetService)
class WebService:
    """The service that `registry` lists."""

    name = "web"
    summary = "What the services show in a browser, over HTTP"
    settings = WebSettings
    commands: ClassVar = {}

    def doors(self, settings: WebSettings, runtime: Runtime) -> list[Door]:
        """Make the door; pages may be handed over before and after."""
        tls = settings.tcp.startswith(("ssl:", "tls:"))
        own = platform.node().lower()
        factory = WebFactory(
            runtime.pages,
            runtime.reactor,
            (*_names(settings.names), *([own, f"{own}.local"] if own else [])),
            WebLimits(settings.request),
            runtime.counters.door(DOOR),
            {
                b"readyz": Ready(runtime.health),
                b"metrics": Metrics(runtime.health, settings.metrics),
                b"doors": Doors(runtime.health, settings.metrics),
            },
        )
        return [
            Door(
                DOOR,
                "stream",
                settings.tcp,
                factory,
                paste=f"{'https' if tls else 'http'}://{{address}}/",
                first=settings.request,
                keeps_first=True,
                busy=plain(503, "too many connections, try again later"),
                spreads=True,
            )
        ]


web = WebService()
