"""The web door: HTTP for the pages that services hand over, and nothing for anybody else's."""

from typing import TYPE_CHECKING

from twisted_net.net.lazy import lazily

if TYPE_CHECKING:
    from twisted_net.web.channel import WebChannel
    from twisted_net.web.doors import WebFactory, WebRequest
    from twisted_net.web.service import WebService, WebSettings

__all__ = ["WebChannel", "WebFactory", "WebRequest", "WebService", "WebSettings"]

__getattr__ = lazily(
    __name__,
    {
        "WebChannel": "channel",
        "WebFactory": "doors",
        "WebRequest": "doors",
        "WebService": "service",
        "WebSettings": "service",
    },
)
