"""Where a password may be said aloud."""

from hashlib import sha256
from typing import Any

from twisted.internet.interfaces import ISSLTransport

from twisted_net.chat.accounts.penalties import is_loopback


def host_of(transport: Any) -> str:
    """Return the peer's address; empty: it came through the file system."""
    return str(getattr(transport.getPeer(), "host", "") or "")


def private(transport: Any) -> bool:
    """Say whether nobody can listen: TLS, or the peer is on this machine."""
    return ISSLTransport.providedBy(transport) or is_loopback(host_of(transport))


def asked_host(transport: Any) -> str:
    """Return the host that the peer asked for as TLS began (RFC 6066, 3).

    Empty: it asked for none, or it was shown a certificate that signs itself. Who takes such a
    one has been told to by a person, and nothing more may be built on that.
    """
    if not ISSLTransport.providedBy(transport):
        return ""
    connection: Any = transport.getHandle()  # type: ignore[attr-defined]
    asked, certificate = connection.get_servername(), connection.get_certificate()
    own = certificate.to_cryptography() if certificate is not None else None
    if not asked or own is None or own.issuer == own.subject:
        return ""
    return str(asked.decode("ascii", "replace"))


def fingerprint(transport: Any) -> str:
    """Return the SHA-256 of the certificate that the peer showed, in hex; empty: it showed none.

    Whether the certificate is anybody's but the peer's own does not matter: that the peer has its
    key is what TLS has proven.
    """
    if not ISSLTransport.providedBy(transport):
        return ""
    certificate: Any = transport.getPeerCertificate()
    if certificate is None:
        return ""
    from OpenSSL.crypto import FILETYPE_ASN1, dump_certificate  # there, or there were no TLS

    return sha256(dump_certificate(FILETYPE_ASN1, certificate)).hexdigest()
