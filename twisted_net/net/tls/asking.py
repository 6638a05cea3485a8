"""TLS as a client speaks it: whose certificate it takes, and what is said of one that it does not.

All of it needs the extra ``tls``, and is imported where somebody wants TLS.
"""

from pathlib import Path
from typing import Any

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_net.net.errors import ConnectError, SettingError


def endpoint(plain: Any, host: str, ca: str, insecure: bool) -> Any:
    """Return a client endpoint that speaks TLS over another.

    :param host: whom the certificate has to be for.
    :param ca: a file with the certificates that may have signed it; empty: the system's.
    :param insecure: take any certificate.
    :raises SettingError: the file will not do.
    """
    if insecure:
        return wrapClientTLS(_Anybody(host), plain)
    trust = trustRootFromCertificates(_signers(ca)) if ca else None
    return wrapClientTLS(optionsForClientTLS(host.rstrip("."), trustRoot=trust), plain)


def _signers(ca: str) -> list[Any]:
    begin = b"-----BEGIN CERTIFICATE-----"
    try:
        data = Path(ca).read_bytes()
        found = [Certificate.loadPEM(begin + each) for each in data.split(begin)[1:]]
    except OSError as error:
        raise SettingError(f"--ca {ca!r}: {(error.strerror or str(error)).lower()}") from error
    except Exception as error:  # of more kinds than pyOpenSSL promises
        raise SettingError(f"--ca {ca!r}: holds no PEM certificate") from error
    if not found:
        raise SettingError(f"--ca {ca!r}: holds no PEM certificate")
    return found


@implementer(IOpenSSLClientConnectionCreator)
class _Anybody:
    """Believe whoever answers."""

    def __init__(self, host: str) -> None:
        self._host = host

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Make a connection's TLS."""
        connection = SSL.Connection(CertificateOptions().getContext(), None)
        if not _is_address(self._host):
            connection.set_tlsext_host_name(self._host.encode("idna"))
        return connection


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()


@implementer(IHandshakeListener)
class Shaking(Protocol):
    """Stand before a protocol until the other side has proven who it is.

    :ivar done: fires when the protocol has the connection; fails with what kept it from it.
    """

    transport: Any

    def __init__(self, inside: Protocol) -> None:
        self.done: Deferred[None] = Deferred(lambda _: self.transport.abortConnection())
        self._inside = inside

    def handshakeCompleted(self) -> None:
        """Give the connection to the protocol inside, unless it has just been refused."""
        if self.transport.disconnecting:  # older versions of Twisted look at the name this late
            return
        inside: Any = self._inside
        self.transport.wrappedProtocol = inside
        inside.makeConnection(self.transport)
        if IHandshakeListener.providedBy(inside):
            inside.handshakeCompleted()
        if not self.done.called:
            self.done.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Say that it came to nothing."""
        if not self.done.called:
            self.done.errback(reason)


def refused(target: str, host: str, error: BaseException | None) -> ConnectError:
    """Put into words why there is no TLS with a server."""
    if isinstance(error, VerificationError):
        why = f"its certificate is not for {host!r}"
    elif isinstance(error, SSL.Error):
        why = _reason(error)
    else:
        why = "the connection was lost before TLS began; does it speak TLS there?"
    return ConnectError(f"no TLS with {target}: {why}")


#: What OpenSSL makes of an answer that is none: words, or an echo.
_NO_TLS = ("wrong version number", "record layer", "http request", "unexpected message")


def _reason(error: SSL.Error) -> str:
    reasons = [str(each[2]) for each in (error.args[0] if error.args else []) if len(each) > 2]
    reason = "; ".join(reasons)
    if "certificate verify failed" in reason:
        return (
            "nobody whom we trust has signed its certificate; --ca FILE names who has,"
            " --insecure takes any"
        )
    if any(word in reason for word in _NO_TLS):
        return "it does not speak TLS there"
    return reason or "the handshake failed"
