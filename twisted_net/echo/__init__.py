"""Echo over TCP and UDP (RFC 862) and its variations: upper case, a dialog, discard (RFC 863)."""

from typing import TYPE_CHECKING

from twisted_net.net.lazy import lazily

if TYPE_CHECKING:
    from twisted_net.echo.doors import EchoDatagramProtocol, EchoFactory, EchoProtocol
    from twisted_net.echo.service import EchoService, EchoSettings

__all__ = ["EchoDatagramProtocol", "EchoFactory", "EchoProtocol", "EchoService", "EchoSettings"]

__getattr__ = lazily(
    __name__,
    {
        "EchoDatagramProtocol": "doors",
        "EchoFactory": "doors",
        "EchoProtocol": "doors",
        "EchoService": "service",
        "EchoSettings": "service",
    },
)
