"""Doors opened from endpoint strings, now or never: what could open later could also fail later."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure

from twisted_net.net import inherited
from twisted_net.net.beneath import Beneath, Wrap
from twisted_net.net.endpoints import ARGUMENTS, LONGEST_DATAGRAM, Endpoint, parse
from twisted_net.net.errors import StartError
from twisted_net.net.fast.opening import fast
from twisted_net.net.service import Door
from twisted_net.net.text import with_port
from twisted_net.net.tls.keys import MISSING

if TYPE_CHECKING:
    from twisted_net.net.tls import serving

#: Connections that may wait to be accepted; the kernel lowers it to net.core.somaxconn. Twisted's
#: 50 makes a burst of clients wait a second for its second SYN.
BACKLOG = 1024


def listen(
    reactor: Any,
    door: Door,
    serve: Any,
    interface: str,
    *,
    stock: bool = False,
    beneath: Wrap | None = None,
) -> IListeningPort:
    """Open a door.

    :param serve: what answers, the door's own or something round it.
    :param interface: the address to listen on where the door's endpoint names none.
    :param stock: use Twisted's own transports, not our fast ones.
    :param beneath: wraps the factory of a stream door, beneath TLS.
    :raises StartError: it does not open; the message is one line for the user.
    """
    with explained(door):
        endpoint = parse(door.endpoint, door.kind)
        reactor = reactor if stock else fast(reactor)
        if endpoint.type == "systemd":
            reactor = _adopting(reactor, door, endpoint)
        if isinstance(serve, DatagramProtocol):
            return _listen_datagram(reactor, endpoint, serve, interface)
        if endpoint.type == "unix":
            _need_folder(endpoint.path)
        if beneath is not None:
            reactor = Beneath(reactor, beneath)
        if endpoint.encrypted:
            serve = _encrypted(reactor, door, endpoint, serve)
        return _listen_stream(reactor, endpoint, serve, interface)


@contextmanager
def explained(door: Door) -> Iterator[None]:
    """Make one line for the user of whatever keeps a door from being opened.

    :raises StartError: for every other error.
    """
    try:
        yield
    except CannotListenError as error:
        raise StartError(_why_not(door, error)) from error
    except StartError:
        raise
    except Exception as error:  # what an endpoint type makes of a wrong argument is its own affair
        raise StartError(f"--{door.name} {door.endpoint!r}: {_reason(error)}") from error


def _need_folder(path: str) -> None:
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise ValueError(f"directory {folder!r} does not exist")


def _adopting(reactor: Any, door: Door, endpoint: Endpoint) -> Any:
    from twisted_net.net.adopting import Adopting  # which no client needs

    if isinstance(reactor, Adopting):
        return reactor  # our server has it open, and has left it to us
    kind = socket.SOCK_STREAM if door.kind == "stream" else socket.SOCK_DGRAM
    return Adopting(reactor, inherited.opened(endpoint.options, kind).detach())


def _listen_datagram(
    reactor: Any, endpoint: Endpoint, protocol: DatagramProtocol, interface: str
) -> IListeningPort:
    where = (0, "")  # the socket is open: nobody asks
    if endpoint.type != "systemd":
        where = (endpoint.port, endpoint.interface(interface))
    port: IListeningPort = reactor.listenUDP(where[0], protocol, where[1], LONGEST_DATAGRAM)
    return port


def certificates(endpoint: Endpoint) -> "serving.Source":
    """Return where an endpoint that speaks TLS has its certificates from.

    :raises ValueError: TLS is not installed.
    """
    try:
        from twisted_net.net.tls import serving
    except ImportError as error:
        raise ValueError(MISSING) from error
    options = endpoint.options
    if endpoint.type == "tls":
        return serving.Folder(Path(options["path"]))
    key = options.get("privateKey", "server.pem")
    chain = options.get("extraCertChain")
    return serving.Pair(
        Path(key), Path(options.get("certKey", key)), Path(chain) if chain else None
    )


def _encrypted(reactor: Any, door: Door, endpoint: Endpoint, factory: Any) -> Any:
    source = certificates(endpoint)
    from twisted_net.net.tls import serving

    return serving.encrypted(source, factory, door.name, reactor, asks=door.asks_certificate)


def _listen_stream(
    reactor: Any, endpoint: Endpoint, factory: IProtocolFactory, interface: str
) -> IListeningPort:
    text = endpoint.text
    if endpoint.type == "systemd":
        text = "tcp:0"  # the socket is open: nobody asks where
    elif endpoint.type in ARGUMENTS:
        text = f"{'tcp' if endpoint.encrypted else endpoint.type}:{endpoint.port}:interface="
        text += quoteStringArgument(endpoint.interface(interface))
        text += f":backlog={endpoint.options.get('backlog', BACKLOG)}"
    server: IStreamServerEndpoint = serverFromString(reactor, text)
    outcome: list[Any] = []
    server.listen(factory).addBoth(outcome.append)
    if not outcome:
        raise StartError(f"endpoint type {endpoint.type!r} does not open at once; use another")
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    port: IListeningPort = outcome[0]
    return port


def _why_not(door: Door, error: CannotListenError) -> str:
    number = getattr(error.socketError, "errno", None)
    where = with_port(error.interface or "*", error.port)
    if isinstance(error.port, str | bytes):  # a UNIX socket
        why = _reason(error.socketError)
        why = "another server has it" if why == "Cannot acquire lock" else why
        return f"--{door.name} {door.endpoint!r}: {why}"
    if number == errno.EADDRINUSE:
        return (
            f"port {error.port} in use ({door.name}, {error.interface or '*'});"
            f" choose another with --{door.name}; netdemo doctor says who has it"
        )
    if number == errno.EADDRNOTAVAIL:
        return f"cannot listen on {where}: no such address on this host ({door.name})"
    if number == errno.EACCES:
        return f"cannot listen on {where} ({door.name}): ports below 1024 are root's"
    return f"cannot listen on {where} ({door.name}): {_reason(error.socketError)}"


def _reason(error: object) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{str(error.filename)!r}: {(error.strerror or '').lower()}"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
