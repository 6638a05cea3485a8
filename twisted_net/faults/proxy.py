"""A proxy that breaks what it passes on: one port, one server behind it."""

import os
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError

from twisted_net.faults.codec import Kind
from twisted_net.faults.core.breakage import Breakage
from twisted_net.faults.core.datagrams import Rule
from twisted_net.faults.datagrams import BreakingDatagrams
from twisted_net.faults.streams import BreakingFactory
from twisted_net.net import endpoints, listening
from twisted_net.net.clients import Target, parse_target, resolve
from twisted_net.net.endpoints import Endpoint
from twisted_net.net.errors import ClientError, SettingError, StartError
from twisted_net.net.service import Door
from twisted_net.net.text import with_port

#: Where it listens unless it is told otherwise.
LOOPBACK = "127.0.0.1"


def parse_listen(text: str) -> Endpoint:
    """Read where to listen: an endpoint string, ``tcp:9000`` or ``udp:9000``.

    :raises SettingError: it cannot work.
    """
    kind = kind_of(text)
    try:
        return endpoints.parse(text, kind)
    except ValueError as error:
        raise SettingError(f"LISTEN {text!r}: {error}") from error


def kind_of(text: str) -> Kind:
    """Return what an endpoint string is about."""
    datagram = text.partition(":")[0] in endpoints.DATAGRAM_TYPES
    return "datagram" if datagram else "stream"


def parse_server(text: str, kind: Kind) -> Target:
    """Read whom to pass everything on to.

    :raises SettingError: it is no address with a port, or one of another kind.
    """
    scheme = "udp" if kind == "datagram" else "tcp"
    target = parse_target(text, 0, scheme) if _has_port(text) else None
    if target is None:
        raise SettingError(f"TARGET {text!r}: need a port, as 127.0.0.1:7007")
    streams = target.scheme in ("tcp", "unix")
    if target.scheme not in ("tcp", "udp", "unix") or streams != (kind == "stream"):
        raise SettingError(f"TARGET {text!r}: LISTEN is {scheme}, and so must this be")
    return target


def _has_port(text: str) -> bool:
    return text.startswith("unix:/") or text.rpartition(":")[2].removeprefix("port=").isdecimal()


class Proxy:
    """The port and what answers there.

    :ivar address: where it listens, once it does.
    :ivar target: the server.
    :param rule: sees every datagram; see `BreakingDatagrams`.
    """

    def __init__(
        self,
        reactor: Any,
        listen: Endpoint,
        target: Target,
        breakage: Breakage,
        rule: Rule | None = None,
    ) -> None:
        self.address = ""
        self._reactor = reactor
        self._listen = listen
        self.target = target
        self._breakage = breakage
        self._rule = rule
        self._port: Any = None
        self._serve: BreakingFactory | BreakingDatagrams | None = None

    async def open(self, patience: float) -> None:
        """Listen.

        :param patience: seconds to wait for a name to be resolved, or for a connection.
        :raises ClientError: it cannot, or the server's name has no address.
        """
        if self._breakage.kind == "stream":
            self._serve = BreakingFactory(self._reactor, self.target, self._breakage, patience)
        else:
            address = await resolve(self._reactor, self.target, patience)
            server = (address, self.target.port)
            self._serve = BreakingDatagrams(self._reactor, server, self._breakage, self._rule)
        door = Door("LISTEN", self._breakage.kind, self._listen.text, self._serve)
        try:
            self._port = listening.listen(self._reactor, door, self._serve, LOOPBACK)
        except StartError as error:
            raise ClientError(_why(error)) from error
        host = self._port.getHost()
        path = hasattr(host, "name")  # a UNIX socket
        self.address = os.fsdecode(host.name) if path else with_port(host.host, host.port)

    async def close(self) -> None:
        """Listen no more, and break off what there is."""
        if self._port is not None:
            await maybeDeferred(self._port.stopListening)
        if self._serve is not None:
            await self._serve.stop()


def _why(error: Exception) -> str:
    """Say why a port cannot be had, in the words of a command that has no doors."""
    cause = error.__cause__
    if isinstance(cause, CannotListenError):
        where = with_port(str(cause.interface or "*"), cause.port)
        why = getattr(cause.socketError, "strerror", None) or cause.socketError
        return f"cannot listen on {where}: {str(why).lower()}; choose another port"
    return str(error).replace("--LISTEN", "LISTEN", 1)
