"""How clients reach a door: addresses as people type them, and errors as people read them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.error import ConnectError as TwistedConnectError
from twisted.internet.error import (
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
    UserError,
)
from twisted.internet.interfaces import IHostResolution
from twisted.internet.protocol import DatagramProtocol, Protocol

from twisted_net.net.endpoints import LONGEST_DATAGRAM
from twisted_net.net.errors import ClientError, ConnectError, NoAnswerError, SettingError
from twisted_net.net.fast.opening import fast
from twisted_net.net.text import with_port

P = TypeVar("P", bound=Protocol)
T = TypeVar("T")

#: Seconds that a client waits for a connection or for one answer, unless told otherwise.
PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose certificate a client takes.

    :ivar ca: a file with the certificates that may have signed it; empty: the system's.
    :ivar insecure: any certificate will do.
    """

    ca: str = ""
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where a client goes.

    :ivar scheme: ``tcp``, ``udp``, ``tftp``, ``https`` or ``unix``; empty where the
        user named none.
    :ivar host: a name or an address; for ``unix`` the path.
    :ivar trust: speak TLS, with whom; None: do not, but with ``https``.
    """

    scheme: str
    host: str
    port: int
    trust: Trust | None = None

    def __str__(self) -> str:
        """Return it as errors name it: ``127.0.0.1:7007``, ``[::1]:7007``."""
        if self.scheme == "unix":
            return self.host
        return with_port(self.host, self.port)


_SCHEMES = ("tcp", "udp", "tftp")
_SCHEMES_BEFORE = tuple(f"{scheme}:" for scheme in _SCHEMES)
_TARGET = re.compile(
    r"(?:(?P<scheme>tcp|udp|tftp):(?://)?)?"
    r"(?:host=)?(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^:/\[\]\s=]+))"
    r"(?::(?:port=)?(?P<port>[0-9]{1,9}))?",
    re.ASCII,
)


def parse_target(text: str, port: int, scheme: str = "") -> Target:
    """Read ``HOST[:PORT]``, ``[IPV6]:PORT``, ``tcp:HOST:PORT``, ``udp:…`` or ``unix:PATH``.

    :param port: the port where the text names none.
    :param scheme: the scheme where the text names none.
    :raises SettingError: it is none of these.
    """
    if text.startswith("unix:/"):
        return Target("unix", text.removeprefix("unix:"), 0)
    match = _TARGET.fullmatch(text)
    if match is None:
        raise SettingError(f"{text!r}: {_wanted(text)}")
    if not 0 < int(match["port"] or port) <= 65535:
        raise SettingError(f"{text!r}: port must be 1-65535")
    host = match["v6"] or match["host"]
    if not match["v6"] and not _is_name(host):
        raise SettingError(f"{text!r}: {host!r} can be no host's name")
    return Target(match["scheme"] or scheme, host, int(match["port"] or port))


def _wanted(text: str) -> str:
    """Return what to write instead of a text that is no target."""
    scheme, host = text.partition(":")[::2] if text.startswith(_SCHEMES_BEFORE) else ("", text)
    if isIPv6Address(host):
        return f"an IPv6 address stands in brackets: {scheme and scheme + ':'}[{host}]"
    return "want HOST[:PORT] or tcp:host=…:port=…"


def _is_name(host: str) -> bool:
    """Say whether a name could be looked up: labels of 1 to 63 bytes (RFC 1035, 2.3.4)."""
    try:
        labels = host.removesuffix(".").encode("idna").split(b".")
    except UnicodeError:
        return False
    return all(0 < len(label) <= 63 for label in labels)


def trusting(target: Target, trust: Trust | None) -> Target:
    """Return a target that is asked over TLS, if there is somebody to trust.

    :raises SettingError: there is no TLS that way.
    """
    if trust is None:
        return target
    if target.scheme in ("udp", "tftp", "unix"):
        over = "a UNIX socket" if target.scheme == "unix" else "UDP"
        raise SettingError(f"--tls: there is none over {over}; leave it out")
    return replace(target, trust=trust)


def has_scheme(text: str) -> bool:
    """Say whether ``text`` looks like a server, and not like a name or words to send."""
    return text.startswith((*_SCHEMES_BEFORE, "unix:/")) and not any(
        character.isspace() for character in text
    )


async def within(reactor: Any, patience: float, waiting: Deferred[T], otherwise: str) -> T:
    """Wait for a Deferred, but not longer than ``patience`` seconds; it is cancelled then.

    :raises NoAnswerError: with the message ``otherwise``.
    """
    try:
        return await waiting.addTimeout(patience, reactor)
    except DeferredTimeoutError as error:
        raise NoAnswerError(otherwise) from error


async def connect(reactor: Any, target: Target, protocol: P, patience: float = PATIENCE) -> P:
    """Connect a stream protocol.

    :param target: with the scheme ``https``, or somebody to trust, the connection is TLS.
    :param patience: seconds.
    :raises ConnectError: refused, not resolved, no way there, or nobody there whom we trust.
    :raises NoAnswerError: nobody answered in time.
    """
    if target.scheme == "https" or target.trust is not None:
        return await _connect_tls(reactor, target, protocol, patience)
    from twisted.internet.endpoints import (  # which what goes over UDP does without
        HostnameEndpoint,
        UNIXClientEndpoint,
    )

    endpoint: Any
    if target.scheme == "unix":
        endpoint = UNIXClientEndpoint(fast(reactor), target.host, timeout=patience)
    else:
        endpoint = HostnameEndpoint(fast(reactor), target.host, target.port, timeout=patience)
    return await _connected(endpoint, target, protocol, patience)


async def _connected(endpoint: Any, target: Target, protocol: P, patience: float) -> P:
    from twisted.internet.endpoints import connectProtocol

    try:
        connected: P = await connectProtocol(endpoint, protocol)
    except DNSLookupError as error:
        raise ConnectError(f"cannot resolve {target.host!r}") from error
    except (TimeoutError, UserError) as error:
        raise NoAnswerError(f"cannot connect to {target}: no answer in {patience:g} s") from error
    except ConnectionRefusedError as error:
        raise ConnectError(f"cannot connect to {target}: connection refused") from error
    except TwistedConnectError as error:
        raise ConnectError(f"cannot connect to {target}: {_reason(error)}") from error
    return connected


async def _connect_tls(reactor: Any, target: Target, protocol: P, patience: float) -> P:
    from twisted.internet.endpoints import HostnameEndpoint

    try:
        from twisted_net.net.tls import asking
    except ImportError as error:
        from twisted_net.net.tls.keys import MISSING

        raise ClientError(MISSING) from error
    trust = target.trust or Trust()
    plain = HostnameEndpoint(fast(reactor), target.host, target.port, timeout=patience)
    endpoint = asking.endpoint(plain, target.host, trust.ca, trust.insecure)
    shaking = await _connected(endpoint, target, asking.Shaking(protocol), patience)
    otherwise = f"no TLS with {target}: no answer in {patience:g} s"
    try:
        await within(reactor, patience, shaking.done, otherwise)
    except (NoAnswerError, CancelledError):
        raise
    except Exception as error:
        raise asking.refused(str(target), target.host, error) from error
    return protocol


def _reason(error: TwistedConnectError) -> str:
    inner = error.osError
    return str(getattr(inner, "strerror", None) or error).rstrip(".").lower()


class DatagramClient(DatagramProtocol):
    """A UDP port that hears one peer only.

    It stays unconnected and looks at the source itself: on epoll a connected port is closed
    without a word by one ICMP port-unreachable (twisted#5377). So a refused port shows as silence.

    :param received: called with each datagram that comes from the peer.
    """

    noisy = False
    transport: Any

    def __init__(self, peer: tuple[str, int], received: Callable[[bytes], None]) -> None:
        self.peer = peer
        self.received = received

    def datagramReceived(self, datagram: bytes, addr: tuple[Any, ...]) -> None:
        """Hand on what the peer sent, and nothing else."""
        if addr[:2] == self.peer:
            self.received(datagram)

    def send(self, datagram: bytes) -> None:
        """Send to the peer.

        :raises ConnectError: this host knows no way there.
        """
        try:
            self.transport.write(datagram, self.peer)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise ConnectError(f"cannot send to {self.peer[0]}:{self.peer[1]}: {why}") from error


async def open_datagrams(
    reactor: Any, target: Target, received: Callable[[bytes], None], patience: float = PATIENCE
) -> DatagramClient:
    """Open a UDP port towards one peer; ``transport.stopListening()`` closes it.

    :raises ConnectError: the name does not resolve, or nothing can be sent there.
    """
    address = await resolve(reactor, target, patience)
    client = DatagramClient((address, target.port), received)
    try:
        fast(reactor).listenUDP(0, client, "::" if ":" in address else "", LONGEST_DATAGRAM)
    except OSError as error:
        raise ConnectError(f"cannot open a UDP port towards {target}: {error.strerror}") from error
    return client


async def resolve(reactor: Any, target: Target, patience: float = PATIENCE) -> str:
    """Return the first address of a target's host.

    :raises ConnectError: it has none.
    """
    if "%" in target.host:  # an address of one link; whoever looks it up forgets the link
        return target.host
    found = _Resolution()
    reactor.nameResolver.resolveHostName(found, target.host, target.port)
    otherwise = f"cannot resolve {target.host!r}: no answer in {patience:g} s"
    addresses = await within(reactor, patience, found.done, otherwise)
    if not addresses:
        raise ConnectError(f"cannot resolve {target.host!r}")
    return addresses[0]


class _Resolution:
    """Collect what Twisted's resolver finds (IResolutionReceiver)."""

    def __init__(self) -> None:
        self.done: Deferred[list[str]] = Deferred()
        self._found: list[str] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Begin."""

    def addressResolved(self, address: Any) -> None:
        """Take one address."""
        self._found.append(address.host)

    def resolutionComplete(self) -> None:
        """Hand out what was found."""
        if not self.done.called:
            self.done.callback(self._found)
