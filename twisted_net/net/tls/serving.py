"""Doors that speak TLS: with the certificates of some files, read again when these change."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from twisted_net.net.tls import keys

#: Seconds between two looks at the files; there is one when somebody connects.
LOOK_EVERY = 1.0


class Source(Protocol):
    """Where certificates come from."""

    def files(self) -> list[Path]:
        """Return the files whose changes matter; raises OSError."""

    def read(self) -> list[keys.Identity]:
        """Return what they hold, the first for whoever names no host; raises ValueError."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its certificate, ``ssl:`` in an endpoint."""

    key: Path
    certificate: Path
    chain: Path | None = None

    def files(self) -> list[Path]:
        """Return the files whose changes matter."""
        return [path for path in (self.key, self.certificate, self.chain) if path is not None]

    def read(self) -> list[keys.Identity]:
        """Return what they hold."""
        return [keys.read(self.key, self.certificate, self.chain)]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of ``*.pem``, each with a key and its certificate, ``tls:`` in an endpoint.

    The first by name is for whoever names no host, or one that no certificate is for.
    """

    path: Path

    def files(self) -> list[Path]:
        """Return the files whose changes matter; raises OSError."""
        return sorted(Path(each.path) for each in os.scandir(self.path) if _is_pem(each))

    def read(self) -> list[keys.Identity]:
        """Return what they hold."""
        try:
            files = self.files()
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise ValueError(f"{str(self.path)!r}: {why}") from error
        if not files:
            raise ValueError(f"{str(self.path)!r} holds no file *.pem")
        return [keys.read(path, path) for path in files]


def _is_pem(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(".pem") and not entry.name.startswith(".") and entry.is_file()


@implementer(IOpenSSLServerConnectionCreator)
class Certificates:
    """What the connections of a door begin TLS with.

    :param door: the door's name, for the log.
    :param seconds: the time.
    :param asks: whether clients are asked for a certificate of theirs; any will do, or none.
    :raises ValueError: the files hold no certificate; the message is for the user.
    """

    log = Logger()

    def __init__(
        self, source: Source, door: str, seconds: Callable[[], float], asks: bool = False
    ) -> None:
        self._source = source
        self._asks = asks
        self._door = door
        self._seconds = seconds
        self._looked = seconds()
        self._seen = self._marks()
        self._context = _context(source.read(), asks)

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Make a connection's TLS, with the certificate that there is now."""
        now = self._seconds()
        if not self._looked <= now < self._looked + LOOK_EVERY:
            self._looked = now
            self._look()
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(protocol)  # which Twisted asks what may be negotiated (ALPN)
        return connection

    def _look(self) -> None:
        marks = self._marks()
        if marks == self._seen:
            return
        self._seen = marks
        try:
            found = self._source.read()
            self._context = _context(found, self._asks)
        except ValueError as error:
            self.log.error(
                "{door}: the certificate stays what it was: {why!s}", door=self._door, why=error
            )
            return
        self.log.info(
            "{door}: new certificate, SHA-256 {fingerprint}",
            door=self._door,
            fingerprint=found[0].fingerprint,
        )

    def _marks(self) -> list[tuple[object, ...]]:
        """Return what shows that a file has changed."""
        try:
            files = [(path, path.stat()) for path in self._source.files()]
        except OSError:  # one is just being replaced, or gone for good
            return []
        return [(path, at.st_mtime_ns, at.st_size, at.st_ino) for path, at in files]


def _context(found: list[keys.Identity], asks: bool) -> SSL.Context:
    """Return the first one's context, which switches to that of the host asked for (RFC 6066)."""
    try:
        contexts = [each.options().getContext() for each in found]
    except SSL.Error as error:
        raise ValueError(f"OpenSSL does not take the certificate: {error}") from error
    named = {
        name: context
        for each, context in zip(reversed(found), reversed(contexts), strict=True)
        for name in each.names
    }

    def chosen(connection: SSL.Connection) -> None:
        asked = (connection.get_servername() or b"").decode("ascii", "replace").lower()
        wild = "*." + asked.partition(".")[2]
        context = named.get(asked) or named.get(wild)
        if context is not None and context is not contexts[0]:
            connection.set_context(context)

    for context in contexts:
        context.set_alpn_select_callback(_negotiated)
        if asks:
            # Who has signed it does not matter; that the client has the key is proven in any case
            # (RFC 8446, 4.4.3).
            context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    contexts[0].set_tlsext_servername_callback(chosen)
    first: SSL.Context = contexts[0]
    return first


def _negotiated(connection: SSL.Connection, offered: list[bytes]) -> Any:
    """Choose a protocol that both sides speak, or none: Twisted would end it there (RFC 7301)."""
    protocol: Any = connection.get_app_data()
    ours: list[bytes] = getattr(protocol.factory.wrappedFactory, "acceptableProtocols", list)()
    both = [each for each in ours if each in offered]
    return both[0] if both else SSL.NO_OVERLAPPING_PROTOCOLS


def encrypted(source: Source, factory: Any, door: str, reactor: Any, *, asks: bool = False) -> Any:
    """Put TLS round the factory of a door.

    :param asks: whether clients are asked for a certificate of theirs; any will do, or none.
    :raises ValueError: the files hold no certificate; the message is for the user.
    """
    creator: Any = Certificates(source, door, reactor.seconds, asks)
    made = TLSMemoryBIOFactory(creator, False, factory, reactor)
    # The default one gathers small writes for a turn, and loses them if the peer, which has asked
    # all that it wanted, takes its leave meanwhile.
    made.protocol = TLSMemoryBIOProtocol
    return made
