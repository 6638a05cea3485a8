"""Fast ports, connections and connectors: Twisted's own, for TCP and UNIX sockets, made fast."""

import os
import socket
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.address import IPv6Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IFileDescriptorReceiver
from twisted.logger import LogEvent, Logger, globalLogPublisher
from twisted.python import log
from twisted.python.failure import Failure

from twisted_net.net.fast import compiled, private
from twisted_net.net.fast.compiled import Stream, opened
from twisted_net.net.fast.streams import UNCOUNTED

#: Seconds for which nobody is accepted when not even the descriptor is there that is kept for that.
LACK = 1.0


class FastServer(Stream, tcp.Server):
    """A connection that was accepted; what it is called is worked out when somebody asks."""

    inherits = True  # what the port passes on, until told otherwise

    def __init__(
        self, sock: Any, protocol: Any, client: Any, server: Any, sessionno: int, reactor: Any
    ) -> None:
        if type(sock) is int:  # of `compiled.accept`; what else a connection has begins as it is
            self._fd = sock
            self.reactor = reactor
            self.protocol = protocol
            self.counters = UNCOUNTED
        else:
            tcp.Connection.__init__(self, sock, protocol, reactor)
            self._begin()
        if len(client) != 2:
            self._addressType = IPv6Address
        self.server = server
        self.client = client
        self.sessionno = sessionno
        self._first: Any = protocol  # whom log lines are marked with; in the end, of what class
        reactor.addReader(self)
        self.connected = 1
        self._plain = True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Send small segments at once, or not (ITCPTransport)."""
        server: Any = self.server
        if enabled and self.inherits and server is not None and server.passes_on:
            return
        if not enabled:
            self.inherits = False
        if not self._set_own(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled):
            super().setTcpNoDelay(enabled)

    def _lose(self, reason: Failure) -> None:
        # As Twisted does, but for asking most reasons at length whether they are another one.
        if not hasattr(self, "protocol"):
            return
        try:
            self.connected, self.disconnected = 0, 1
            if self.producer is not None:
                self.producer.stopProducing()
                self.producer = None
            self.reactor.removeReader(self)
            self.stopWriting()
            done = type(reason.value) is ConnectionDone
            if not done or self._shouldShutdown or not self._close_own():
                self._closeSocket(done or not reason.check(ConnectionAborted))
                del self.socket
                vars(self).pop("fileno", None)
            protocol = self.protocol
            del self.protocol
            protocol.connectionLost(reason)
        finally:
            self._first = type(self._first)  # a circle would be left to the garbage collector

    @cached_property
    def hostname(self) -> Any:  # type: ignore[override]
        """Where the peer is."""
        return self.client[0]

    @cached_property
    def logstr(self) -> str:  # type: ignore[override]  # may still be set, as Twisted does
        """What log lines are marked with."""
        first = self._first
        prefix = first.__name__ if isinstance(first, type) else self._getLogPrefix(first)
        return f"{prefix},{self.sessionno},{self.hostname}"

    @cached_property
    def repstr(self) -> str:  # type: ignore[override]
        """How it is shown."""
        server: Any = self.server
        port = None if server is None else server.number
        kind = self._first if isinstance(self._first, type) else type(self._first)
        return f"<{kind.__name__} #{self.sessionno} on {port}>"


class FastClient(Stream, tcp.Client):
    """A connection that was made."""

    def _connectDone(self) -> None:
        self._begin()
        super()._connectDone()
        self._judge()


class _Passing:
    """Uses the plain ``recv`` unless the protocol wants descriptors (unix(7), SCM_RIGHTS).

    The kernel closes those that nobody asks for, as Twisted's own ``recvmsg`` would have us do.
    """

    protocol: Any

    def doRead(self) -> Any:
        """Read once (IReadDescriptor)."""
        if IFileDescriptorReceiver.providedBy(self.protocol):
            read: Any = unix._SendmsgMixin.doRead
            return read(self)
        return super().doRead()  # type: ignore[misc]  # FastStream's


class FastUnixServer(_Passing, FastServer, unix.Server):
    """A connection that was accepted on a UNIX socket."""

    def __init__(
        self, sock: Any, protocol: Any, client: Any, server: Any, sessionno: int, reactor: Any
    ) -> None:
        unix._SendmsgMixin.__init__(self)
        FastServer.__init__(self, sock, protocol, (client, None), server, sessionno, reactor)


class FastUnixClient(_Passing, Stream, unix.Client):
    """A connection that was made to a UNIX socket."""

    def _connectDone(self) -> None:
        self._begin()
        super()._connectDone()
        self._judge()


class FastPort(tcp.Port):
    """A TCP port that accepts many at a time, at little cost each.

    :ivar passes_on: whether connections are born with the options that their factory asks for, in
        its ``socket_options``: `TCP_NODELAY` is one of them.
    :ivar number: the number it listened at first, which connections are shown with.
    """

    passes_on = False
    number: int | None = None

    transport = FastServer
    factory: Any

    def startListening(self) -> None:
        """Listen; set what all connections are to have once, on the socket that they come from.

        Linux hands options down. Whether it did is looked at when the first connection comes.
        """
        told: Any = self._told  # a function is an ILogObserver, which mypy cannot know
        self._logger = Logger(namespace=self._logger.namespace, observer=told)
        super().startListening()
        self.number = self._realPortNumber
        self._accept = _accepting(self.socket, self.transport)
        self._options = list(getattr(self.factory, "socket_options", ()))
        if self.addressFamily == socket.AF_UNIX:
            self._options = []
        try:
            for each in self._options:
                self.socket.setsockopt(*each)
        except OSError:
            self._options = []

    def doRead(self) -> None:
        """Accept who waits (IReadDescriptor)."""
        try:
            accepted = 0
            while accepted < self.numberAccepts:
                try:
                    found = self._accept()
                except BlockingIOError:
                    break
                except OSError:
                    self._lack()
                    return
                if found is None:
                    break
                accepted += 1
                self._enter(*found)
            if accepted == self.numberAccepts:
                self.numberAccepts += 20
            else:
                self.numberAccepts = max(1, accepted)
        except BaseException:  # as Twisted does
            log.deferr()

    def _lack(self) -> None:
        """Let Twisted turn away who waits: it keeps a descriptor for when there is no other.

        When it has lost that, to another thread, it would be asked again and again for nothing.
        """
        super().doRead()
        if not tcp._reservedFD.available():
            self.stopReading()
            reactor: Any = self.reactor
            reactor.callLater(LACK, self._look_again)

    def _look_again(self) -> None:
        if self.connected and not self.disconnecting:
            tcp._reservedFD.reserve()
            self.startReading()

    def _told(self, event: LogEvent) -> None:
        """Take what Twisted would log, a line or three for each who is turned away; count those."""
        drops = _drops(self.factory)
        if drops is None:
            globalLogPublisher(event)
        elif "address" in event:
            drops.drop("no_descriptor", (event["address"] or ("local",))[0])
        elif "acceptError" in event:
            drops.drop(f"not_accepted_{event['acceptError'].lower()}", "any")

    def _enter(self, sock: Any, address: Any) -> None:
        """Give a socket, or a descriptor that is none of Python's yet, to whom it is for."""
        if self._options:
            sock = self._look_at_options(sock)
        if self._addressType is IPv6Address and address[3]:
            name, _ = socket.getnameinfo(address, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
            address = (name, *address[1:])  # with the name of the interface
        try:
            protocol = self.factory.buildProtocol(self._buildAddr(address))
        except BaseException:
            _close(sock)
            raise
        if protocol is None:
            _close(sock)
            return
        number = self.sessionno
        self.sessionno = number + 1
        transport = self.transport(sock, protocol, address, self, number, self.reactor)
        protocol.makeConnection(transport)

    def _look_at_options(self, sock: Any) -> socket.socket:
        made: socket.socket = opened(sock) if isinstance(sock, int) else sock
        wanted, self._options = self._options, []
        self.passes_on = all(
            made.getsockopt(level, option) == value for level, option, value in wanted
        )
        return made


def _close(sock: Any) -> None:
    if isinstance(sock, int):
        os.close(sock)
    else:
        sock.close()


def _drops(factory: Any) -> Any:
    """Return where a factory, or the one inside it, counts whom it refuses; None: nowhere."""
    while factory is not None and not hasattr(factory, "drops"):
        factory = getattr(factory, "wrappedFactory", None)
    return getattr(factory, "drops", None)


def _accepting(listening: Any, transport: type[Any]) -> Callable[[], tuple[Any, Any] | None]:
    """Return what accepts a connection: ``accept``, without finding out each time for what kind."""
    lean = compiled.accept
    if lean is not None and _takes_descriptors(listening, transport):
        return partial(lean, listening)
    accept = getattr(listening, private.ACCEPT, None)
    if accept is None or type(listening) is not socket.socket:
        return listening.accept  # type: ignore[no-any-return]
    kind = (int(listening.family), int(listening.type), listening.proto)

    def accepted() -> tuple[socket.socket, Any]:
        fd, address = accept()
        return socket.socket(*kind, fileno=fd), address

    return accepted


def _takes_descriptors(listening: Any, transport: type[Any]) -> bool:
    families = (socket.AF_INET, socket.AF_INET6)
    real = type(listening) is socket.socket and listening.family in families
    return real and issubclass(transport, FastServer)


class FastUnixPort(FastPort, unix.Port):
    """A UNIX socket that accepts many at a time."""

    transport = FastUnixServer


class FastConnector(tcp.Connector):
    """What makes a connection, and makes it again."""

    def _makeTransport(self) -> tcp.Client:
        client: Any = FastClient
        made: tcp.Client = client(self.host, self.port, self.bindAddress, self, self.reactor)
        return made


class FastUnixConnector(unix.Connector):
    """What makes a connection to a UNIX socket, and makes it again."""

    def _makeTransport(self) -> Any:
        return FastUnixClient(self.address, self, self.reactor, self.checkPID)
